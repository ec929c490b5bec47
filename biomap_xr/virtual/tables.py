"""The tables that paper 2's mapping rules read, in the forms in which it publishes them."""

import colorsys
import json
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.virtual.corine import COVERS, FIRST_LEVEL, SECOND_LEVEL, Cover
from biomap_xr.virtual.formations import COASTS, NO_COAST
from biomap_xr.virtual.ground import ECOREGIONS
from biomap_xr.virtual.habitats import NO_HABITAT, Habitat
from biomap_xr.virtual.predictors import PARENT_MATERIALS
from biomap_xr.virtual.rasters import Layer, Writers, geobox_of, parts_of, pixels_of
from biomap_xr.virtual.shore import coasts_at, regions_at
from biomap_xr.virtual.truth import Truth

FORMATIONS = {
    "MA2": ("Littoral biogenic habitats", (73, 88, 228)),
    "N": ("Coastal habitats", (128, 48, 90)),
    "Q": ("Wetlands", (29, 216, 160)),
    "R": ("Grasslands and lands dominated by forbs, mosses or lichens", (211, 188, 38)),
    "S": ("Heathlands, scrub and tundra", (214, 108, 52)),
    "T": ("Forests and other wooded land", (23, 106, 13)),
    "U": ("Inland habitats with no or little soil and mostly with sparse vegetation", (115, 50, 0)),
    "V": ("Vegetated man-made habitats", (255, 255, 85)),
}
"""Name and colour (red, green, blue) of each formation."""
SECOND_NAMES = {
    "MA22": "Atlantic littoral biogenic habitats",
    "MA25": "Mediterranean littoral biogenic habitats",
    "N1": "Coastal dunes and sandy shores",
    "N3": "Rock cliffs, ledges and shores, including the supralittoral",
    "Q1": "Raised and blanket bogs",
    "Q2": "Valley mires, poor fens and transition mires",
    "Q5": "Helophyte beds",
    "R1": "Dry grasslands",
    "R2": "Mesic grasslands",
    "R3": "Seasonally wet and wet grasslands",
    "R4": "Alpine and subalpine grasslands",
    "R5": "Woodland fringes and clearings and tall forb stands",
    "S2": "Arctic, alpine and subalpine scrub",
    "S3": "Temperate and Mediterranean-montane scrub",
    "S4": "Temperate heathland",
    "S5": "Maquis, arborescent matorral and thermo-Mediterranean scrub",
    "S9": "Riverine and fen scrub",
    "T1": "Broadleaved deciduous forests",
    "T2": "Broadleaved evergreen forests",
    "T3": "Coniferous forests",
    "U2": "Screes",
    "U3": "Inland cliffs, rock pavements and outcrops",
    "V1": "Arable land and market gardens",
    "V3": "Artificial grasslands and herb-dominated habitats",
}
SURFACES = {
    "URBAN": (0, (167, 167, 167)),
    "SEA": (100, (255, 255, 255)),
    "WATER_COURSES": (200, (2, 140, 140)),
    "LAKES_RESERVOIRS": (300, (49, 162, 162)),
    "TRANSITIONAL_WATERS": (400, (97, 185, 185)),
}
"""Number and colour of what land cover says of places without vegetation."""
NODATA = ("NODATA", NO_HABITAT, (255, 255, 255))
LEGEND = (
    "Id", "Code", "Color", "EUNIS1", "EUNIS2", "EUNIS3", "EUNIS1_name", "EUNIS2_name",
    "EUNIS3_name", "hexcolor", "Label",
)  # fmt: skip
PART = 1_024
"""Side of the part of the coast's raster that is computed at once, in pixels."""
CELLS_A_PLOT = 100
"""Land cells that one plot of the table of ecoregions stands for."""


def write_rule_tables(truth: Truth, folder: Path) -> None:
    """Write all tables into a folder: crosswalk, legend, ecoregions, coasts, parent materials."""
    folder.mkdir(parents=True, exist_ok=True)
    habitats = truth.assemblage.habitats
    tables = {
        "crosswalk": crosswalk_table(),
        "eunis_legend": legend_table(habitats),
        "coast_habitat_N": coast_table(habitats, "N"),
        "coast_habitat_MA2": coast_table(habitats, "MA2"),
        "parent_material": pd.DataFrame(PARENT_MATERIALS.items(), columns=["Code", "Name"]),
    }
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    # As published, the first column is an index without a name.
    ecoregion_table(habitats, counts_of(truth)).to_csv(folder / "ecoregion_habitat.csv")
    codes = {**COASTS, "NODATA": NO_COAST}
    (folder / "coastline_codes.json").write_text(json.dumps(codes, indent=1), encoding="utf-8")


def write_coasts(truth: Truth, path: Path) -> None:
    """Write the codes of coasts within 5 km of the sea, and of the sea itself, as a raster."""
    assemblage, settings = truth.assemblage, truth.settings
    geobox = geobox_of(settings.grid_settings().extent, settings.predictor_resolution)
    layer = Layer(path, ("coast",), "uint8", NO_COAST)
    with Writers([layer], geobox) as writers:
        for part in parts_of(geobox, PART):
            codes = coasts_at(assemblage.world, assemblage.shore, part.pixels)
            shape = len(part.pixels.y), len(part.pixels.x)
            writers.write(0, part, codes.reshape(1, *shape))


