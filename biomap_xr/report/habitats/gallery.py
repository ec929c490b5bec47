"""Which pictures of habitats a report shows, each drawn for a light and for a dark page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import xarray as xr

from biomap_xr.evaluation.habitats.agreement import number_at
from biomap_xr.evaluation.habitats.scores import Judged, confusion
from biomap_xr.habitats.cube import NO_PERCENT
from biomap_xr.habitats.eunis import NO_HABITAT, at_level, levels_above
from biomap_xr.habitats.legend import SURFACES, Legend
from biomap_xr.report.content import Picture
from biomap_xr.report.gallery import picture
from biomap_xr.report.habitats.figures import confidence_map, confusion_chart, habitat_map
from biomap_xr.report.habitats.panels import (
    COMMITTEE,
    SPREADS,
    confusion_panels,
    uncertainty_maps,
)
from biomap_xr.report.habitats.tables import entitled
from biomap_xr.report.thinning import Raster, thin

RULE_COLOURS = {
    "urban": "#a0a0a0",
    "water_courses": "#148296",
    "lakes_reservoirs": "#3c96af",
    "transitional_waters": "#6eb4be",
    "one_to_one": "#d9a441",
    "nothing_left": "#b3453c",
    "priority_1": "#1f6f50",
    "priority_2": "#66a86f",
    "priority_3": "#b9d28f",
}
GROUPS = {
    "inferred": "that of its likeliest habitat",
    "summed": "the one whose habitats are the likeliest together",
}
"""What level 1 of the map is, by the rule that its attributes name."""
NO_RULE = 255
"""Where no tile was mapped."""
BLANK = ("nodata", "sea")
"""Rules of cells that are no land."""
LATER = "#8a6fb0"
"""Of the formations behind the third of the order."""
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
RULE_WORDS = {
    "nodata": "no land cover",
    "urban": "land cover: urban",
    "sea": "land cover: sea",
    "water_courses": "land cover: water courses",
    "lakes_reservoirs": "land cover: lakes and reservoirs",
    "transitional_waters": "land cover: transitional waters",
    "one_to_one": "land cover alone names the habitat",
    "nothing_left": "no habitat left by the filters",
    **{
        f"priority_{place}": f"{ordinal} formation of the land cover"
        for place, ordinal in enumerate(ORDINALS, 1)
    },
}
"""Rules of the wall-to-wall map in plain words."""


@dataclass(frozen=True)
class Drawing:
    """What maps of habitats are drawn with."""

    legend: Legend
    longest: int
    """Pixels along the longer side of a map."""

    @cached_property
    def colours(self) -> Mapping[int, str]:
        """Colour of each number as ``#rrggbb``."""
        return {entry.number: entry.hexadecimal for entry in self.legend.entries}

    @cached_property
    def names(self) -> Mapping[int, str]:
        """Code and name of each number."""
        return {
            entry.number: _surface(entry.code) if entry.code in SURFACES else entry.label
            for entry in self.legend.entries
        }

    def codes(self, layer: xr.DataArray) -> Raster:
        """Read a layer ``(y, x)`` of numbers, once for all pictures of it."""
        return thin(layer, longest=self.longest, codes=True)

    def percent(self, layer: xr.DataArray) -> Raster:
        """Read a layer ``(y, x)`` of percent, once for all pictures of it."""
        return thin(layer, longest=self.longest, nodata=NO_PERCENT)

    def habitats(self, raster: Raster, name: str, title: str, caption: str) -> Picture:
        """Draw a map of habitats ``(rows, columns)`` in the legend's colours."""
        return picture(
            name,
            f"Map: {title}",
            caption,
            lambda theme: habitat_map(raster, self.colours, self.names, title=title, theme=theme),
        )

    def confidence(self, layer: xr.DataArray, name: str, title: str, caption: str) -> Picture:
        """Draw a map of confidence ``(y, x)`` in percent."""
        raster = self.percent(layer)
        return picture(
            name,
            f"Map: {title}",
            caption,
            lambda theme: confidence_map(raster, title=title, theme=theme),
        )


