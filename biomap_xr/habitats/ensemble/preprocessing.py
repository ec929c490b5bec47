"""Raw predictors as each learner wants them (paper 2, Feature pre-processing).

All learners: days and frequencies as a share of their reference, circles as cosine and sine. Then

| style | continuous | category | missing value | category not in training |
|---|---|---|---|---|
| ``forest`` | as it is | one-hot | median, counted | no column is 1 |
| ``perceptron`` | z-score | one-hot | median, counted | no column is 1 |
| ``embedding`` | z-score | number from 1 | median, counted | 0: a vector of zeros |
| ``xgboost`` | as it is | native, number from 0 | native | as a missing one |
| ``lightgbm`` | as it is | ordinal, number from 0 | native | as a missing one |
| ``catboost`` | as it is | native, number from 0 | native; -1 | -2: without statistics |

A missing category is one-hot without a 1, too. Medians are those of prepared columns: of cosine and
of sine for a circle. Everything is fitted on training rows alone and stored with the learner.
"""

from collections.abc import Iterator
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.features import Feature, FeatureTable
from biomap_xr.settings import Settings

Style = Literal["forest", "perceptron", "embedding", "xgboost", "lightgbm", "catboost"]

IMPUTED: tuple[Style, ...] = ("forest", "perceptron", "embedding")
"""Styles whose missing values become medians."""
STANDARDISED: tuple[Style, ...] = ("perceptron", "embedding")
"""Styles whose continuous values become z-scores."""
ONE_HOT: tuple[Style, ...] = ("forest", "perceptron")
MISSING, UNSEEN = -1.0, -2.0
"""CatBoost's numbers of a category that is missing, and of one that training rows lack."""


class Preparation(Settings):
    """A fitted pre-processing; JSON by `model_dump_json`."""

    style: Style
    table: FeatureTable
    levels: dict[str, tuple[int, ...]]
    """Sorted values of each category, declared or of the training rows."""
    medians: tuple[float, ...]
    """Of each numeric column; 0 where missing values are left to the library."""
    centres: tuple[float, ...]
    """Taken off each numeric column; 0 where it is no z-score."""
    scales: tuple[float, ...]
    """What each numeric column is divided by; 1 where it is no z-score."""

    @classmethod
    def fit(cls, style: Style, table: FeatureTable, values: NDArray[np.float32]) -> Self:
        """Fit on training rows.

        Args:
            style: Of the learner.
            table: Types of the predictors.
            values: Raw predictors of the training rows ``(row, feature)``, NaN where missing.

        Raises:
            InputError: Values cannot be of their types, or one predictor has none at all.
        """
        table.check_values(values)
        nowhere = [
            name
            for name, column in zip(table.names, values.T, strict=True)
            if bool(np.isnan(column).all())
        ]
        if nowhere:
            raise InputError(
                f"predictors {nowhere} have no value in any of {len(values)} training rows; "
                "expected at least one: leave them out or check where plots and predictors overlap"
            )
        columns = _numeric(table, values)
        levels = {
            feature.name: _levels(feature, values[:, place])
            for place, feature in _categories(table)
        }
        medians = np.nanmedian(columns, axis=0) if style in IMPUTED else np.zeros(columns.shape[1])
        centres, scales = np.zeros(columns.shape[1]), np.ones(columns.shape[1])
        kinds = [feature.kind for feature in table.features for _ in _numeric_names(feature)]
        if style in STANDARDISED:
            for place in np.flatnonzero([kind == "continuous" for kind in kinds]):
                centres[place] = np.nanmean(columns[:, place])
                # A constant column says nothing; divided by 1 it stays 0 instead of becoming NaN.
                scales[place] = np.nanstd(columns[:, place]) or 1.0
        return cls(
            style=style,
            table=table,
            levels=levels,
            medians=tuple(medians.tolist()),
            centres=tuple(centres.tolist()),
            scales=tuple(scales.tolist()),
        )

    @property
    def category_sizes(self) -> tuple[int, ...]:
        """How many categories each of the last columns has; empty where they are one-hot."""
        if self.style in ONE_HOT:
            return ()
        return tuple(len(levels) for levels in self.levels.values())

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the prepared columns: numeric ones first, then categories."""
        numeric = [name for feature in self.table.features for name in _numeric_names(feature)]
        if self.style not in ONE_HOT:
            return (*numeric, *self.levels)
        hot = [f"{name}={level}" for name, levels in self.levels.items() for level in levels]
        return (*numeric, *hot)

    def apply(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Prepare raw predictors.

        Args:
            values: ``(row, feature)`` in the order of the table, NaN where missing.

        Returns:
            ``(row, column)`` in the order of `names`; NaN only where the library takes it.

        Raises:
            InputError: Columns do not fit the table.
        """
        self.table.check_columns(values)
        numeric = _numeric(self.table, values)
        if self.style in IMPUTED:
            numeric = np.where(np.isnan(numeric), self.medians, numeric)
        if self.style in STANDARDISED:
            numeric = (numeric - self.centres) / self.scales
        parts = [numeric.astype(np.float32)]
        parts += [
            self._category(feature, values[:, place]) for place, feature in _categories(self.table)
        ]
        return np.concatenate(parts, axis=1)

    def missing(self, values: NDArray[np.float32]) -> dict[str, int]:
        """Count the rows of values ``(row, feature)`` that lack a predictor, by its name."""
        counts = np.isnan(values).sum(axis=0).tolist()
        return {name: n for name, n in zip(self.table.names, counts, strict=True) if n}

    def _category(self, feature: Feature, column: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return one-hot columns ``(row, level)``, or a column ``(row, 1)`` of numbers."""
        levels = np.array(self.levels[feature.name], np.float32)
        if self.style in ONE_HOT:
            return (column[:, None] == levels).astype(np.float32)
        place = np.searchsorted(levels, column).clip(max=len(levels) - 1)
        known = levels[place] == column
        if self.style == "embedding":
            return np.where(known, place + 1, 0).astype(np.float32)[:, None]
        other = np.full(len(column), np.nan)
        if self.style == "catboost":
            other = np.where(np.isnan(column), MISSING, UNSEEN)
        return np.where(known, place, other).astype(np.float32)[:, None]


def _categories(table: FeatureTable) -> Iterator[tuple[int, Feature]]:
    """Give the place and the feature of each category."""
    return ((i, each) for i, each in enumerate(table.features) if each.kind == "category")


def _levels(feature: Feature, column: NDArray[np.float32]) -> tuple[int, ...]:
    if feature.categories:
        return tuple(sorted(feature.categories))
    return tuple(int(value) for value in np.unique(column[~np.isnan(column)]))


def _numeric(table: FeatureTable, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return all but categories ``(row, column)``: scaled by reference, circles as two columns."""
    columns: list[NDArray[np.float64]] = []
    for feature, raw in zip(table.features, values.T, strict=True):
        if feature.kind == "category":
            continue
        share = raw.astype(np.float64) / (feature.reference or 1.0)
        if feature.kind == "cyclic":
            columns += [np.cos(2 * np.pi * share), np.sin(2 * np.pi * share)]
        else:
            columns.append(share)
    return np.stack(columns, axis=1) if columns else np.empty((len(values), 0))


def _numeric_names(feature: Feature) -> tuple[str, ...]:
    if feature.kind == "cyclic":
        return (f"cos {feature.name}", f"sin {feature.name}")
    return () if feature.kind == "category" else (feature.name,)
