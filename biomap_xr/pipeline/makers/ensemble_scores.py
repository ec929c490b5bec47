"""What ensembles say of plots that they did not see, kept for the reports."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from biomap_xr.folds.blocks import Folds
from biomap_xr.habitats.ensemble.plots import FormationPlots
from biomap_xr.habitats.ensemble.training import TrainedFormation
from biomap_xr.habitats.ensemble.voters import ENSEMBLE
from biomap_xr.pipeline.scores import HabitatScores


def scores_of(plots: FormationPlots, trained: TrainedFormation, folds: Folds) -> HabitatScores:
    """Return the out-of-fold probabilities of a formation's plots.

    Args:
        plots: Of the formation.
        trained: On rows of these plots.
        folds: Of the rows.

    Returns:
        Of the ensemble and of each learner that votes: the voters that never saw a plot's block.
    """
    # All rows of a plot have one place, so one fold and one prediction.
    first = np.unique(plots.plot, return_index=True)[1]
    validation = trained.validation
    probability = {ENSEMBLE: validation.probability[first]}
    probability |= {name: validation.by_learner[name][first] for name in validation.chosen}
    return formation_scores(plots, folds.unit[first], probability, {ENSEMBLE: validation.note})


def formation_scores(
    plots: FormationPlots,
    block: NDArray[np.str_],
    probability: Mapping[str, NDArray[np.float32]],
    notes: Mapping[str, str],
) -> HabitatScores:
    """Put what models say beside the labels of a formation's plots.

    Args:
        plots: Of the formation.
        block: ``(plot,)`` that is resampled whole.
        probability: ``(plot, class)`` by the model's name; NaN where it says nothing.
        notes: Said below a model's name.
    """
    return HabitatScores(
        codes=plots.classes,
        labels=plots.labels,
        block=block,
        probability=probability,
        row=plots.cells.row,
        column=plots.cells.column,
        notes=notes,
    )