def species_pictures(cube: xr.Dataset, drawing: Drawing) -> tuple[Picture, ...]:
    """Draw habitats from species at levels 1 and 3, and how sure they are.

    Args:
        cube: ``habitats.zarr/by_species``: ``habitat`` and ``confidence`` ``(rank, y, x)``,
            ``level1`` ``(y, x)``.
        drawing: legend and size.
    """
    levels = str(cube.attrs.get("levels", "summed"))
    pictures = [
        drawing.habitats(
            drawing.codes(cube["level1"]),
            "habitats by species, level 1",
            "Broad groups of habitats from species",
            f"The broad group (level 1 of EUNIS) of each cell: {GROUPS[levels]}.",
        ),
        drawing.habitats(
            drawing.codes(cube["habitat"].isel(rank=0)),
            "habitats by species, level 3",
            "Habitats from species",
            "The likeliest habitat (level 3 of EUNIS) that the plants expected in a cell make up. "
            "Habitats of one level-2 class may share a colour.",
        ),
        drawing.confidence(
            cube["confidence"].isel(rank=0),
            "confidence by species",
            "How sure the habitat from species is",
            "Probability that Pl@ntBERT gives to the habitat shown above.",
        ),
    ]
    # Maps of former versions do not say it.
    if "level1_confidence" in cube:
        group = drawing.confidence(
            cube["level1_confidence"],
            "confidence by species, level 1",
            "How sure the broad group from species is",
            "Probability that Pl@ntBERT gives to all habitats of the group together.",
        )
        pictures.append(group)
    return tuple(pictures)


def truth_picture(truth: xr.DataArray, drawing: Drawing) -> Picture:
    """Draw the broad groups of a simulated Europe's true habitats ``(y, x)``."""
    return drawing.habitats(
        _at_level_1(drawing.codes(truth)),
        "habitats in truth, level 1",
        "Broad groups of habitats in truth",
        "What the simulated Europe really bears, for comparison with the maps.",
    )


def confusion_pictures(name: str, judged: Judged) -> tuple[Picture, Picture]:
    """Draw which habitats a model takes for which, at levels 1 and 3.

    Args:
        name: of the model, in plain words.
        judged: predictions ``(plot, habitat)`` and labels.
    """
    broad = at_level_1(judged)
    return (
        picture(
            "confusion, level 1",
            f"Confusion matrix of broad groups of habitats: {name}",
            "Each row is a true group, and says to which group its plots were assigned; the "
            "diagonal is right.",
            lambda theme: confusion_chart(
                confusion(broad), broad.classes, title=f"{name}: broad groups", theme=theme
            ),
        ),
        picture(
            "confusion, level 3",
            f"Confusion matrix of habitats: {name}",
            "The same for single habitats, in the order of their codes: errors near the diagonal "
            "are between neighbours in the classification.",
            lambda theme: confusion_chart(
                confusion(judged), judged.classes, title=f"{name}: habitats", theme=theme
            ),
        ),
    )


def at_level_1(judged: Judged) -> Judged:
    """Return the named groups ``(plot, group)``, 1 for the likeliest habitat's, and level-1 labels.

    >>> at_level_1(Judged(("R22", "R1A"), np.array([[0.5, 0.5]]), (("R22",),))).labels
    (('R',),)
    """
    classes, parent = levels_above(judged.codes, 1)
    named = np.zeros((len(judged.labels), len(classes)))
    named[np.arange(len(named)), parent[judged.probability.argmax(axis=1)]] = judged.decided
    groups = (dict.fromkeys(at_level(code, 1) for code in codes) for codes in judged.labels)
    return Judged(classes, named, tuple(tuple(each) for each in groups))


def formation_confusions(judged: Mapping[str, Judged]) -> Picture:
    """Draw a small confusion matrix of each formation's ensemble.

    Args:
        judged: predictions ``(plot, habitat)`` and labels by level-1 code.
    """
    matrices = {entitled(code): (confusion(each), each.classes) for code, each in judged.items()}
    return picture(
        "confusion by formation",
        "A confusion matrix of each formation",
        "Each row is a true habitat, and says to which habitat its held-out plots were assigned; "
        "the diagonal is right.",
        lambda theme: confusion_panels(matrices, theme=theme),
    )


