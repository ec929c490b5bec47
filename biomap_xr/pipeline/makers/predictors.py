"""Labelled plots with the predictors of their places: what the ensembles are trained and scored on.

Predictors are taken from the sources' own pixels, since a plot of some square metres is described
best by the finest pixel under it (paper 2, "Input data").
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from biomap_xr.covariates.points import predictors_at
from biomap_xr.covariates.predictors import PredictorsSettings
from biomap_xr.errors import InputError, RecipeError
from biomap_xr.folds.blocks import blocks_of
from biomap_xr.grid import Cells, Grid, Points, cell_code
from biomap_xr.habitats.ensemble.feature_reading import features_of
from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.ensemble.settings import EnsembleSettings
from biomap_xr.habitats.eunis import at_level, in_order, number_of
from biomap_xr.observations.plots import Plots
from biomap_xr.recipe import Recipe


@dataclass(frozen=True, eq=False)
class PlotPredictors:
    """Plots that bear a habitat and have predictors."""

    labels: tuple[tuple[str, ...], ...]
    """``(plot,)`` level-3 codes of each."""
    points: Points
    """``(plot,)`` places in the grid's CRS."""
    cells: Cells
    """``(plot,)`` cell of the grid, -1 off the grid."""
    values: NDArray[np.float32]
    """``(plot, feature)`` raw predictors, NaN where missing."""
    lost: dict[str, int]
    """Plots that bear a habitat and were left out, by the reason."""
    source: NDArray[np.int64]
    """``(plot,)`` place of each among the plots that were given."""

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(cls, plots: Plots, recipe: Recipe, table: FeatureTable) -> Self:
        """Take the predictors of plots.

        Args:
            plots: Curated; those without a habitat, coordinates or any predictor are left out.
            recipe: With absolute paths.
            table: The predictors that are wanted, in their order.

        Raises:
            InputError: A source cannot be read, a value cannot be true, or no plot is left.
            RecipeError: The recipe has no predictors.
        """
        (root, settings), grid = sources_of(recipe), Grid.from_settings(recipe.grid)
        borne = np.array([bool(codes) for codes in plots.labels], bool)
        way = Transformer.from_crs("EPSG:4326", str(grid.crs), always_xy=True)
        x, y = way.transform(plots.longitude, plots.latitude)
        # The far side of the earth has no place in a projection: PROJ says infinity there.
        placed = borne & np.isfinite(x) & np.isfinite(y)
        there = np.flatnonzero(placed)
        points = Points(np.asarray(x)[there], np.asarray(y)[there])
        columns = table.positions(settings.names, units_of(settings))
        values = predictors_at(root, settings, grid, points)[:, columns]
        known = ~np.isnan(values).all(axis=1)
        if not known.any():
            raise InputError(
                f"none of {int(borne.sum())} plots with a habitat has coordinates and a predictor "
                f"({len(there)} have coordinates); expected plots where the layers of "
                "covariates.predictors lie: look at coordinates and extents"
            )
        values = values[known]
        table.check_values(values)
        kept = Points(points.x[known], points.y[known])
        return cls(
            labels=tuple(plots.labels[each] for each in there[known]),
            points=kept,
            cells=grid.cells_of(kept),
            values=values,
            lost={
                "without coordinates": int(borne.sum() - len(there)),
                "without predictors": int(len(there) - known.sum()),
            },
            source=there[known].astype(np.int64),
        )

    def of_formation(self, formation: str, smallest_class: int) -> "FormationPlots":
        """Return the plots of one formation.

        Args:
            formation: Level-1 code.
            smallest_class: Plots that a class needs; those with fewer are dropped and listed.

        Raises:
            InputError: Fewer than two classes are left.
        """
        codes = tuple(
            tuple(dict.fromkeys(code for code in each if at_level(code, 1) == formation))
            for each in self.labels
        )
        counts = Counter(code for each in codes for code in each)
        classes = in_order(c for c, n in counts.items() if n >= smallest_class)
        dropped = {code: counts[code] for code in sorted(set(counts) - set(classes), key=number_of)}
        if len(classes) < 2:
            listed = ", ".join(f"{code} ({n})" for code, n in counts.items()) or "none"
            raise InputError(
                f"formation {formation}: {len(classes)} classes have {smallest_class} plots or "
                f"more (plots by class: {listed}); expected two at least: leave the formation out "
                "of habitats.by_environment.formations, or add plots"
            )
        return self.with_classes(formation, classes, dropped)

    def with_classes(
        self, formation: str, classes: tuple[str, ...], dropped: dict[str, int] | None = None
    ) -> "FormationPlots":
        """Return the plots that bear some of a formation's classes."""
        known = (dict.fromkeys(code for code in each if code in classes) for each in self.labels)
        labels = tuple(tuple(each) for each in known)
        plot = np.flatnonzero([bool(each) for each in labels])
        return FormationPlots(
            formation,
            classes,
            tuple(labels[each] for each in plot),
            Points(self.points.x[plot], self.points.y[plot]),
            self.cells[plot],
            self.values[plot],
            self.source[plot],
            dropped or {},
        )