def crosswalk_table() -> pd.DataFrame:
    """Return the crosswalk: a line a land cover, its priority, and a column a formation."""
    return pd.DataFrame([_line(one) for one in COVERS])


def coast_table(habitats: tuple[Habitat, ...], formation: str) -> pd.DataFrame:
    """Return 1 where a coast (row) has a class of a formation (column), else 0."""
    chosen = [one for one in habitats if one.code.startswith(formation)]
    table = pd.DataFrame({"": [*COASTS, "NODATA"]})
    for one in chosen:
        table[one.code] = [*(int(code in one.regions) for code in COASTS.values()), 0]
    return table


def ecoregion_table(habitats: tuple[Habitat, ...], counts: NDArray[np.int64]) -> pd.DataFrame:
    """Return numbers of plots by class (row) and ecoregion (column).

    Args:
        habitats: The classes.
        counts: Cells ``(habitat, ecoregion)`` in the order of `ECOREGIONS`.
    """
    plots = -(-counts // CELLS_A_PLOT)
    rows = [(*_levels(one.code), *row) for one, row in zip(habitats, plots.tolist(), strict=True)]
    names = [name for name, _ in ECOREGIONS.values()]
    return pd.DataFrame(rows, columns=["EUNIS1", "EUNIS2", "EUNIS3", *names])


def legend_table(habitats: tuple[Habitat, ...]) -> pd.DataFrame:
    """Return the legend of a map: surfaces, then formations with their classes, then NODATA."""
    rows = [(number, colour, (name, "", ""), ("", "", ""), name)
            for name, (number, colour) in SURFACES.items()]  # fmt: skip
    found = {one.number: (one.code, one.name) for one in habitats}
    for one in habitats:
        first, second, _ = _levels(one.code)
        found[one.number // 100 * 100] = second, SECOND_NAMES[second]
        found[one.number // 1000 * 1000] = first, FORMATIONS[first][0]
    for number, code, name in [(number, *found[number]) for number in sorted(found)]:
        levels, names = _levels(code), _names(code, name)
        rows.append((number, _colour(code), levels, names, f"{code} - {name}"))
    rows.append((NODATA[1], NODATA[2], (NODATA[0], "", ""), ("", "", ""), NODATA[0]))
    lines = [
        (index, number, str(colour), *levels, *names, "#{:02x}{:02x}{:02x}".format(*colour), label)
        for index, (number, colour, levels, names, label) in enumerate(rows)
    ]
    return pd.DataFrame(lines, columns=list(LEGEND))


def counts_of(truth: Truth) -> NDArray[np.int64]:
    """Return the cells ``(habitat, ecoregion)`` of the stored truth, tile by tile."""
    numbers = np.array([one.number for one in truth.assemblage.habitats])
    order, codes = np.argsort(numbers), np.array(list(ECOREGIONS))
    place = np.argsort(codes)
    counts = np.zeros((len(numbers), len(codes)), np.int64)
    habitat = truth.open()["habitat"]
    for tile in truth.grid.tiles():
        rows, columns = tile.window.rows, tile.window.columns
        pixels = pixels_of(truth.grid.geobox, rows, columns)
        found = habitat.isel(y=rows, x=columns).to_numpy().ravel()
        land = found != NO_HABITAT
        row = order[np.searchsorted(numbers[order], found[land])]
        region = regions_at(truth.assemblage.world, pixels)[land]
        column = place[np.searchsorted(codes[place], region)]
        np.add.at(counts, (row, column), 1)
    return counts


def _line(one: Cover) -> dict[str, object]:
    first, second = one.class_code[:1], one.class_code[:2]
    listed = one.classes.split(",") if one.classes else []
    return {
        "corine": one.code,
        "corine_lev1": first,
        "name_lev1": FIRST_LEVEL[first],
        "corine_lev2": second,
        "name_lev2": SECOND_LEVEL[second],
        "corine_lev3": one.class_code,
        "name_lev3": one.name,
        "code": one.short,
        "Priority_order": one.order,
        **{name: ",".join(each for each in listed if each.startswith(name)) for name in FORMATIONS},
    }


def _levels(code: str) -> tuple[str, str, str]:
    """Return the codes of a class at levels 1, 2 and 3, empty below its own.

    >>> _levels("MA222"), _levels("R2")
    (('MA2', 'MA22', 'MA222'), ('R', 'R2', ''))
    """
    length = 3 if code.startswith("MA2") else 1
    below = len(code) - length
    first, second = code[:length], code[: length + 1]
    return first, second if below > 0 else "", code if below > 1 else ""


def _names(code: str, name: str) -> tuple[str, str, str]:
    first, second, third = _levels(code)
    return FORMATIONS[first][0], SECOND_NAMES.get(second, ""), name if third else ""


def _colour(code: str) -> tuple[int, int, int]:
    """Return the formation's colour, lighter from class to class of its second level."""
    first, second, _ = _levels(code)
    colour = FORMATIONS[first][1]
    siblings = sorted(each for each in SECOND_NAMES if _levels(each)[0] == first)
    step = siblings.index(second) if second else 0
    hue, light, strength = colorsys.rgb_to_hls(*(part / 255 for part in colour))
    shade = colorsys.hls_to_rgb(hue, min(0.9, light + 0.07 * step), strength)
    red, green, blue = (round(255 * part) for part in shade)
    return red, green, blue
