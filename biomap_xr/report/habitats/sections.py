"""Sections of a report about habitats: models scored side by side, tables, pictures, words.

Paper 1's habitats from species assemblages and paper 2's from the environment each have one, and so
have the map from wall to wall and the vegetation plots that all of them learn from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from biomap_xr.evaluation.habitats.scores import (
    PAPER_HABITATS,
    Judged,
    MacroScore,
    evaluate_habitats,
)
from biomap_xr.evaluation.intervals import Difference
from biomap_xr.evaluation.settings import EvaluationSettings
from biomap_xr.evaluation.tables import Row, measured
from biomap_xr.observations.plot_report import CurationReport
from biomap_xr.report.content import Picture, Scoreboard, Section, Table
from biomap_xr.report.habitats.tables import (
    FormationResult,
    class_tables,
    curation_tables,
    entitled,
    formation_table,
)

HELD_OUT = "held-out plots"
ENSEMBLE = "ensemble"
PLANTBERT = "Pl@ntBERT"

MEASURES = (
    "Level 1 to 3: share of plots whose likeliest habitat belongs to a class that the plot bears; "
    "level 1 is the broad group such as forests, level 3 the habitat itself. Top-3: a habitat of "
    "the plot is among the three likeliest. Precision, recall and F-score are means over habitats "
    "of level 3, so that rare ones count as much as common ones."
)
GAIN = "F-score above best member"
GAIN_WORDS = (
    "Level 1 is given by the formation. The best member is chosen on these very plots, which "
    "favours it; its difference to the ensemble is resampled with both on the same blocks."
)
SPECIES_WORDS = (
    "The plants of a place, from the likeliest or most abundant on, are read like a sentence: "
    "Pl@ntBERT, a language model trained on vegetation plots, names the habitat of the European "
    "classification EUNIS that such plants make up (paper 1). Simpler classifiers of the same "
    "lists of species stand beside it, so that what it adds can be seen."
)
ENVIRONMENT_WORDS = (
    "For each broad formation, several learners vote on the habitat of a place from its climate, "
    "soil, terrain and what satellites see of it (paper 2). Every plot is scored only by voters "
    "that never saw its block. What follows is about each formation alone: which formation a "
    "place has is decided afterwards, by land cover."
)
WALL_WORDS = (
    "Regions and land cover say which habitats can be in a cell and which formation comes first "
    "there (paper 2, steps 2 to 4); land without vegetation is shown as what it is. Confidence is "
    "the habitat's probability within its formation."
)
PLOTS_WORDS = (
    "Surveyors listed the plants of each plot, and experts or rules gave it its habitat. These are "
    "the plots that all habitat models learn from, and what became of them on the way."
)


@dataclass(frozen=True, eq=False)
class Scored:
    """What one model said of plots that it had not seen."""

    name: str
    """In plain words."""
    judged: Judged
    blocks: NDArray[np.str_]
    """``(plot,)`` block that is resampled whole."""
    note: str = ""
    """Said below the name."""


@dataclass(frozen=True, eq=False)
class Validation:
    """Models on one set of plots."""

    where: str
    """The plots, in plain words: `HELD_OUT`, or the name of an external data set."""
    models: tuple[Scored, ...]

    def main(self, name: str) -> Scored:
        """Return the model of a name, or the first one."""
        return next((model for model in self.models if model.name == name), self.models[0])


@dataclass(frozen=True, eq=False)
class Formation:
    """The ensemble of one formation on its plots."""

    code: str
    """Of level 1."""
    validations: tuple[Validation, ...]
    """Held-out plots first, then external data sets."""
    splits: tuple[Scored, ...] = ()
    """The ensemble under other splits than blocks, each under the split's name in the recipe."""


@dataclass(frozen=True, eq=False)
class Parts:
    """What a section has besides the scores of its models."""

    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()
    scoreboards: tuple[Scoreboard, ...] = ()
    """Further comparisons."""


def species_section(
    validations: Sequence[Validation],
    parts: Parts,
    names: Mapping[str, str],
    settings: EvaluationSettings,
) -> Section:
    """Make the section of habitats from species, beside paper 1, table 2.

    Args:
        validations: held-out plots first, then external data sets; each with a model at least.
        parts: maps and their statistics, further comparisons.
        names: of codes, where known.
        settings: how intervals are made.
    """
    boards = tuple(_species_board(each, settings) for each in validations)
    main = validations[0].main(PLANTBERT) if validations else None
    caption = f"Scores of each habitat: {main.name} on {validations[0].where}" if main else ""
    classes = class_tables(caption, main.judged, names) if main else ()
    return Section(
        "habitats-by-species",
        "Habitats from species",
        SPECIES_WORDS,
        (*boards, *parts.scoreboards),
        (*parts.tables, *classes),
        parts.pictures,
    )


def _species_board(validation: Validation, settings: EvaluationSettings) -> Scoreboard:
    held_out = validation.where == HELD_OUT
    rows = scored_rows(validation.models, settings)
    return Scoreboard(
        f"Models on {_described(validation.where)}",
        rows,
        PAPER_HABITATS if held_out else (),
        "Paper 1, table 2 (Europe, 200 habitats, species predicted by its model)",
        f"{MEASURES} {interval_words(rows)}".strip() if held_out else interval_words(rows),
    )


def _described(where: str) -> str:
    return where if where == HELD_OUT else f"external data: {where}"


