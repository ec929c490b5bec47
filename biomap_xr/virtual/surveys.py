"""What people saw: complete surveys of small plots, and single records, in GeoPlant's tables."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import Transformer

from biomap_xr.errors import InputError
from biomap_xr.grid import Points
from biomap_xr.virtual.assemblage import Assemblage
from biomap_xr.virtual.drivers import chosen_of
from biomap_xr.virtual.ground import ECOREGIONS, ecoregions_at
from biomap_xr.virtual.noise import generator_of
from biomap_xr.virtual.whereabouts import centres_of, record_points, survey_points

FIRST_SURVEY, FIRST_RECORD = 1_000_003, 5_000_011
"""Lowest ids of surveys and of presence-only records."""
SURVEY_YEARS, RECORD_YEARS = (2017, 2021), (2012, 2022)
COUNTRY = "Simulated"
REPEATED_ROWS = 0.002
"""Share of the rows of the survey table that stand there twice."""
COARSE_RANK = 0.01
"""Share of the records that name a genus only."""
NO_UNCERTAINTY = 0.02
"""Share of the observations that do not say how exact their place is."""
ATTEMPTS = 60
"""Rounds of surveys before a world counts as having no species."""
BATCH = 2_048
"""Cells whose species are drawn at once."""


@dataclass(frozen=True, eq=False)
class Plots:
    """Where and when surveys were made, and what they found."""

    survey_id: NDArray[np.int64]
    """``(survey,)``."""
    points: Points
    """``(survey,)``: where the surveyor stood, metres."""
    year: NDArray[np.int64]
    """``(survey,)``."""
    found: NDArray[np.bool_]
    """``(survey, species)``: what was found on the plot."""


def make_surveys(assemblage: Assemblage, capture: NDArray[np.float32]) -> Plots:
    """Make the surveys: a species of the cell is on the plot with its ``capture`` ``(species,)``.

    A survey that finds nothing has no row in GeoPlant's table, so it is made again elsewhere.

    Raises:
        InputError: The map has next to no land, or next to no species.
    """
    settings = assemblage.world.settings
    random = generator_of(settings.seed, "surveys")
    x, y = np.empty(0), np.empty(0)
    found = np.empty((0, settings.species), bool)
    for _ in range(ATTEMPTS):
        points, species = _some_plots(assemblage, random, capture, settings.surveys - len(x))
        x, y = np.append(x, points.x), np.append(y, points.y)
        found = np.concatenate([found, species])
        if len(x) == settings.surveys:
            break
    else:
        raise InputError(
            f"only {len(x)} of {settings.surveys} surveys found a species at a richness of "
            f"{settings.mean_richness:g}; give more species"
        )
    identity = random.permutation(FIRST_SURVEY + 7 * np.arange(settings.surveys))
    year = random.integers(SURVEY_YEARS[0], SURVEY_YEARS[1] + 1, settings.surveys)
    return Plots(identity, Points(x, y), year, found)


def survey_table(assemblage: Assemblage, plots: Plots, ids: NDArray[np.int64]) -> pd.DataFrame:
    """Return one row for each survey and species found; ``ids`` are ``(species,)``."""
    random = generator_of(assemblage.world.settings.seed, "survey_table")
    count = len(plots.year)
    uncertainty = random.choice([1.0, 5.0, 10.0, 25.0, 50.0, 100.0], count)
    head = _places_table(assemblage, plots.points, plots.year, random)
    head["geoUncertaintyInM"] = _sometimes(random, uncertainty)
    area = random.choice([25.0, 79.0, 100.0, 100.0, 100.0, 200.0], count)
    kind = random.random(count)
    area[kind < 0.05] = np.nan
    area[kind > 0.97] = -np.inf
    head["areaInM2"] = area
    head["surveyId"] = plots.survey_id
    row, species = np.nonzero(plots.found)
    again = random.random(len(row)) < REPEATED_ROWS
    # Real tables hold a few rows twice, and readers have to cope.
    row, species = np.append(row, row[again]), np.append(species, species[again])
    table = head.iloc[row].reset_index(drop=True)
    table["speciesId"] = ids[species].astype(float)
    return table[list(COLUMNS)]


def record_table(
    assemblage: Assemblage, appeal: NDArray[np.float64], ids: NDArray[np.int64]
) -> pd.DataFrame:
    """Return presence-only records of species with some ``appeal`` ``(species,)``.

    They come from places easy to reach, and are less exact than surveys.

    Raises:
        InputError: The map has next to no land.
    """
    settings = assemblage.world.settings
    random = generator_of(settings.seed, "records")
    points = record_points(assemblage.world, random)
    centres = centres_of(assemblage.world.settings.resolution, points)
    present = present_at(assemblage, centres)
    # The shortest of exponential waiting times is a species' own in proportion to its appeal.
    waiting = random.exponential(size=present.shape) / appeal
    first = np.where(present, waiting, np.inf).argmin(axis=1)
    species = np.where(present.any(axis=1), first, -1)
    seen = species >= 0
    species, count = species[seen], int(seen.sum())
    uncertainty = np.round(np.exp(random.normal(3.4, 1.3, count)).clip(1, 20_000))
    written = _blurred(Points(points.x[seen], points.y[seen]), uncertainty, random)
    year = random.integers(RECORD_YEARS[0], RECORD_YEARS[1] + 1, count)
    table = _places_table(assemblage, written, year, random)
    table["geoUncertaintyInM"] = _sometimes(random, uncertainty)
    table["areaInM2"] = np.nan
    table["speciesId"] = ids[species].astype(float)
    table["surveyId"] = FIRST_RECORD + np.arange(count)
    table.loc[random.random(count) < COARSE_RANK, "taxonRank"] = "GENUS"
    return table[list(COLUMNS)]


COLUMNS = (
    "lon", "lat", "year", "geoUncertaintyInM", "areaInM2", "region", "country", "speciesId",
    "surveyId", "subset", "taxonRank", "dayOfYear",
)  # fmt: skip
"""Columns of both tables, in GeoPlant's order."""


