"""Folds of whole spatial blocks in which every habitat has its share (paper 2, "Spatial Block-CV").

Observations near each other are alike, so a fold holds whole cells of 100 km. Cells are dealt out
by iterative stratification, from the rarest to the most frequent habitat, and finer cells are tried
where a fold would hold disproportionately few observations.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, JsonValue, model_validator

from biomap_xr.errors import InputError
from biomap_xr.folds.roles import blocks_of
from biomap_xr.grid import Points, cell_code
from biomap_xr.settings import Settings

RANDOM, SITE = "random", "site"
"""Names of two splits to compare with blocks: single plots, and all plots of one site."""


class BlockSettings(Settings):
    """How the observations of a formation are split for cross-validation."""

    folds: int = Field(5, ge=2)
    """Number of folds; a voter is trained on all but one."""
    sides_m: tuple[int, ...] = Field((100_000, 50_000, 10_000), min_length=1)
    """Sides of the cells in metres in EPSG:3035: the first that is balanced is taken."""
    smallest: float = Field(0.5, ge=0, le=1)
    """Folds are balanced where the smallest has this share of the mean number of observations."""
    count: Literal["frequency", "presence"] = "frequency"
    """What is kept in proportion: observations of each class (paper 2), or the cells that a class
    occurs in (the authors' code)."""
    seed: int = Field(0, ge=0)
    """Decides between cells that are equally good."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if min(self.sides_m) <= 0 or any(a <= b for a, b in pairwise(self.sides_m)):
            raise ValueError(
                f"sides_m: {self.sides_m}; expected positive lengths in metres, the longest first"
            )
        return self


@dataclass(frozen=True)
class Balance:
    """How evenly folds share observations and classes."""

    observations: tuple[int, ...]
    """``(fold,)`` observations in each."""
    smallest: float
    """Observations of the smallest fold over the mean, 0 to 1."""
    deviation: float
    """Mean over classes and folds of abs(share of the class in the fold - 1 / folds), 0 to 1."""
    absent: tuple[tuple[int, ...], ...]
    """``(fold,)`` classes without an observation in each: nothing scores them there."""
    unlearnt: tuple[tuple[int, ...], ...]
    """``(fold,)`` classes of this fold alone: its voters never saw one and cannot name it."""


@dataclass(frozen=True)
class Trial:
    """One size of cell and what it gave."""

    side_m: int
    units: int
    balance: Balance


@dataclass(frozen=True, eq=False)
class Folds:
    """The fold of every observation, and how it was found."""

    fold: NDArray[np.int64]
    """``(observation,)`` from 0."""
    unit: NDArray[np.str_]
    """``(observation,)`` name of the cell or group that stays together."""
    balance: Balance
    trials: tuple[Trial, ...] = ()
    """Sizes of cell in the order tried, the one that was taken last; none for groups."""

    @property
    def number(self) -> int:
        """Number of folds."""
        return len(self.balance.observations)

    def record(self, classes: tuple[str, ...]) -> dict[str, JsonValue]:
        """Describe the folds for the card of a model, classes by their names."""
        described: dict[str, JsonValue] = _described(self.balance, classes)
        described["units"] = len(np.unique(self.unit))
        described["tried"] = [
            {"side_m": trial.side_m, "units": trial.units, **_described(trial.balance, classes)}
            for trial in self.trials
        ]
        return described


def block_folds(
    points: Points, label: NDArray[np.int64], classes: int, settings: BlockSettings
) -> Folds:
    """Deal spatial cells out to folds; observations follow their cell.

    Where no size of cell is balanced, the last one is taken and its balance says so.

    Args:
        points: Places ``(observation,)`` in metres in EPSG:3035.
        label: ``(observation,)`` class, 0 to classes - 1.
        classes: Number of classes.
        settings: Number of folds, sizes of cell, what balanced means.

    Raises:
        InputError: Labels do not fit, or even the finest cells are fewer than the folds.
    """
    _check(label, classes)
    trials: list[Trial] = []
    for side in settings.sides_m:
        cells, unit = np.unique(blocks_of(points, side), axis=0, return_inverse=True)
        unit = unit.reshape(-1)
        # Too few coarse cells may still be enough fine ones.
        if len(cells) < settings.folds:
            continue
        fold = _deal(unit, label, classes, settings)
        trials.append(Trial(side, len(cells), balance_of(fold, label, classes, settings.folds)))
        names = np.array([cell_code(side, x * side, y * side) for x, y in cells])
        if trials[-1].balance.smallest >= settings.smallest:
            break
    if not trials:
        raise InputError(
            f"{len(label)} observations lie in {len(cells)} cells of {side} m; expected at least "
            f"one for each of {settings.folds} folds: gather more, or set fewer folds or finer "
            "sides_m"
        )
    return Folds(fold, names[unit], trials[-1].balance, tuple(trials))


def group_folds(
    group: NDArray[Any], label: NDArray[np.int64], classes: int, settings: BlockSettings
) -> Folds:
    """Deal groups such as polygons or regions out to folds: none is on both sides of a split.

    Args:
        group: ``(observation,)`` name or number of the group that each belongs to.
        label: ``(observation,)`` class, 0 to classes - 1.
        classes: Number of classes.
        settings: Number of folds and seed; as many folds as groups leave one group out at a time.

    Raises:
        InputError: Labels do not fit, or there are fewer groups than folds.

    >>> folds = group_folds(np.array(list("aabbc")), np.array([0, 1, 0, 1, 1]), 2,
    ...                     BlockSettings(folds=3))
    >>> bool(folds.fold[0] == folds.fold[1] != folds.fold[2]), folds.balance.unlearnt
    (True, ((), (), ()))
    """
    _check(label, classes)
    names, unit = np.unique(group, return_inverse=True)
    if len(names) < settings.folds:
        raise InputError(
            f"{len(names)} groups ({', '.join(map(str, names[:3]))} ...) for {settings.folds} "
            f"folds; expected at least one each: set folds to {len(names)} or name finer groups"
        )
    fold = _deal(unit.reshape(-1), label, classes, settings)
    balance = balance_of(fold, label, classes, settings.folds)
    return Folds(fold, np.asarray(group).astype(np.str_), balance)


def random_folds(label: NDArray[np.int64], classes: int, settings: BlockSettings) -> Folds:
    """Deal single observations out to folds, as a comparison: neighbours leak into training.

    Args:
        label: ``(observation,)`` class, 0 to classes - 1.
        classes: Number of classes.
        settings: Number of folds and seed.

    Raises:
        InputError: Labels do not fit, or there are fewer observations than folds.
    """
    return group_folds(np.arange(len(label)), label, classes, settings)


def balance_of(
    fold: NDArray[np.int64], label: NDArray[np.int64], classes: int, folds: int
) -> Balance:
    """Measure how evenly folds share observations and classes.

    Args:
        fold: ``(observation,)`` 0 to folds - 1.
        label: ``(observation,)`` 0 to classes - 1.
        classes: Number of classes.
        folds: Number of folds.

    >>> balance_of(np.array([0, 0, 1]), np.array([0, 1, 0]), 2, 2).unlearnt
    ((1,), ())
    """
    counts = np.zeros((folds, classes), np.int64)
    np.add.at(counts, (fold, label), 1)
    total = counts.sum(axis=0)
    # A class that no observation has counts neither for nor against a split.
    share = counts / np.maximum(total, 1)
    observations = counts.sum(axis=1)
    return Balance(
        observations=tuple(observations.tolist()),
        smallest=float(observations.min() / observations.mean()),
        deviation=float(np.abs(share - 1 / folds)[:, total > 0].mean()),
        absent=_members((counts == 0) & (total > 0)),
        unlearnt=_members((counts == total) & (total > 0)),
    )


def _deal(
    unit: NDArray[np.int64], label: NDArray[np.int64], classes: int, settings: BlockSettings
) -> NDArray[np.int64]:
    """Return the fold of each observation from that of its unit, shape ``(observation,)``."""
    counts = np.zeros((int(unit.max()) + 1, classes), np.int64)
    np.add.at(counts, (unit, label), 1)
    dealer = _by_presence if settings.count == "presence" else _by_frequency
    return dealer(counts, settings)[unit]


def _by_presence(counts: NDArray[np.int64], settings: BlockSettings) -> NDArray[np.int64]:
    """Stratify the presence of classes ``(unit, class)`` as Sechidis et al. (2011): ``(unit,)``."""
    # Brings all of scikit-learn, which a recipe's settings alone do not need.
    from iterstrat.ml_stratifiers import MultilabelStratifiedKFold  # noqa: PLC0415

    splitter = MultilabelStratifiedKFold(settings.folds, shuffle=True, random_state=settings.seed)
    fold = np.zeros(len(counts), np.int64)
    for index, (_, held_out) in enumerate(splitter.split(counts, counts > 0)):
        fold[held_out] = index
    return fold


def _by_frequency(counts: NDArray[np.int64], settings: BlockSettings) -> NDArray[np.int64]:
    """Stratify counts of observations ``(unit, class)``, the rarest class first: ``(unit,)``.

    A unit goes where most observations of the class are still wanted, then where most of any are.
    """
    folds, total = settings.folds, counts.sum(axis=0)
    wanted = np.outer(np.full(folds, 1 / folds), total)
    # Units of equal counts are dealt out by chance, not by where they lie.
    order = np.random.default_rng(settings.seed).permutation(len(counts))
    fold = np.full(len(counts), -1, np.int64)
    for chosen in np.argsort(total, kind="stable"):
        units = order[(fold[order] < 0) & (counts[order, chosen] > 0)]
        # The largest units first: small ones then fill what is left.
        for unit in units[np.argsort(-counts[units, chosen], kind="stable")]:
            fold[unit] = np.lexsort((-wanted.sum(axis=1), -wanted[:, chosen]))[0]
            wanted[fold[unit]] -= counts[unit]
    return fold


def _check(label: NDArray[np.int64], classes: int) -> None:
    if not len(label) or label.min() < 0 or label.max() >= classes:
        seen = f"{label.min()} to {label.max()}" if len(label) else "none"
        raise InputError(
            f"labels of {len(label)} observations are {seen}; expected 0 to {classes - 1}, the "
            "places in the formation's list of classes: number them by it"
        )
    if len(np.unique(label)) < 2:
        raise InputError(
            f"all {len(label)} observations are of class {label[0]}; expected two classes or more: "
            "leave the formation out"
        )


def _members(flags: NDArray[np.bool_]) -> tuple[tuple[int, ...], ...]:
    """Turn flags ``(fold, class)`` into the classes of each fold."""
    return tuple(tuple(np.flatnonzero(row).tolist()) for row in flags)


def _described(balance: Balance, classes: tuple[str, ...]) -> dict[str, JsonValue]:
    return {
        "observations": list(balance.observations),
        "smallest_over_mean": round(balance.smallest, 4),
        "mean_deviation_of_class_shares": round(balance.deviation, 4),
        "absent": [[classes[index] for index in row] for row in balance.absent],
        "unlearnt": [[classes[index] for index in row] for row in balance.unlearnt],
    }
