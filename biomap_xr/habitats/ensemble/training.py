"""Train one formation's ensemble and score it on blocks that its voters never saw.

Every learner is fitted once a fold, on all other folds. Out-of-fold probabilities of a plot come
only from the voters that never saw its block; a habitat that lies in one fold alone cannot be named
by them, and is listed. Where the choice of learners is nested, the learners and weights that score
a fold were chosen on folds within the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.ensemble.fits import Fits, Observations, Options
from biomap_xr.habitats.ensemble.learners.settings import LearnerSettings
from biomap_xr.habitats.ensemble.selection import fold_score, mean_scores, select
from biomap_xr.habitats.ensemble.vote import combine, learner_weights
from biomap_xr.habitats.ensemble.voters import FormationEnsemble, Voter
from biomap_xr.habitats.eunis import number_of

__all__ = ["CrossValidation", "Observations", "Options", "TrainedFormation", "train_formation"]

Scores = dict[str, NDArray[np.float64]]
"""Score of each learner in each fold ``(fold,)``; NaN where there was nothing to score."""


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """How an ensemble does on blocks that its voters never saw."""

    classes: tuple[str, ...]
    codes: NDArray[np.str_]
    """``(row,)`` true codes."""
    fold: NDArray[np.int64]
    """``(row,)``"""
    probability: NDArray[np.float32]
    """``(row, class)`` of the voters that never saw the row's block."""
    by_learner: Mapping[str, NDArray[np.float32]]
    """The same of each learner that votes in the final ensemble."""
    learnt: NDArray[np.bool_]
    """``(row,)`` whether any of these voters knows the row's class; others cannot be right."""
    scores: Scores
    """Adjusted balanced accuracy of every learner offered."""
    ensemble_scores: NDArray[np.float64]
    """``(fold,)`` adjusted balanced accuracy of the vote."""
    chosen: tuple[str, ...]
    """Learners that vote in the final ensemble."""
    chosen_by_fold: tuple[tuple[str, ...], ...]
    """Learners that voted when each fold was scored."""
    nested: bool
    """Whether these were chosen without a look at the fold."""

    @property
    def predicted(self) -> NDArray[np.str_]:
        """Most likely code of each row ``(row,)``."""
        return np.array(self.classes)[self.probability.argmax(axis=1)]

    @property
    def note(self) -> str:
        """How far scores can be trusted, for a report."""
        if self.nested:
            return "learners and weights were chosen on folds within the others (nested)"
        return (
            "not nested: learners and weights were chosen by the folds that they are scored on, so "
            "that scores are somewhat too high"
        )

    def record(self) -> dict[str, JsonValue]:
        """Describe the scores for the card of a model."""
        lost = sorted(set(self.codes[~self.learnt].tolist()), key=number_of)
        return {
            "score": "adjusted balanced accuracy, out of fold, on classes that training had",
            "learners": {name: _plain(values) for name, values in self.scores.items()},
            "ensemble": _plain(self.ensemble_scores),
            "chosen": list(self.chosen),
            "chosen_by_fold": [list(names) for names in self.chosen_by_fold],
            "note": self.note,
            "rows_of_classes_not_in_training": int((~self.learnt).sum()),
            "classes_not_in_training": list(lost),
        }


@dataclass(frozen=True, eq=False)
class TrainedFormation:
    """What training gives."""

    ensemble: FormationEnsemble
    validation: CrossValidation


def train_formation(
    formation: str,
    observations: Observations,
    table: FeatureTable,
    members: Mapping[str, LearnerSettings],
    options: Options,
    *,
    folder: Path | None = None,
) -> TrainedFormation:
    """Fit all learners in all folds, choose, weigh and score them.

    Args:
        formation: Level-1 code.
        observations: Rows and folds.
        table: Types of the predictors, in the order of the rows' columns.
        members: Settings of each learner offered (algorithm x imbalance strategy), by name.
        options: How they are chosen, joined and stopped.
        folder: Where each fit is kept, so that an interrupted training goes on; equal rows and
            settings take what is there. None: nothing is kept.

    Raises:
        InputError: No learner is offered, or rows cannot train or score one.
    """
    if not members:
        raise InputError(
            f"formation {formation}: no learner is offered, expected settings of one at least; "
            "name members in the recipe"
        )
    fits = Fits(observations, table, members, options, folder)
    answers = {name: _answer(fits, name) for name in members}
    scores: Scores = {
        name: np.array([answer.score(fold) for fold in range(fits.folds)])
        for name, answer in answers.items()
    }
    # The final vote may look at all folds: nothing is scored by it.
    chosen, weights = _choose(scores, members, options)
    validation = _validate(fits, answers, scores, chosen, weights)
    voters = tuple(
        Voter(fits.learner(name, (fold,)), fold) for name in chosen for fold in range(fits.folds)
    )
    classes = fits.classes
    facts: dict[str, JsonValue] = {
        "folds": observations.folds.record(classes),
        "validation": validation.record(),
        "rows": len(observations.rows),
        "data": observations.digest,
    }
    ensemble = FormationEnsemble(formation, classes, voters, weights, options.vote, facts)
    return TrainedFormation(ensemble, validation)