@dataclass(frozen=True, eq=False)
class FormationPlots:
    """The plots of one formation; its rows have one code each."""

    formation: str
    classes: tuple[str, ...]
    """Level-3 codes by their number on the map."""
    labels: tuple[tuple[str, ...], ...]
    """``(plot,)`` classes of each, at least one."""
    points: Points
    """``(plot,)``"""
    cells: Cells
    """``(plot,)``"""
    values: NDArray[np.float32]
    """``(plot, feature)``"""
    source: NDArray[np.int64]
    """``(plot,)`` place of each among the plots that were given."""
    dropped: dict[str, int]
    """Classes that are too rare to be learnt, with their plots."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def plot(self) -> NDArray[np.int64]:
        """``(row,)`` plot of each row: a plot of several codes has several rows."""
        return np.repeat(np.arange(len(self)), [len(each) for each in self.labels])

    @property
    def codes(self) -> NDArray[np.str_]:
        """``(row,)`` code of each row."""
        return np.array([code for each in self.labels for code in each])

    @property
    def row_points(self) -> Points:
        """``(row,)`` places."""
        return Points(self.points.x[self.plot], self.points.y[self.plot])

    def block(self, side_m: int) -> NDArray[np.str_]:
        """Return the name of the square cell that each plot lies in ``(plot,)``.

        Args:
            side_m: Metres of its side.
        """
        numbers = blocks_of(self.points, side_m)
        return np.array([cell_code(side_m, x * side_m, y * side_m) for x, y in numbers.tolist()])


def feature_table(recipe: Recipe, settings: EnsembleSettings) -> FeatureTable:
    """Return the predictors of the ensembles with the units that the recipe's sources state.

    Args:
        recipe: With absolute paths.
        settings: Of the ensembles.

    Raises:
        InputError: A predictor is not among the sources, or in another unit.
        RecipeError: The recipe has no predictors.
    """
    _, sources = sources_of(recipe)
    units = units_of(sources)
    table = features_of(settings)
    table.positions(sources.names, units)
    return table.with_units(units)


def units_of(settings: PredictorsSettings) -> dict[str, str]:
    """Return the unit of each variable by its name."""
    return {name: each.unit for each in settings.variables for name in each.variables}


def sources_of(recipe: Recipe) -> tuple[Path, PredictorsSettings]:
    """Return the recipe's predictors and the folder of their files.

    Raises:
        RecipeError: It has none.
    """
    if recipe.covariates is None or recipe.covariates.predictors is None:
        raise RecipeError(
            f"recipe {recipe.name!r} asks for habitats by environment and has no section "
            "covariates.predictors; expected the layers that they are predicted from: add it"
        )
    return recipe.covariates.root, recipe.covariates.predictors
