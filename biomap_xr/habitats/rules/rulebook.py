"""All rules of a recipe for the models at hand, read and checked before any map is made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.rules.coast import (
    check_coast_codes,
    read_coast_codes,
    read_coast_table,
)
from biomap_xr.habitats.rules.crosswalk import Crosswalk
from biomap_xr.habitats.rules.landcover import Ranked, top_habitats
from biomap_xr.habitats.rules.lookup import places_of
from biomap_xr.habitats.rules.matching import Matched, Models, match_models
from biomap_xr.habitats.rules.priority import WallToWall, wall_to_wall
from biomap_xr.habitats.rules.regional import (
    Association,
    RegionTable,
    count_plots,
    filter_regions,
    read_association,
)
from biomap_xr.habitats.rules.settings import CrosswalkSettings, RegionSettings, RulesSettings
from biomap_xr.habitats.rules.snapping import Placed, place_cells, read_region_codes
from biomap_xr.habitats.rules.tables import read_documented, read_mask

ECOREGION, COAST = "ecoregion", "coast"
Masks = Mapping[str, NDArray[Any]]
"""Codes (...) of the layers ecoregion, coast and land_cover at the same cells."""


@dataclass(frozen=True, eq=False)
class Rulebook:
    """Steps 2 to 4 for some models, as functions of arrays."""

    regions: Mapping[str, RegionTable]
    """By formation."""
    matched: Matched | None
    """Of the crosswalk; None where maps stop at the regional filter."""

    def regional(self, formation: str, probability: NDArray[Any], masks: Masks) -> NDArray[Any]:
        """Step 2: `filter_regions` of probabilities ``(class, ...)`` of a formation.

        Raises:
            InputError: The layer is not given, shapes differ, or a code is unknown.
        """
        table = self._table(formation)
        return filter_regions(probability, _layer(masks, table.layer), table)

    def rank(self, formation: str, probability: NDArray[Any], masks: Masks) -> Ranked:
        """Step 3: `top_habitats` of probabilities ``(class, ...)`` of step 2.

        Raises:
            InputError: There is no crosswalk or land cover, shapes differ, or a code is unknown.
        """
        cover = _layer(masks, "land_cover")
        return top_habitats(probability, cover, self._matched().covers[formation])

    def decide(self, ranked: Mapping[str, Ranked], masks: Masks) -> WallToWall:
        """Step 4: `wall_to_wall` of the habitats ``(rank, ...)`` of every formation.

        Raises:
            InputError: There is no crosswalk or land cover, shapes differ, or a code is unknown.
        """
        return wall_to_wall(ranked, _layer(masks, "land_cover"), self._matched().priority)

    def needed(self, formation: str, masks: Masks, *, filtered: bool) -> NDArray[np.bool_]:
        """Say where a model must predict at all (...): some class survives the masks there.

        Args:
            formation: Of the model.
            masks: Layers at the cells.
            filtered: Whether only products behind the land-cover filter are wanted; the map of
                probabilities needs every cell that the regional filter leaves.

        Raises:
            InputError: A layer is not given, or a code is unknown.
        """
        table = self._table(formation)
        region = _layer(masks, table.layer)
        place = places_of(table.layer, region, table.regions, table.missing)
        if not filtered:
            return np.asarray(table.padded.any(axis=0))[place]
        cover = _layer(masks, "land_cover")
        covers = self._matched().covers[formation]
        # Whether any class is allowed by both, for each pair of region and land cover.
        alive = table.padded.T.astype(np.int64) @ covers.padded.astype(np.int64) > 0
        return alive[place, places_of("land_cover", cover, covers.covers, covers.missing)]

    def _table(self, formation: str) -> RegionTable:
        if formation not in self.regions:
            raise InputError(
                f"no rules were read for formation {formation!r}; expected one of "
                f"{', '.join(self.regions)}"
            )
        return self.regions[formation]

    def _matched(self) -> Matched:
        if self.matched is None:
            raise InputError(
                "the recipe names no crosswalk of land cover, which this product needs; expected "
                "rules.crosswalk.table: add it, or ask for habitat_probability alone"
            )
        return self.matched


def read_rulebook(
    settings: RulesSettings, models: Models, counted: Mapping[str, Association]
) -> Rulebook:
    """Read all tables that the recipe names and fit them to the models.

    Args:
        settings: Of the recipe.
        models: Codes of each formation's model, in its order.
        counted: Plots by class and code of ``ecoregion`` and ``coast``, where they were counted;
            used for formations without a table.

    Raises:
        InputError: A table cannot be read or does not fit the models, or a formation has neither
            table nor counts.
    """
    associations = read_associations(settings.regions, counted)
    regions = {
        formation: _region_table(formation, tuple(codes), settings.regions, associations)
        for formation, codes in models.items()
    }
    if settings.crosswalk is None:
        return Rulebook(regions, None)
    crosswalk = read_crosswalk(settings.crosswalk, models)
    return Rulebook(regions, match_models(crosswalk, models, settings.crosswalk))


def read_associations(
    settings: RegionSettings, counted: Mapping[str, Association]
) -> Mapping[str, Association]:
    """Return counts of plots by layer or, for coastal formations with a table, by formation.

    Raises:
        InputError: A table cannot be read.
    """
    found = dict(counted)
    names: Mapping[str, int] = {}
    if settings.ecoregion_codes:
        names = read_region_codes(
            settings.ecoregion_codes, settings.name_column, settings.code_column
        )
    if settings.ecoregion_table:
        # A table is preferred to counts: it may rest on far more plots than were given.
        found[ECOREGION] = read_association(settings.ecoregion_table, names)
    if ECOREGION in found:
        found[ECOREGION] = found[ECOREGION].with_regions(names.values())
    if settings.coast_tables:
        given = settings.coast_codes
        codes = read_coast_codes(given) if isinstance(given, Path) else given
        for outside in settings.coast_missing:
            check_coast_codes(codes, outside)
        for formation, path in settings.coast_tables.items():
            found[formation] = read_coast_table(path, codes)
    return found


def count_layers(
    labels: Sequence[Sequence[str]], regions: Mapping[str, NDArray[Any]], settings: RegionSettings
) -> Mapping[str, Association]:
    """Count plots by class and region, for recipes without tables.

    Args:
        labels: ``(plot,)`` codes of each plot.
        regions: ``(plot,)`` codes of ``ecoregion`` and ``coast``, where plots have them.
        settings: Which codes mean none.

    Raises:
        InputError: There are not as many regions as plots.
    """
    missing = {ECOREGION: settings.ecoregion_missing, COAST: settings.coast_missing}
    return {layer: count_plots(labels, codes, missing[layer]) for layer, codes in regions.items()}


def snap_masks(
    masks: Masks, settings: RegionSettings, resolution: float, margin: int = 0
) -> tuple[Masks, Placed]:
    """Give cells that lie outside of all ecoregions, as on capes, that of the nearest cell.

    Coasts stay as they are: outside of them is inland, not unknown.

    Args:
        masks: Layers ``(y, x)`` of a tile and its margin.
        settings: How far, and which codes mean none.
        resolution: Metres of a cell's side.
        margin: Cells around the tile, `margin_of` for maps without seams; cut off at the end.

    Returns:
        The layers of the tile, and how its cells found their ecoregion.

    Raises:
        InputError: There is no layer of ecoregions.
    """
    found = place_cells(
        _layer(masks, ECOREGION), settings.ecoregion_missing, resolution, settings.snapping_distance
    )
    inner = slice(margin, -margin or None)
    cut = {name: codes[inner, inner] for name, codes in masks.items()}
    cut[ECOREGION] = found.region[inner, inner].astype(cut[ECOREGION].dtype)
    return cut, Placed(found.region[inner, inner], found.distance[inner, inner])


def margin_of(settings: RegionSettings, resolution: float) -> int:
    """Return how many cells around a tile can decide on one of its cells.

    >>> margin_of(RegionSettings(snapping_distance=1_000), 300.0)
    4
    """
    return ceil(settings.snapping_distance / resolution)


def read_crosswalk(settings: CrosswalkSettings, models: Models) -> Crosswalk:
    """Return the `Crosswalk` that a recipe names, with the mask where it names one.

    Raises:
        InputError: A table cannot be read, or the mask has land cover without a documented line.
    """
    modelled = {code for codes in models.values() for code in codes}
    mask = read_mask(settings.mask) if settings.mask else None
    # Prefixes expand to classes of the models, and to those that land cover maps alone.
    codes = {*modelled, *settings.direct, *(mask.codes if mask else ())}
    documented = read_documented(settings.table, codes, settings.cover_column)
    return documented.with_mask(mask) if mask else documented


def _region_table(
    formation: str,
    codes: tuple[str, ...],
    settings: RegionSettings,
    associations: Mapping[str, Association],
) -> RegionTable:
    layer = COAST if formation in settings.coastal else ECOREGION
    # A formation's own table comes before its layer's counts.
    association = associations.get(formation, associations.get(layer))
    if association is None:
        raise InputError(
            f"formation {formation}: no table says which classes its {layer} has, and no plots "
            f"were counted there; name a table in the recipe or give plots a {layer}"
        )
    lenient = settings.without_row == "nowhere"
    allowed = association.allowed(codes, settings.minimum_plots, lenient=lenient)
    missing = settings.coast_missing if layer == COAST else settings.ecoregion_missing
    absent = frozenset(missing) if settings.unknown == "error" else None
    return RegionTable(layer, codes, association.regions, allowed, absent)


def _layer(masks: Masks, name: str) -> NDArray[Any]:
    if name not in masks:
        raise InputError(
            f"the masks have no layer {name}, only {', '.join(masks)}; name its file in the "
            "recipe and gather the covariates again"
        )
    return masks[name]
