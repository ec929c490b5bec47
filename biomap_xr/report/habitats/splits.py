"""How much the way of splitting plots flatters: one ensemble's scores under several splits."""

from dataclasses import replace

from biomap_xr.evaluation.settings import EvaluationSettings
from biomap_xr.evaluation.tables import Measure, Row
from biomap_xr.folds.settings import RANDOM, SITE
from biomap_xr.report.content import Scoreboard
from biomap_xr.report.habitats.gaps import gaps_to
from biomap_xr.report.habitats.sections import (
    ENSEMBLE,
    Formation,
    Scored,
    interval_words,
    scored_rows,
)
from biomap_xr.report.habitats.tables import entitled

BLOCKS = "spatial blocks"
SHOWN = ("Level 3", "F-score")
"""Accuracy, and the mean over habitats (macro-F1)."""
WORDS = (
    "The same learners, trained again on the same plots, with other plots held out together. Level "
    "3 is the share of plots whose habitat is right (accuracy), the F-score is a mean over "
    "habitats (macro-F1). Whole spatial blocks are the honest test of a map: most of its cells are "
    "far from any plot."
)
GAP_WORDS = (
    "What a split is above the blocks, which are resampled with it, is how much it flatters; below "
    "0, it is the harder test."
)


def split_board(formation: Formation, settings: EvaluationSettings) -> Scoreboard:
    """Put a formation's ensemble under other splits below its score on spatial blocks.

    Args:
        formation: with plots held out by blocks, and splits.
        settings: how intervals are made.
    """
    blocks = formation.validations[0].main(ENSEMBLE)
    # What is said of the choice of learners holds for every row, and is said above.
    models = (replace(blocks, name=BLOCKS, note=""), *map(_titled, formation.splits))
    rows = tuple(
        replace(row, measures=(*_shown(row), *gaps_to(model, blocks, "blocks", settings)))
        for row, model in zip(scored_rows(models, settings), models, strict=True)
    )
    meanings = " ".join(split_words(each.name) for each in formation.splits)
    return Scoreboard(
        f"{entitled(formation.code)}: the same ensemble under other splits",
        rows,
        note=f"{WORDS} {meanings} {GAP_WORDS} {interval_words(rows)}",
    )


def split_words(name: str) -> str:
    """Say what a split holds out.

    Args:
        name: ``random``, ``site`` or the column that names the groups.

    >>> split_words("country")
    'By country: no country is on both sides.'
    """
    if name == RANDOM:
        return "At random: single plots are held out, and their neighbours train."
    if name == SITE:
        return "By site: plots of one place are held out together, other plots near by train."
    return f"By {name}: no {name} is on both sides."


def _titled(split: Scored) -> Scored:
    name = "single plots at random" if split.name == RANDOM else f"by {split.name}"
    return replace(split, name=name)


def _shown(row: Row) -> tuple[Measure, ...]:
    return tuple(each for each in row.measures if each.name in SHOWN)
