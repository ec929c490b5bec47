"""Vegetation plots with covers and habitats, in the tables that Pl@ntBERT was trained from.

`species.csv` has the columns PlotObservationID, Species and Cover (percent), `header.csv` has
PlotObservationID, Habitat (EUNIS), Longitude, Latitude and what else vegetation databases know.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import Transformer

from biomap_xr.errors import InputError
from biomap_xr.grid import Points
from biomap_xr.virtual.assemblage import Assemblage
from biomap_xr.virtual.assignment import habitats_at
from biomap_xr.virtual.drivers import chosen_of
from biomap_xr.virtual.formations import COASTS, code_of
from biomap_xr.virtual.ground import ecoregions_at
from biomap_xr.virtual.noise import generator_of
from biomap_xr.virtual.shore import coasts_at
from biomap_xr.virtual.whereabouts import centres_of, survey_points

FIRST_PLOT = 10_000_019
"""Lowest id of a plot."""
COUNTRY, DATASET = "Simulated", "Simulated vegetation database"
COVER, STEEPNESS, SPREAD = 14.0, 1.0, 0.8
"""Percent of the ground that a certain species covers (median), the power of a species' chance that
its cover follows, and the standard deviation of the cover's logarithm."""
LEAST_COVER = 0.1
UNCLASSIFIED, SECOND_LEVEL, FIRST_LEVEL = 0.03, 0.02, 0.01
"""Shares of the plots without a habitat, and with one of level 2 and level 1 only."""
UNKNOWN = "~"
LAYERS, EMPTY_ROWS = 0.01, 0.003
"""Shares of the species that stand in two layers of a plot, and of rows added with no cover."""
LOWER, UPPER = 0.1, 0.02
"""Shares of the plots whose names are all lower case, and all upper case."""
INLAND = "N_COAST"
"""What the expert system calls a place off the coast."""
DUNES = 8.0
"""Metres above the sea below which a coast has dunes."""
AREAS = {"T": (100, 200, 400), "S": (25, 50, 100), "R": (4, 10, 16, 25), "V": (16, 25, 100)}
"""Usual plot areas by formation in square metres."""
OTHER_AREAS = (4, 10, 25)
ATTEMPTS = 60
"""Rounds of plots before a world counts as having no species."""
CHOICE = 6
"""Places that surveyors choose one from where they look for rare habitats."""
BATCH = 2_048
"""Cells whose species are drawn at once."""


@dataclass(frozen=True, eq=False)
class Vegetation:
    """Vegetation plots and what grows on them."""

    points: Points
    """``(plot,)``: places in metres."""
    habitat: NDArray[np.uint16]
    """``(plot,)``: number of the habitat of the plot's cell."""
    plot: NDArray[np.int64]
    """``(row,)``: which plot a row of the next two belongs to, ascending."""
    species: NDArray[np.int64]
    """``(row,)``: which species grows there."""
    cover: NDArray[np.float64]
    """``(row,)``: percent of the ground, 0.1 to 100."""

    def plot_id(self, seed: int) -> NDArray[np.int64]:
        """Return a number for each plot ``(plot,)``: unique and in no order."""
        count = len(self.habitat)
        return generator_of(seed, "plot_id").permutation(FIRST_PLOT + 3 * np.arange(count))


def make_vegetation(assemblage: Assemblage, capture: NDArray[np.float32]) -> Vegetation:
    """Make the plots: a species of the cell is on the plot with its ``capture`` ``(species,)``.

    Covers are log-normal about a median that grows with the species' chance in the cell, so that
    ranking by cover resembles ranking by chance. Plots without species are made again elsewhere.

    Raises:
        InputError: The map has next to no land, or next to no species.
    """
    settings = assemblage.world.settings
    random = generator_of(settings.seed, "vegetation")
    parts: list[Vegetation] = []
    made = 0
    for _ in range(ATTEMPTS):
        points = _sought(assemblage, random, settings.plots - made)
        for start in range(0, len(points.x), BATCH):
            parts.append(_grown(assemblage, capture, random, _block(points, start)))
            made += len(parts[-1].habitat)
        if made == settings.plots:
            first = np.cumsum([0, *(len(part.habitat) for part in parts)])[:-1]
            return Vegetation(
                Points(
                    np.concatenate([part.points.x for part in parts]),
                    np.concatenate([part.points.y for part in parts]),
                ),
                np.concatenate([part.habitat for part in parts]),
                np.concatenate(
                    [part.plot + start for part, start in zip(parts, first, strict=True)]
                ),
                np.concatenate([part.species for part in parts]),
                np.concatenate([part.cover for part in parts]),
            )
    raise InputError(
        f"only {made} of {settings.plots} vegetation plots hold a species at a richness of "
        f"{settings.mean_richness:g}; give more species"
    )


