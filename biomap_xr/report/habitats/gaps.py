"""How far models are above or below another one on the same plots, both resampled together."""

from biomap_xr.evaluation.habitats.scores import MacroScore
from biomap_xr.evaluation.intervals import Difference, SurveyMean
from biomap_xr.evaluation.settings import EvaluationSettings
from biomap_xr.evaluation.tables import Measure, Row, measured
from biomap_xr.report.content import Scoreboard
from biomap_xr.report.habitats.sections import (
    PLANTBERT,
    Scored,
    Validation,
    interval_words,
)

WORDS = (
    "Level 3 (share of plots) and F-score (mean over habitats) of each model less Pl@ntBERT's on "
    "the same plots, resampled together: where an interval holds 0, the plots cannot tell the two "
    "apart."
)


def gaps_to(
    model: Scored, other: Scored, against: str, settings: EvaluationSettings
) -> tuple[Measure, ...]:
    """Return how far accuracy at level 3 and macro-F1 of a model are above another one's.

    Args:
        model: any.
        other: what it is held against.
        against: the other's name in the columns' names.
        settings: how intervals are made.

    Returns:
        Two measures, -1 to 1; none where both do not score the same plots.
    """
    if model.judged is other.judged or model.judged.labels != other.judged.labels:
        return ()
    one, two = (SurveyMean(each.judged.hits(3)) for each in (model, other))
    first, second = (MacroScore(*each.judged.pairs(), "f_score") for each in (model, other))
    return (
        measured(f"Level 3 above {against}", "plots", Difference(one, two), other.blocks, settings),
        measured(
            f"F-score above {against}",
            "habitats",
            Difference(first, second),
            other.blocks,
            settings,
        ),
    )


def gap_board(validation: Validation, settings: EvaluationSettings) -> Scoreboard | None:
    """Hold all models against Pl@ntBERT; None where there is no other one on the same plots.

    Args:
        validation: Pl@ntBERT and others on one set of plots.
        settings: how intervals are made.
    """
    bert = validation.main(PLANTBERT)
    found = ((each, gaps_to(each, bert, PLANTBERT, settings)) for each in validation.models)
    rows = tuple(Row(each.name, gaps, each.note) for each, gaps in found if gaps)
    if not rows:
        return None
    caption = f"Other models and {PLANTBERT} on {validation.where}"
    return Scoreboard(caption, rows, note=f"{WORDS} {interval_words(rows)}")
