"""Which pictures a report shows, each drawn for a light and for a dark page."""

from collections.abc import Callable, Sequence

import xarray as xr
from matplotlib.figure import Figure
from numpy import int64
from numpy.typing import NDArray

from biomap_xr.evaluation.map_statistics import MapStatistics
from biomap_xr.evaluation.settings import EvaluationSettings
from biomap_xr.evaluation.tables import Row
from biomap_xr.report.charts import area_chart, evaluation_chart
from biomap_xr.report.content import Picture
from biomap_xr.report.drawing import png
from biomap_xr.report.figures import indicator_map, interval_maps, species_map, status_map
from biomap_xr.report.palette import DARK, LIGHT, Theme


def picture(name: str, alt: str, caption: str, draw: Callable[[Theme], Figure]) -> Picture:
    """Draw one figure for both pages."""
    return Picture(name, alt, caption, png(draw(LIGHT)), png(draw(DARK)))


def species_to_draw(
    settings: EvaluationSettings, statistics: MapStatistics | None, names: Sequence[str]
) -> tuple[str, ...]:
    """Name the species to draw: those of the recipe, else the most widespread one of the map.

    >>> species_to_draw(EvaluationSettings(), None, ["Abies alba", "Carex flava"])
    ('Abies alba',)
    """
    if settings.species:
        return settings.species
    if statistics is not None and statistics.widest:
        return (statistics.widest[0].name,)
    return tuple(names[:1])


def map_pictures(
    species: xr.Dataset | None,
    indicators: xr.Dataset | None,
    statistics: MapStatistics | None,
    settings: EvaluationSettings,
) -> tuple[Picture, ...]:
    """Draw the maps of a run: species, richness with its interval, an indicator, statuses.

    Args:
        species: the opened `species.zarr` ``(species, y, x)``; None where it was not stored.
        indicators: the opened `indicators.zarr` ``(indicator, y, x)``; None where there is none.
        statistics: of the species cube, which say what is most widespread.
        settings: what to draw.
    """
    pictures: list[Picture] = []
    if species is not None:
        names = [str(name) for name in species["species"].to_numpy()]
        chosen = species_to_draw(settings, statistics, names)
        pictures.extend(_species_picture(species, name, settings) for name in chosen)
    if indicators is not None:
        pictures.extend(_indicator_pictures(indicators, settings))
    return tuple(pictures)


def _species_picture(cube: xr.Dataset, name: str, settings: EvaluationSettings) -> Picture:
    return picture(
        f"species {name}",
        f"Map of the probability of presence of {name}",
        f"Where {name} is likely to grow. The model gives every cell a probability; the species "
        "counts as present where it reaches the threshold.",
        lambda theme: species_map(cube, name, theme=theme, longest=settings.longest_side),
    )


def _indicator_pictures(cube: xr.Dataset, settings: EvaluationSettings) -> tuple[Picture, ...]:
    """Draw richness, an indicator and the statuses; what no list was given for is left out."""
    longest = settings.longest_side
    richness = picture(
        "richness",
        "Three maps of species richness: lower end, expected value and upper end",
        "Expected number of species, with the lower and the upper end of its interval of two "
        "standard deviations, on one colour scale.",
        lambda theme: interval_maps(cube, "richness", theme=theme, longest=longest),
    )
    if not _has_values(cube, settings.indicator, longest):
        return (richness,)
    indicator = picture(
        f"indicator {settings.indicator}",
        f"Map of the indicator {settings.indicator}",
        "Expected number of species of this kind: the sum of their probabilities.",
        lambda theme: indicator_map(cube, settings.indicator, theme=theme, longest=longest),
    )
    if not _has_values(cube, "threatened", longest):
        return (richness, indicator)
    status = picture(
        "most threatened",
        "Map of the Red List status of the most threatened species of every cell",
        "The highest Red List status among the species that count as present in a cell.",
        lambda theme: status_map(cube, theme=theme, longest=longest),
    )
    return richness, indicator, status


def _has_values(cube: xr.Dataset, indicator: str, longest: int) -> bool:
    """Say whether an indicator is known: one whose list was not given is NaN everywhere."""
    expected = cube["expected"]
    if indicator not in expected["indicator"].to_numpy().tolist():
        # The figure itself says which indicators there are.
        return True
    step = max(max(expected.sizes["y"], expected.sizes["x"]) // longest, 1)
    some = expected.sel(indicator=indicator)[::step, ::step]
    return bool(some.notnull().any())


def evaluation_picture(rows: Sequence[Row]) -> Picture:
    """Draw the evaluation of the models of a run."""
    return picture(
        "evaluation",
        "Dots and intervals of every metric and model, with the values of paper 1 as dashed lines",
        "Dots: held-out surveys of this run, with intervals over resampled blocks. Dashed: paper "
        "1, all modalities, on another test set.",
        lambda theme: evaluation_chart(rows, theme=theme),
    )


def area_picture(cells: NDArray[int64], *, resolution: float) -> Picture:
    """Draw how widespread species are, from the cells of each ``(species,)``, cells in metres."""
    return picture(
        "areas",
        "Area of every mapped species, in falling order",
        "Area in which each species counts as present.",
        lambda theme: area_chart(cells, resolution=resolution, theme=theme),
    )
