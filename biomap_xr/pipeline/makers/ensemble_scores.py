"""What ensembles say of plots that they did not see, kept for the reports."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from biomap_xr.folds.blocks import Folds
from biomap_xr.habitats.ensemble.plots import FormationPlots
from biomap_xr.habitats.ensemble.prediction import predict_formation
from biomap_xr.habitats.ensemble.training import TrainedFormation
from biomap_xr.habitats.ensemble.voters import FormationEnsemble
from biomap_xr.pipeline.scores import HabitatScores

ENSEMBLE = "ensemble"
"""Name of all voters together; others are learners."""
ROWS = 4096
"""Plots at a time: what all voters say of them is held at once."""
Probabilities = dict[str, NDArray[np.float32]]


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
    fold = folds.fold[first]
    probability: Probabilities = {ENSEMBLE: trained.validation.probability[first]}
    probability |= _of_learners(trained.ensemble, plots.values, fold)
    notes = {ENSEMBLE: trained.validation.note}
    return formation_scores(plots, folds.unit[first], probability, notes)


def external_scores(
    plots: FormationPlots, ensemble: FormationEnsemble, block: NDArray[np.str_]
) -> HabitatScores:
    """Return what a finished ensemble, all voters of it, says of plots of another source.

    Args:
        plots: With classes of the ensemble; there may be none.
        ensemble: Of the same formation.
        block: ``(plot,)`` that is resampled whole.
    """
    members = {ENSEMBLE: ensemble}
    members |= {name: of_learner(ensemble, name) for name in dict.fromkeys(ensemble.learners)}
    probability: Probabilities = {
        name: predict_formation(each, plots.values).probability.T for name, each in members.items()
    }
    return formation_scores(plots, block, probability, {})


def of_learner(ensemble: FormationEnsemble, name: str) -> FormationEnsemble:
    """Return the voters of one learner as an ensemble of its own."""
    voters = tuple(voter for voter in ensemble.voters if voter.name == name)
    return FormationEnsemble(
        ensemble.formation, ensemble.classes, voters, {name: 1.0}, ensemble.vote, ensemble.facts
    )


def _of_learners(
    ensemble: FormationEnsemble, values: NDArray[np.float32], fold: NDArray[np.int64]
) -> Probabilities:
    """Ask each learner's voter of a fold about the fold's plots: ``(plot, class)`` by learner."""
    shape = (len(values), len(ensemble.classes))
    found = {name: np.zeros(shape, np.float32) for name in dict.fromkeys(ensemble.learners)}
    for number in np.unique(fold).tolist():
        voters = ensemble.of_fold(number)
        rows = np.flatnonzero(fold == number)
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            for name, said in zip(voters.learners, voters.probabilities(values[part]), strict=True):
                found[name][part] = said
    return found


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