def species_cover_table(vegetation: Vegetation, names: NDArray[np.str_], seed: int) -> pd.DataFrame:
    """Return the rows of `species.csv`; ``names`` are ``(species,)``.

    As in real tables some species stand in two layers, some rows have no cover, and some plots are
    written in lower or upper case.
    """
    random = generator_of(seed, "vegetation_species")
    plot, species, cover = _layered(vegetation, random)
    extra = random.integers(len(plot), size=round(EMPTY_ROWS * len(plot)))
    stranger = random.integers(len(names), size=len(extra))
    plot, species = np.append(plot, plot[extra]), np.append(species, stranger)
    cover = np.append(cover, np.zeros(len(extra)))
    order = np.argsort(plot, kind="stable")
    plot, species, cover = plot[order], species[order], cover[order]
    spelling = random.random(len(vegetation.habitat))[plot]
    written = pd.Series(names[species], dtype=object)
    written = written.where(spelling >= LOWER, written.str.lower())
    written = written.where(spelling < 1 - UPPER, written.str.upper())
    return pd.DataFrame(
        {
            "PlotObservationID": vegetation.plot_id(seed)[plot],
            "Species": written,
            "Cover": np.round(cover, 2),
        }
    )


def header_table(assemblage: Assemblage, vegetation: Vegetation) -> pd.DataFrame:
    """Return the rows of `header.csv`, one a plot.

    After Pl@ntBERT's columns come Year, Area_m2, Uncertainty_m, Country, Altitude_m, Ecoregion
    (number of 2017), Coast and Dunes (names as in EUNIS-ESy) and Dataset. Some plots are older,
    larger or less exact than models like.
    """
    world = assemblage.world
    seed, count = world.settings.seed, len(vegetation.habitat)
    random = generator_of(seed, "vegetation_header")
    to_degrees = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(vegetation.points.x, vegetation.points.y)
    codes = [code_of(number) for number in vegetation.habitat]
    beach = world.terrain.at(vegetation.points).elevation < DUNES
    coasts = _coast_names(coasts_at(world, assemblage.shore, vegetation.points))
    kind = random.random(len(codes))
    bounds = np.cumsum([UNCLASSIFIED, SECOND_LEVEL, FIRST_LEVEL])
    # Nothing, the code less one character, less two, the whole code.
    kept = np.searchsorted(bounds, kind, side="right")
    written = [
        (UNKNOWN, code[:-1], code[:-2], code)[each] for code, each in zip(codes, kept, strict=True)
    ]
    recent = random.random(count) < 0.96
    return pd.DataFrame(
        {
            "PlotObservationID": vegetation.plot_id(seed),
            "Habitat": written,
            "Longitude": np.round(longitude, 6),
            "Latitude": np.round(latitude, 6),
            "Year": np.where(
                recent, random.integers(1990, 2022, count), random.integers(1955, 1990, count)
            ),
            "Area_m2": _areas(random, codes),
            "Uncertainty_m": _uncertainties(random, count),
            "Country": COUNTRY,
            "Altitude_m": np.round(world.terrain.at(vegetation.points).elevation).astype(int),
            "Ecoregion": ecoregions_at(world, vegetation.points),
            "Coast": coasts,
            "Dunes": np.where(beach & (coasts != INLAND), "Y_DUNES", "N_DUNES"),
            "Dataset": DATASET,
        }
    )