def environment_section(
    formations: Sequence[Formation],
    parts: Parts,
    names: Mapping[str, str],
    settings: EvaluationSettings,
) -> Section:
    """Make the section of habitats from the environment, beside paper 2, table 4.

    Args:
        formations: each with its held-out plots at least.
        parts: maps and their statistics, other splits.
        names: of codes, where known.
        settings: how intervals are made.
    """
    sets = dict.fromkeys(each.where for formation in formations for each in formation.validations)
    ensembles = tuple(_ensemble_board(where, formations, settings) for where in sets)
    members = _member_boards(formations, settings)
    results = [
        FormationResult(formation.code, each.where, each.main(ENSEMBLE).judged)
        for formation in formations
        for each in formation.validations
    ]
    spread = (formation_table(results),) if formations else ()
    held_out = ((each.code, each.validations[0].main(ENSEMBLE)) for each in formations)
    classes = tuple(
        replace(table, folded=True)
        for code, model in held_out
        for table in class_tables(f"{entitled(code)}: scores of each habitat", model.judged, names)
    )
    return Section(
        "habitats-by-environment",
        "Habitats from the environment",
        ENVIRONMENT_WORDS,
        (*ensembles, *parts.scoreboards, *members),
        (*spread, *parts.tables, *classes),
        parts.pictures,
    )


def _ensemble_board(
    where: str, formations: Sequence[Formation], settings: EvaluationSettings
) -> Scoreboard:
    """Put the ensembles of all formations under each other on one set of plots."""
    rows = tuple(
        _ensemble_row(formation.code, each, settings)
        for formation in formations
        for each in formation.validations
        if each.where == where
    )
    said = interval_words(rows)
    first = where == HELD_OUT
    note = f"{MEASURES} {GAIN_WORDS} {said}".strip() if first else said
    caption = f"The ensemble of each formation on {_described(where)}"
    return Scoreboard(caption, rows, note=note)


def _ensemble_row(formation: str, validation: Validation, settings: EvaluationSettings) -> Row:
    """Score a formation's ensemble, and how far it is above its best member on the same plots."""
    ensemble = validation.main(ENSEMBLE)
    (row,) = scored_rows([replace(ensemble, name=entitled(formation))], settings)
    row = _within_formation(row)
    members = [
        model
        for model in validation.models
        if model is not ensemble and model.judged.labels == ensemble.judged.labels
    ]
    if not members:
        return row
    best = max(members, key=lambda model: _f_score(model).score().value)
    gain = Difference(_f_score(ensemble), _f_score(best))
    measure = measured(GAIN, "habitats", gain, ensemble.blocks, settings)
    note = "; ".join(part for part in (row.note, f"best member: {best.name}") if part)
    return replace(row, measures=(*row.measures, measure), note=note)


def _f_score(model: Scored) -> MacroScore:
    return MacroScore(*model.judged.pairs(), "f_score")


def _member_boards(
    formations: Sequence[Formation], settings: EvaluationSettings
) -> tuple[Scoreboard, ...]:
    """Put the ensemble beside its members on the held-out plots: one board a formation."""
    held_out = ((each.code, each.validations[0]) for each in formations)
    return tuple(
        Scoreboard(
            f"{entitled(code)}: the ensemble beside its members",
            tuple(map(_within_formation, scored_rows(validation.models, settings))),
            folded=True,
        )
        for code, validation in held_out
        if len(validation.models) > 1
    )


def _within_formation(row: Row) -> Row:
    # All plots and all classes are of one formation: its share would be 1 in every row.
    return replace(row, measures=tuple(each for each in row.measures if each.name != "Level 1"))


def wall_to_wall_section(parts: Parts) -> Section:
    """Make the section of the map from wall to wall."""
    return Section(
        "habitats-wall-to-wall",
        "Habitats from wall to wall",
        WALL_WORDS,
        tables=parts.tables,
        pictures=parts.pictures,
    )


def plots_section(report: CurationReport) -> Section:
    """Make the section of the vegetation plots and their curation."""
    return Section(
        "vegetation-plots", "Vegetation plots", PLOTS_WORDS, tables=curation_tables(report)
    )


def scored_rows(models: Sequence[Scored], settings: EvaluationSettings) -> tuple[Row, ...]:
    """Score models on their plots, as `evaluate_habitats` does.

    A model that says nothing of some plots, which another one scores, says so below its name.
    """
    most = max((len(model.judged.labels) for model in models), default=0)
    rows = []
    for model in models:
        count = len(model.judged.labels)
        scored = f"{count:,} of {most:,} plots" if count < most else ""
        note = "; ".join(part for part in (model.note, scored) if part)
        row = evaluate_habitats(
            model.name, model.judged, model.blocks, settings=settings, note=note
        )
        rows.append(row)
    return tuple(rows)


def interval_words(rows: Sequence[Row]) -> str:
    """Say how many plots rows rest on and how their intervals were made.

    >>> interval_words(())
    ''
    """
    if not rows:
        return ""
    measure = rows[0].measures[0]
    plots = f"{measure.used:,} {measure.counts}."
    spread = measure.interval
    if spread is None:
        return f"{plots} No intervals: the plots lie in a single block."
    return (
        f"{plots} Small numbers: {spread.level:.0%} intervals over {spread.replicates:,} resamples "
        f"of {spread.blocks:,} blocks."
    )