def present_at(assemblage: Assemblage, centres: Points) -> NDArray[np.bool_]:
    """Return which species live in cells, ``(n, species)``, from the cells' centres ``(n,)``."""
    present = np.empty((len(centres.x), assemblage.world.settings.species), bool)
    for start in range(0, len(present), BATCH):
        block = slice(start, start + BATCH)
        cells = Points(centres.x[block], centres.y[block])
        present[block] = assemblage.draw(cells, assemblage.features(cells)).present.T
    return present


def _some_plots(
    assemblage: Assemblage, random: np.random.Generator, capture: NDArray[np.float32], count: int
) -> tuple[Points, NDArray[np.bool_]]:
    """Return at most ``count`` places of plots with species, and these ``(n, species)``."""
    points = survey_points(assemblage.world, random, count)
    centres = centres_of(assemblage.world.settings.resolution, points)
    present = present_at(assemblage, centres)
    found = present & (random.random(present.shape) < capture)
    some = np.asarray(found.any(axis=1))
    return chosen_of(points, some), found[some]


def _blurred(
    points: Points, uncertainty: NDArray[np.float64], random: np.random.Generator
) -> Points:
    """Return places ``(n,)`` written down anywhere within an uncertainty ``(n,)`` in metres."""
    angle = random.uniform(0, 2 * np.pi, len(uncertainty))
    shift = uncertainty * random.random(len(uncertainty)) ** 0.5
    return Points(points.x + shift * np.cos(angle), points.y + shift * np.sin(angle))


def _places_table(
    assemblage: Assemblage, points: Points, year: NDArray[np.int64], random: np.random.Generator
) -> pd.DataFrame:
    """Return the columns that every observation has, one row a place ``(n,)``."""
    to_degrees = Transformer.from_crs("EPSG:3035", "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(points.x, points.y)
    region = [ECOREGIONS[code][1] for code in ecoregions_at(assemblage.world, points)]
    return pd.DataFrame(
        {
            "lon": np.round(longitude, 6),
            "lat": np.round(latitude, 6),
            "year": year,
            "region": region,
            "country": COUNTRY,
            "subset": "train",
            "taxonRank": "SPECIES",
            "dayOfYear": random.integers(80, 300, len(year)),
        }
    )


def _sometimes(random: np.random.Generator, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values ``(n,)``, a few of them missing."""
    return np.where(random.random(len(values)) < NO_UNCERTAINTY, np.nan, values)
