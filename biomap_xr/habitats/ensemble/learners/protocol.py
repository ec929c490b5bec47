"""What every learner is, whatever library is behind it: raw predictors in, probabilities out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError

Family = Literal["bagging", "boosting", "perceptron"]
Algorithm = Literal["forest", "xgboost", "catboost", "lightgbm", "perceptron"]

FAMILIES: dict[Algorithm, Family] = {
    "forest": "bagging",
    "xgboost": "boosting",
    "catboost": "boosting",
    "lightgbm": "boosting",
    "perceptron": "perceptron",
}
"""The family of each algorithm (paper 2, Methods, Selected ML algorithms)."""


@runtime_checkable
class Learner(Protocol):
    """A trained classifier of one formation's level-3 habitats."""

    name: str
    """Of the member, such as ``wrf``."""
    classes: tuple[str, ...]
    """Codes that it was trained on, sorted by their number on the map."""

    @property
    def family(self) -> Family:
        """Bagging, boosting or perceptron."""

    def predict_proba(self, values: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return probabilities ``(row, class)`` of raw predictors ``(row, feature)``, NaN: missing.

        Rows sum to 1; classes are the learner's own.
        """

    def to_files(self) -> dict[str, bytes]:
        """Return the learner as files by name; never a pickle."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Labelled observations of one formation."""

    values: NDArray[np.float32]
    """Raw predictors ``(row, feature)`` in the order of the feature table, NaN where missing."""
    codes: NDArray[np.str_]
    """Level-3 code of each row ``(row,)``; a plot of several habitats has a row for each."""

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.codes.shape != self.values.shape[:1]:
            raise InputError(
                f"rows: predictors of shape {self.values.shape} and codes of shape "
                f"{self.codes.shape}; expected (row, feature) and (row,): give one code a row"
            )

    def __len__(self) -> int:
        return len(self.codes)

    def select(self, where: NDArray[Any]) -> Self:
        """Return some rows, by a mask ``(row,)`` or by their numbers."""
        return type(self)(self.values[where], self.codes[where])


@dataclass(frozen=True, eq=False)
class Problem:
    """What a library is given: prepared columns and numbered classes."""

    columns: NDArray[np.float32]
    """``(row, column)``, as the preparation of the algorithm makes them."""
    labels: NDArray[np.int64]
    """Number of the class of each row ``(row,)``."""
    weights: NDArray[np.float64]
    """Weight of each row ``(row,)``, positive; all 1 without class weights."""
    classes: int
    """How many classes there are; each has at least one row in training."""
    categories: tuple[int, ...] = ()
    """How many categories each of the last columns has, where these are left to the library."""


@dataclass(frozen=True)
class Means:
    """What a fit may use and where its random numbers start."""

    seed: int = 0
    """Equal seeds give equal learners on one machine."""
    threads: int = 1
    """Threads of one fit; libraries' own defaults take every core, also in each of many workers."""
    device: str = "cpu"
    """Of perceptrons; trees are grown on the processor."""
    checkpoint: Path | None = None
    """Folder where a perceptron's fit goes on after it was killed; None keeps none."""


ONE_THREAD = Means()


class Model(Protocol):
    """What a library made of a problem."""

    def probabilities(self, columns: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
        """Return ``(row, class)`` of prepared columns ``(row, column)``; rows sum to 1."""

    def summary(self) -> dict[str, Any]:
        """Return what is told of the model in cards and reports, such as rounds used."""

    def to_files(self) -> dict[str, bytes]:
        """Return the model in its library's own open format, by file name."""
