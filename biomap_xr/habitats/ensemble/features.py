"""The predictors of habitat models: their types, units and order.

Types are those of paper 2's feature table: continuous values, days of a year, frequencies, values
that go round in a circle, and categories.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from biomap_xr.errors import InputError
from biomap_xr.settings import Settings

Kind = Literal["continuous", "days", "frequency", "cyclic", "category"]

PUBLISHED_PREDICTORS = (
    *("bio01", "bio04", "gdd5", "bio12", "bio15", "scd", "swe"),
    *("distace2FW", "distance2Coast", "inundation_seasonality", "TPILF", "TRI", "aspect"),
    *("dr", "parmado", "AWC", "BulkDensity", "CoarseFragments", "SandE", "SiltE", "ClayE"),
    *("pH_H2O", "C", "N", "CEC", "CaCO3"),
    *("canopy_height", "lai_spring", "lai_summer", "canopy_density"),
    *("SOSD", "LSLOPE", "AMPL", "RSLOPE", "LENGTH", "TPROD"),
    *("Grassland", "Tree_cover", "Built_up", "Bare_sparse_vegetation", "Cropland"),
    *("Permanent_water_bodies", "Herbaceous_wetland", "Shrubland", "Moss_lichen", "Snow_ice"),
)
"""The 46 of the published table that paper 2's models read: 26 abiotic, 20 remotely sensed."""
SCALED: tuple[Kind, ...] = ("days", "frequency", "cyclic")


class Feature(Settings):
    """One predictor.

    >>> Feature(name="aspect", kind="cyclic", reference=360, unit="degree").reference
    360.0
    """

    name: str = Field(min_length=1)
    """As in the predictors group of the covariates."""
    kind: Kind = "continuous"
    reference: float | None = Field(None, gt=0)
    """What a full year, a whole or a full circle is: 365 days, 100 percent, 360 degrees."""
    categories: tuple[int, ...] = ()
    """Values of a category that are known beforehand; empty: those of the training rows."""
    unit: str | None = None
    """UDUNITS spelling, as the cube's; none: not stated, and not checked."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind in SCALED and self.reference is None:
            raise ValueError(
                f"feature {self.name!r}: kind {self.kind!r} without a reference; expected the "
                "value of a full year, whole or circle, such as 365, 100 or 360: give it"
            )
        if self.kind not in SCALED and self.reference is not None:
            raise ValueError(
                f"feature {self.name!r}: reference {self.reference:g} has no meaning for kind "
                f"{self.kind!r}; expected one of {SCALED}: leave it out or change the kind"
            )
        if self.categories and self.kind != "category":
            raise ValueError(
                f"feature {self.name!r}: categories {self.categories} given for kind "
                f"{self.kind!r}; expected kind 'category': change it or leave them out"
            )
        return self


class FeatureTable(Settings):
    """The predictors of a model, in the order of the columns of its input ``(row, feature)``."""

    features: tuple[Feature, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise ValueError(f"features: {twice} named twice; expected each name once: drop one")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the predictors in order."""
        return tuple(feature.name for feature in self.features)

    def select(self, names: Sequence[str]) -> Self:
        """Return the table of some predictors, in the order asked for.

        Raises:
            InputError: One is not in the table.

        >>> table = FeatureTable(features=(Feature(name="slope"), Feature(name="fd")))
        >>> table.select(["fd"]).names
        ('fd',)
        """
        by_name = {feature.name: feature for feature in self.features}
        unknown = [name for name in names if name not in by_name]
        if unknown:
            raise InputError(
                f"predictors {unknown} are not in the feature table, which has "
                f"{', '.join(by_name)}; expected a type for each: add them or correct the names"
            )
        return type(self)(features=tuple(by_name[name] for name in names))

    def with_units(self, units: Mapping[str, str]) -> Self:
        """Return the table with units filled in where it states none.

        Args:
            units: By name of predictor, as the cube that training rows come from states them.
        """
        stated = tuple(
            feature
            if feature.unit is not None
            else feature.model_copy(update={"unit": units.get(feature.name)})
            for feature in self.features
        )
        return type(self)(features=stated)

    def positions(self, names: Sequence[str], units: Mapping[str, str]) -> NDArray[np.int64]:
        """Find each predictor of the table among those at hand, in the units of training.

        Args:
            names: Of the predictors at hand, such as the ``variable`` coordinate of the cube.
            units: Of the predictors at hand, by name.

        Returns:
            Where each of the table's predictors is in ``names`` ``(feature,)``.

        Raises:
            InputError: A predictor is missing, or its unit is not the one of training.

        >>> table = FeatureTable(features=(Feature(name="fd", unit="day"),))
        >>> table.positions(["slope", "fd"], {"fd": "day"}).tolist()
        [1]
        """
        missing = [name for name in self.names if name not in names]
        if missing:
            raise InputError(
                f"predictors {missing} are missing, there are {', '.join(names)}; expected all "
                f"{len(self.names)} of training: gather them, or train without them"
            )
        for feature in self.features:
            unit = units.get(feature.name)
            if feature.unit is not None and unit != feature.unit:
                raise InputError(
                    f"predictor {feature.name!r} is in {unit!r}, expected {feature.unit!r} as at "
                    "training; convert it, or train on the unit at hand"
                )
        return np.array([list(names).index(name) for name in self.names], np.int64)

    def check_values(self, values: NDArray[np.float32]) -> None:
        """Refuse values that no predictor of its type can have.

        Args:
            values: Raw predictors ``(row, feature)``, NaN where missing.

        Raises:
            InputError: Columns do not fit the table, a value is infinite, a frequency is not in
                0..reference (a fraction in percent, or a fill value), or a category is not whole.
        """
        self.check_columns(values)
        for column, feature in zip(values.T, self.features, strict=True):
            found = column[~np.isnan(column)]
            low, high = _bounds(feature)
            wrong = ~((found >= low) & (found <= high) & np.isfinite(found))
            if feature.kind == "category":
                wrong |= found != np.round(found)
            if wrong.any():
                raise InputError(
                    f"predictor {feature.name!r} ({feature.kind}) has the value "
                    f"{found[wrong][0]:g} in {wrong.sum()} rows; expected {_wanted(feature)}: mark "
                    "fill values as missing, or correct its type or reference"
                )

    def check_columns(self, values: NDArray[np.float32]) -> None:
        """Refuse an array ``(row, feature)`` whose columns are not the table's.

        Raises:
            InputError: Their number differs.
        """
        if values.ndim != 2 or values.shape[1] != len(self.features):
            raise InputError(
                f"predictors have the shape {values.shape}, expected (row, {len(self.features)}) "
                f"in the order {', '.join(self.names)}; take them by `FeatureTable.positions`"
            )


def _bounds(feature: Feature) -> tuple[float, float]:
    # A season or a circle may begin before or end after the year; only a share cannot be more.
    if feature.kind == "frequency" and feature.reference is not None:
        return 0.0, feature.reference * (1 + 1e-6)
    return -np.inf, np.inf


def _wanted(feature: Feature) -> str:
    if feature.kind == "frequency":
        return f"0 to {feature.reference:g}"
    return "whole numbers" if feature.kind == "category" else "finite numbers"
