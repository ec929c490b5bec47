"""Step 2, the regional filter: a class is kept where its ecoregion or coast has plots of it.

Paper 2, "Step 2: Regional filtering rules": the association between classes and regions comes from
plots, and multiplies the probabilities of the models. Probabilities keep their scale here, as
paper 2's first product does.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.cube import NO_PERCENT
from biomap_xr.habitats.eunis import normalise, number_of
from biomap_xr.habitats.rules.lookup import NAMED, places_of
from biomap_xr.sources.tables import read_table

CODE_COLUMN = "EUNIS3"
LEVEL_COLUMNS = ("EUNIS1", "EUNIS2", CODE_COLUMN)


@dataclass(frozen=True, eq=False)
class Association:
    """How many plots of each class lie in each region."""

    codes: tuple[str, ...]
    """``(class,)`` of EUNIS."""
    regions: NDArray[np.int64]
    """``(region,)`` codes as on the map, each once."""
    count: NDArray[np.int64]
    """``(class, region)`` plots, 0 or more."""
    unplaced: tuple[str, ...] = ()
    """Regions of the table that have no code on the map."""

    def allowed(
        self, codes: Sequence[str], minimum: int = 1, *, lenient: bool = False
    ) -> NDArray[np.bool_]:
        """Say where classes may be.

        Args:
            codes: Of a model, in its order.
            minimum: Plots that a region needs of a class; paper 2 has 1.
            lenient: Whether a class that the table lacks may be nowhere; an error otherwise.

        Returns:
            ``(class, region)``.

        Raises:
            InputError: The table lacks classes.
        """
        place = {code: index for index, code in enumerate(self.codes)}
        missing = [code for code in codes if code not in place]
        if missing and not lenient:
            raise InputError(
                f"the table of classes and regions has {len(self.codes)} classes and lacks "
                f"{len(missing)} of the models: {', '.join(missing[:NAMED])}; add their counts, or "
                "count the plots anew"
            )
        table = np.zeros((len(codes), len(self.regions)), bool)
        for row, code in enumerate(codes):
            if code in place:
                table[row] = self.count[place[code]] >= minimum
        return table

    def with_regions(self, codes: Collection[int]) -> Self:
        """Add regions of the map that have no plots at all.

        >>> counted = count_plots([("R22",)], np.array([686]), {0})
        >>> counted.with_regions([686, 664]).count.tolist()
        [[1, 0]]
        """
        # A region that the map names and no plot lies in is known, and holds nothing.
        more = np.array(sorted(set(codes) - set(self.regions.tolist())), np.int64)
        count = np.pad(self.count, ((0, 0), (0, len(more))))
        return replace(self, regions=np.concatenate([self.regions, more]), count=count)


def count_plots(
    labels: Sequence[Sequence[str]],
    region: NDArray[Any],
    missing: Collection[int],
    codes: Sequence[str] | None = None,
) -> Association:
    """Count plots by class and region; a plot of several classes counts for each.

    Args:
        labels: ``(plot,)`` codes of each plot.
        region: ``(plot,)`` code of the region each lies in.
        missing: Codes that mean that a plot lies in none; such plots do not count.
        codes: Classes that are wanted, all that occur by default.

    Raises:
        InputError: There are not as many regions as plots.

    >>> count_plots([("R22",), ("R22", "T17")], np.array([686, 664]), {0}).count.tolist()
    [[1, 1], [1, 0]]
    """
    if len(labels) != len(region):
        raise InputError(
            f"{len(labels)} plots with labels and {len(region)} with a region; expected one each"
        )
    inside = ~np.isin(region, list(missing))
    regions = np.unique(region[inside]).astype(np.int64)
    wanted = codes if codes is not None else {code for plot in labels for code in plot}
    ordered = tuple(sorted(wanted, key=number_of))
    place = {code: index for index, code in enumerate(ordered)}
    count = np.zeros((len(ordered), len(regions)), np.int64)
    for plot in np.flatnonzero(inside).tolist():
        column = np.searchsorted(regions, region[plot])
        # A plot that names a class twice is still one plot of it.
        for code in set(labels[plot]) & place.keys():
            count[place[code], column] += 1
    return Association(ordered, regions, count)


def read_association(path: str | PathLike[str], regions: Mapping[str, int]) -> Association:
    """Read counts of plots by class (rows, column ``EUNIS3``) and region (columns by name).

    Args:
        path: Such as paper 2's ``ecoregion_habitat_mask.csv``.
        regions: Code on the map of each region's name; others of the table are left out and kept
            in ``unplaced``.

    Raises:
        InputError: The table cannot be read, holds no counts, or shares no region with the map.
    """
    table = read_table(path, required=(CODE_COLUMN,), text=(CODE_COLUMN,))
    named = [
        column
        for column in table.columns
        if column not in LEVEL_COLUMNS and not column.startswith("Unnamed")
    ]
    placed = [column for column in named if column in regions]
    if not placed:
        raise InputError(
            f"{path}: none of its {len(named)} regions ({', '.join(named[:3])}...) has a code on "
            f"the map, which knows {', '.join(list(regions)[:3])}...; name the table of codes"
        )
    return Association(
        tuple(normalise(code) for code in table[CODE_COLUMN]),
        np.array([regions[column] for column in placed], np.int64),
        whole_counts(path, table[placed].to_numpy()),
        tuple(column for column in named if column not in regions),
    )


def whole_counts(path: str | PathLike[str], values: NDArray[Any]) -> NDArray[np.int64]:
    """Return counts ``(row, column)`` as whole numbers.

    Raises:
        InputError: Some are no whole numbers of 0 or more.
    """
    # Text compares with nothing, so its type is looked at first.
    number = values.dtype.kind in "iuf"
    if not number or not np.isfinite(values).all() or (values % 1 != 0).any() or (values < 0).any():
        raise InputError(
            f"{path}: expected counts of plots, whole numbers of 0 or more, in every column of a "
            "region; mend the table"
        )
    return values.astype(np.int64)


def filter_regions(
    probability: NDArray[Any], region: NDArray[Any], table: "RegionTable"
) -> NDArray[Any]:
    """Set the probability of classes to 0 where their region has no plots of them.

    Args:
        probability: ``(class, ...)`` from 0 in any scale; NaN, or 255 of uint8, where unknown,
            which stays so.
        region: (...) codes at the same cells.
        table: Of the same classes.

    Returns:
        In the shape and type of ``probability``, not rescaled.

    Raises:
        InputError: Shapes differ, or a region's code is unknown.
    """
    if probability.shape != (len(table.allowed), *region.shape):
        raise InputError(
            f"probabilities of shape {probability.shape} and regions of shape {region.shape}; "
            f"expected ({len(table.allowed)} classes, {region.shape}): give both on one grid"
        )
    place = places_of(table.layer, region, table.regions, table.missing)
    padded = table.padded
    kept = np.empty_like(probability)
    # Class by class, since all classes at once would need the mask of a whole formation.
    for values, allowed, into in zip(probability, padded, kept, strict=True):
        np.copyto(into, np.where(allowed[place] | is_missing(values), values, 0))
    return kept


@dataclass(frozen=True, eq=False)
class RegionTable:
    """Where the classes of one model may be, by the codes of one layer."""

    layer: str
    """``ecoregion`` or ``coast``."""
    codes: tuple[str, ...]
    """``(class,)`` of the model."""
    regions: NDArray[np.int64]
    """``(region,)`` codes on the map."""
    allowed: NDArray[np.bool_]
    """``(class, region)``."""
    missing: frozenset[int] | None
    """Codes of cells in no region, where no class is allowed; None: all but those of regions."""

    @property
    def padded(self) -> NDArray[np.bool_]:
        """``(class, region + 1)``: the last column is for cells in no region."""
        return pad_columns(self.allowed)


def pad_columns(table: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Add a last column ``(row, column + 1)`` where nothing is allowed.

    >>> pad_columns(np.ones((1, 2), bool)).tolist()
    [[True, True, False]]
    """
    return np.pad(table, ((0, 0), (0, 1)))


def is_missing(probability: NDArray[Any]) -> NDArray[np.bool_]:
    """Say where a probability is not known, in its shape: NaN, or 255 where it is a percentage.

    >>> is_missing(np.array([100, 255], np.uint8)).tolist()
    [False, True]
    """
    if probability.dtype.kind == "f":
        return np.isnan(probability)
    return probability == NO_PERCENT