def uncertainty_picture(cube: xr.Dataset, formation: str, drawing: Drawing) -> Picture:
    """Draw how much the voters of one formation's ensemble differ.

    Args:
        cube: ``habitats.zarr/by_environment/<formation>``.
        formation: its level-1 code.
        drawing: size.
    """
    title = entitled(formation)
    rasters = {name: drawing.percent(cube[name]) for name in (COMMITTEE, *SPREADS)}
    return picture(
        f"uncertainty {formation}",
        f"Three maps of the uncertainty of the ensemble of {title}",
        "Left: share of voters that agree with the ensemble. Middle: how far learners lie apart "
        "(model uncertainty). Right: how far models trained on different plots lie apart "
        "(sampling uncertainty); both for the probability of the likeliest habitat.",
        lambda theme: uncertainty_maps(rasters, title=title, theme=theme),
    )


def wall_to_wall_pictures(cube: xr.Dataset, drawing: Drawing) -> tuple[Picture, ...]:
    """Draw the dominant habitat, its group, its confidence and which rule decided.

    Args:
        cube: ``habitats.zarr/wall_to_wall``: ``habitat`` and ``confidence`` ``(rank, y, x)``,
            ``rule`` ``(y, x)``.
        drawing: legend and size.
    """
    # The sea is blank as on all maps, so that shares are of the land.
    dominant = _without(drawing.codes(cube["habitat"].isel(rank=0)), [SURFACES["SEA"]])
    return (
        drawing.habitats(
            _at_level_1(dominant),
            "wall to wall, level 1",
            "Broad groups of habitats from wall to wall",
            "The group of the dominant habitat, and land without vegetation.",
        ),
        drawing.habitats(
            dominant,
            "wall to wall, dominant",
            "Dominant habitat from wall to wall",
            "The likeliest habitat of the formation that land cover gives priority. Habitats of "
            "one level-2 class may share a colour.",
        ),
        drawing.confidence(
            cube["confidence"].isel(rank=0),
            "confidence from wall to wall",
            "How sure the dominant habitat is",
            "Probability of the dominant habitat among those of its formation that the filters "
            "leave; none where land cover alone decides.",
        ),
        _rule_picture(cube["rule"], drawing),
    )


def _rule_picture(rule: xr.DataArray, drawing: Drawing) -> Picture:
    rules = rules_of(rule)
    colours = {number: RULE_COLOURS.get(name, LATER) for number, name in rules.items()}
    names = {number: rule_words(name) for number, name in rules.items()}
    nothing = [number for number, name in rules.items() if name in BLANK]
    decided = _without(drawing.codes(rule), [*nothing, NO_RULE])
    return picture(
        "wall to wall, rule",
        "Map of the rule that decided each cell",
        "What decided: the place of the habitat's formation in the order of its land cover, or "
        "land cover alone.",
        lambda theme: habitat_map(
            decided,
            colours,
            names,
            title="What decided",
            theme=theme,
            subtitle="rule behind the dominant habitat",
        ),
    )


def rules_of(rule: xr.DataArray) -> dict[int, str]:
    """Return the name of each number of a layer of rules, from its own attributes."""
    values: Sequence[int] = rule.attrs.get("flag_values", ())
    names = str(rule.attrs.get("flag_meanings", "")).split()
    return {int(value): name for value, name in zip(values, names, strict=False)}


def rule_words(name: str) -> str:
    """Return a rule in plain words.

    >>> rule_words("priority_2")
    'second formation of the land cover'
    """
    return RULE_WORDS.get(name, name.replace("_", " "))


def _surface(code: str) -> str:
    return code.capitalize().replace("_", " ")


def _at_level_1(raster: Raster) -> Raster:
    return replace(raster, values=number_at(raster.values, 1))


def _without(raster: Raster, numbers: Sequence[int]) -> Raster:
    """Blank some numbers."""
    blank = np.isin(raster.values, numbers)
    return replace(raster, values=np.where(blank, np.uint16(NO_HABITAT), raster.values))
