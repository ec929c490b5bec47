"""Settings of static variables: where each lies, what it means, and which of them to keep."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from biomap_xr.settings import Settings


class PredictorSettings(Settings):
    """One static variable."""

    name: str
    path: str | tuple[str, ...]
    """One file, or several that are averaged (kind ``temporal_mean``)."""
    band: int | str = 1
    """Band by number (from 1) or by its description."""
    kind: Literal["continuous", "proportions", "code", "temporal_mean"] = "continuous"
    """How it is brought to the grid: bilinear, share of each class, nearest, or bilinear and
    averaged over files."""
    unit: str = "1"
    nodata: float | None = None
    """Value of a missing cell, beside the one that the file states."""
    valid_range: tuple[float, float] | None = None
    """Smallest and largest value that can be true, in `unit`."""
    scale: float = 1.0
    """Value in `unit` = stored value x scale + offset."""
    offset: float = 0.0
    classes: Mapping[str, tuple[int, ...]] = Field(default_factory=dict)
    """For proportions: name of each class to its codes; one variable ``<name>_<class>`` each."""
    crs: str | None = None
    """CRS of files that state none."""
    aligned: bool = False
    """The file is on this grid already; it is refused where it is not, and never resampled."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.kind == "proportions") != bool(self.classes):
            raise ValueError(
                f"predictor {self.name!r}: kind {self.kind!r} with classes {self.classes}; kind "
                "'proportions' needs classes, and only it"
            )
        if (self.kind == "temporal_mean") != (len(self.paths) > 1):
            raise ValueError(
                f"predictor {self.name!r}: kind {self.kind!r} with {len(self.paths)} files; kind "
                "'temporal_mean' needs several, and only it"
            )
        if self.valid_range and self.valid_range[0] > self.valid_range[1]:
            raise ValueError(
                f"predictor {self.name!r}: valid_range {self.valid_range} is empty; swap its ends"
            )
        return self

    @property
    def paths(self) -> tuple[str, ...]:
        """The files, one or several."""
        return (self.path,) if isinstance(self.path, str) else self.path

    @property
    def variables(self) -> tuple[str, ...]:
        """Names in the cube: its own, or one a class."""
        return tuple(f"{self.name}_{label}" for label in self.classes) or (self.name,)


class SelectionSettings(Settings):
    """Keep the least correlated predictors only."""

    threshold: float = Field(0.7, gt=0, le=1)
    """Largest absolute Pearson correlation between two that are kept."""
    samples: int = Field(20_000, gt=2)
    """Places drawn over the extent to measure it."""
    seed: int = 0


class PredictorsSettings(Settings):
    """Static variables on a grid of their own."""

    variables: tuple[PredictorSettings, ...] = Field(min_length=1)
    resolution: float = Field(100.0, gt=0)
    """Metres; divides the tile."""
    selection: SelectionSettings | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = self.names
        # Classes make names of their own, which may meet those of others.
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise ValueError(
                f"predictors: the names {double} stand twice; each variable needs its own"
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all variables in the cube, before any selection."""
        return tuple(name for variable in self.variables for name in variable.variables)
