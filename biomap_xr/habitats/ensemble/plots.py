"""Labelled plots with the predictors of their places: what the ensembles are trained and scored on.

Predictors are taken from the sources' own pixels, since a plot of some square metres is described
best by the finest pixel under it (paper 2, "Input data").
"""

from collections import Counter
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from biomap_xr.errors import InputError
from biomap_xr.folds.blocks import blocks_of
from biomap_xr.grid import Cells, Grid, Points, cell_code
from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.eunis import at_level, in_order, number_of
from biomap_xr.observations.plots import Plots


@dataclass(frozen=True, eq=False)
class LabelledPlaces:
    """Plots that bear a habitat and have coordinates."""

    plots: Plots
    """All that were given."""
    source: NDArray[np.int64]
    """``(place,)`` place of each among them."""
    points: Points
    """``(place,)`` in the grid's CRS."""
    labelled: int
    """Plots that bear a habitat, with coordinates or without."""

    @classmethod
    def of(cls, plots: Plots, grid: Grid) -> Self:
        """Find the plots that can be looked at."""
        borne = np.array([bool(codes) for codes in plots.labels], bool)
        way = Transformer.from_crs("EPSG:4326", str(grid.crs), always_xy=True)
        x, y = way.transform(plots.longitude, plots.latitude)
        # The far side of the earth has no place in a projection: PROJ says infinity there.
        there = np.flatnonzero(borne & np.isfinite(x) & np.isfinite(y)).astype(np.int64)
        return cls(
            plots, there, Points(np.asarray(x)[there], np.asarray(y)[there]), int(borne.sum())
        )


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
    def of(
        cls,
        places: LabelledPlaces,
        values: NDArray[np.float32],
        grid: Grid,
        table: FeatureTable,
    ) -> Self:
        """Keep the places that have predictors.

        Args:
            places: Of labelled plots.
            values: ``(place, feature)`` in the order of the table, NaN where missing; places
                without any predictor are left out.
            grid: Of the map.
            table: Types of the predictors.

        Raises:
            InputError: A value cannot be true, or no plot is left.
        """
        known = ~np.isnan(values).all(axis=1)
        if not known.any():
            raise InputError(
                f"none of {places.labelled} plots with a habitat has coordinates and a predictor "
                f"({len(places.source)} have coordinates); expected plots where the layers of "
                "covariates.predictors lie: look at coordinates and extents"
            )
        values = values[known]
        table.check_values(values)
        kept = Points(places.points.x[known], places.points.y[known])
        source = places.source[known]
        return cls(
            labels=tuple(places.plots.labels[each] for each in source),
            points=kept,
            cells=grid.cells_of(kept),
            values=values,
            lost={
                "without coordinates": places.labelled - len(places.source),
                "without predictors": int((~known).sum()),
            },
            source=source,
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