def _sought(assemblage: Assemblage, random: np.random.Generator, count: int) -> Points:
    """Return where plots are made ``(count,)``: of all formations, rarer habitats are sought after.

    A habitat's share of the plots goes with the square root of its share of the land.
    """
    if assemblage.world.settings.formations == "inland":
        return survey_points(assemblage.world, random, count)
    points = survey_points(assemblage.world, random, CHOICE * count)
    centres = centres_of(assemblage.world.settings.resolution, points)
    habitat = np.concatenate(
        [
            _habitats_of(assemblage, _block(centres, start))
            for start in range(0, len(centres.x), BATCH)
        ]
    )
    _, kind, cells = np.unique(habitat, return_inverse=True, return_counts=True)
    # The shortest of exponential waiting times are a draw in proportion to the weights.
    waiting = random.exponential(size=len(habitat)) * np.sqrt(cells[kind])
    return chosen_of(points, np.sort(np.argsort(waiting)[:count]))


def _habitats_of(assemblage: Assemblage, centres: Points) -> NDArray[np.uint16]:
    """Return the number of the habitat of cells ``(n,)`` from their centres."""
    drawn = assemblage.draw(centres, assemblage.features(centres))
    return habitats_at(assemblage, centres, drawn.probability)


def _grown(
    assemblage: Assemblage,
    capture: NDArray[np.float32],
    random: np.random.Generator,
    points: Points,
) -> Vegetation:
    """Return those of the plots at points ``(n,)`` that hold species."""
    centres = centres_of(assemblage.world.settings.resolution, points)
    drawn = assemblage.draw(centres, assemblage.features(centres))
    present = drawn.present.T == 1
    found = present & (random.random(present.shape) < capture)
    some = found.any(axis=1)
    plot, species = np.nonzero(found[some])
    chance = drawn.probability.T[some][plot, species].astype(np.float64)
    median = COVER * chance**STEEPNESS
    cover = median * np.exp(random.normal(0, SPREAD, len(median)))
    habitat = habitats_at(assemblage, centres, drawn.probability)[some]
    # One decimal place, as surveyors estimate.
    rounded = np.round(np.clip(cover, LEAST_COVER, 100), 1)
    return Vegetation(chosen_of(points, some), habitat, plot, species, rounded)


def _block(points: Points, start: int) -> Points:
    """Return the next `BATCH` of points ``(n,)``."""
    block = slice(start, start + BATCH)
    return Points(points.x[block], points.y[block])


def _layered(
    vegetation: Vegetation, random: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return plot, species and cover ``(row,)`` with some covers split over two rows."""
    plot, species, cover = vegetation.plot, vegetation.species, vegetation.cover.copy()
    again = random.random(len(plot)) < LAYERS
    cover[again] /= 2
    return (
        np.append(plot, plot[again]),
        np.append(species, species[again]),
        np.append(cover, cover[again]),
    )


def _coast_names(codes: NDArray[np.uint8]) -> NDArray[np.object_]:
    """Return the names of coasts ``(plot,)``."""
    names = {code: name for name, code in COASTS.items()}
    return np.array([names.get(int(code), INLAND) for code in codes], object)


def _areas(random: np.random.Generator, codes: list[str]) -> NDArray[np.float64]:
    """Return areas ``(plot,)`` in square metres as usual in each formation; some are missing."""
    chosen = random.random(len(codes))
    usual = [AREAS.get(code[0], OTHER_AREAS) for code in codes]
    area = np.array(
        [sizes[int(each * len(sizes))] for sizes, each in zip(usual, chosen, strict=True)], float
    )
    kind = random.random(len(codes))
    area[kind < 0.03] = np.nan
    # A few plots are larger or smaller than any model of habitats accepts.
    area[kind > 0.99] = 2_500.0
    area[(kind > 0.98) & (kind <= 0.99)] = 0.25
    return area


def _uncertainties(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Return how exact places ``(plot,)`` are said to be, in metres; some are missing."""
    stated = random.choice([1.0, 5.0, 10.0, 25.0, 50.0, 100.0], count)
    kind = random.random(count)
    stated[kind < 0.02] = np.nan
    stated[kind > 0.97] = 1_000.0
    return stated