@dataclass(frozen=True, eq=False)
class _Answer:
    """What one learner, or the vote, says of every row out of fold."""

    codes: NDArray[np.str_]
    fold: NDArray[np.int64]
    classes: tuple[str, ...]
    probability: NDArray[np.float32]
    """``(row, class)`` 0 for classes that the fold's learner does not know."""
    known: NDArray[np.bool_]
    """``(fold, class)``"""

    @property
    def learnt(self) -> NDArray[np.bool_]:
        """Whether the training of the row's fold had its class ``(row,)``."""
        place = {code: index for index, code in enumerate(self.classes)}
        label = np.array([place[code] for code in self.codes.tolist()])
        return self.known[self.fold, label]

    def score(self, fold: int) -> float:
        """Return the score in a fold."""
        held_out = self.fold == fold
        names = np.array(self.classes)
        predicted = names[self.probability[held_out].argmax(axis=1)]
        return fold_score(self.codes[held_out], predicted, names[self.known[fold]])


def _answer(fits: Fits, name: str, outer: int | None = None) -> _Answer:
    """Ask a learner's fits about the rows that they never saw.

    Args:
        fits: Of the formation.
        name: Of the learner.
        outer: A fold that they shall not have seen either, and that is not asked about; a fit
            without two folds serves both of them as the outer one.
    """
    rows, fold, classes = (
        fits.observations.rows,
        fits.observations.folds.fold,
        fits.observations.classes,
    )
    probability = np.zeros((len(rows), len(classes)), np.float32)
    known = np.zeros((fits.folds, len(classes)), bool)
    for number in (each for each in range(fits.folds) if each != outer):
        left_out = (number,) if outer is None else (min(number, outer), max(number, outer))
        own, said = fits.said(name, left_out)
        known[number] = np.isin(classes, own)
        asked = fold[np.isin(fold, left_out)] == number
        answer = np.zeros((int(asked.sum()), len(classes)), np.float32)
        answer[:, known[number]] = said[asked]
        probability[fold == number] = answer
    return _Answer(rows.codes, fold, classes, probability, known)


def _choose(
    scores: Scores, members: Mapping[str, LearnerSettings], options: Options
) -> tuple[tuple[str, ...], dict[str, float]]:
    """Return the learners that vote, and the weight of each."""
    means = mean_scores(scores)
    kinds = {name: (settings.family, settings.algorithm) for name, settings in members.items()}
    chosen = select(means, kinds, options.selection)
    weights = learner_weights({name: means[name] for name in chosen}, options.vote.weights)
    return chosen, weights


def _validate(
    fits: Fits,
    answers: Mapping[str, _Answer],
    scores: Scores,
    chosen: tuple[str, ...],
    weights: Mapping[str, float],
) -> CrossValidation:
    """Vote on each fold by the voters that never saw it."""
    rows, fold, classes = fits.observations.rows, fits.observations.folds.fold, fits.classes
    nested = fits.options.selection.nested
    probability = np.zeros((len(rows), len(classes)), np.float32)
    known = np.zeros((fits.folds, len(classes)), bool)
    by_fold = []
    for number in range(fits.folds):
        names, shares = chosen, dict(weights)
        # What scores a fold must not have chosen by it.
        if nested:
            names, shares = _choose(_inner_scores(fits, number), fits.members, fits.options)
        held_out = np.flatnonzero(fold == number)
        heard = np.array([answers[name].known[number] for name in names])
        votes = np.array([answers[name].probability[held_out] for name in names])
        probability[held_out] = combine(votes, heard, np.array([shares[name] for name in names]))
        known[number] = heard.any(axis=0)
        by_fold.append(names)
    vote = _Answer(rows.codes, fold, classes, probability, known)
    return CrossValidation(
        classes=classes,
        codes=rows.codes,
        fold=fold,
        probability=probability,
        by_learner={name: answers[name].probability for name in chosen},
        learnt=vote.learnt,
        scores=scores,
        ensemble_scores=np.array([vote.score(number) for number in range(fits.folds)]),
        chosen=chosen,
        chosen_by_fold=tuple(by_fold),
        nested=nested,
    )


def _inner_scores(fits: Fits, outer: int) -> Scores:
    """Score every learner on the other folds, by fits that saw neither them nor the outer one."""
    found: Scores = {}
    for name in fits.members:
        answer = _answer(fits, name, outer)
        found[name] = np.array([answer.score(f) for f in range(fits.folds) if f != outer])
    return found


def _plain(values: NDArray[np.float64]) -> list[JsonValue]:
    """Return numbers for JSON, which has no NaN."""
    return [None if np.isnan(value) else round(float(value), 4) for value in values]
