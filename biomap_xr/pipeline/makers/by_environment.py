"""From labelled plots to an ensemble a formation, scored on blocks that its voters never saw."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from biomap_xr.covariates.provenance import content_of
from biomap_xr.covariates.settings import CovariateSettings
from biomap_xr.errors import InputError, RecipeError
from biomap_xr.folds.blocks import Folds, block_folds
from biomap_xr.habitats.ensemble.artefact import CARD, FormationModel, save_ensemble
from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.ensemble.learners.protocol import Means, Rows
from biomap_xr.habitats.ensemble.plots import FormationPlots, PlotPredictors
from biomap_xr.habitats.ensemble.settings import EnsembleSettings, SelectionSettings, VoteSettings
from biomap_xr.habitats.ensemble.training import (
    CrossValidation,
    Observations,
    Options,
)
from biomap_xr.habitats.ensemble.voters import ENSEMBLE
from biomap_xr.observations.plots import Plots
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.makers.ensemble_scores import scores_of
from biomap_xr.pipeline.makers.external import ExternalStudy, Finished
from biomap_xr.pipeline.makers.observing import Observer
from biomap_xr.pipeline.makers.plots import files_of
from biomap_xr.pipeline.makers.predictors import feature_table, plot_predictors, slices_in
from biomap_xr.pipeline.makers.splits import ROWS, Comparison
from biomap_xr.pipeline.records import EXTERNAL, PLOTS, SCORES, folder_of
from biomap_xr.pipeline.scores import HabitatScores
from biomap_xr.programs.fits import FitProgram, Training, TuningProgram
from biomap_xr.recipe import Recipe, sections
from biomap_xr.run import fingerprint_of

if TYPE_CHECKING:
    from pydantic import JsonValue

logger = logging.getLogger(__name__)

KERNEL = 1
"""Raised when the same recipe and data give other ensembles or scores."""


def learn_by_environment(
    recipe: Recipe, observer: Observer, filling: Filling
) -> tuple[FormationModel, ...]:
    """Train and score the ensemble of each formation, or take those that are done.

    Every fit is kept as soon as it is made, so that a training that was killed goes on there.

    Args:
        recipe: As it was loaded: paths as they were written count, not where they lead.
        observer: Has the recipe with absolute paths, and the plots.
        filling: Whose workers fit the learners.

    Returns:
        The models in the recipe's order of formations.

    Raises:
        InputError: Plots or predictors do not fit; known before anything is trained.
        RecipeError: The recipe asks for no such model, or has no predictors.
    """
    settings = observer.recipe.habitats.by_environment
    if settings is None:
        raise RecipeError(
            f"recipe {recipe.name!r} has no habitats.by_environment, expected settings of the "
            "ensembles; add it"
        )
    return EnvironmentStudy(recipe, observer, settings, filling).models()


@dataclass(frozen=True)
class EnvironmentStudy:
    """All that the trainings of one run share, read at its first use."""

    written: Recipe
    """As it was loaded."""
    observer: Observer
    settings: EnsembleSettings
    filling: Filling

    @property
    def recipe(self) -> Recipe:
        """The recipe with absolute paths."""
        return self.observer.recipe

    @cached_property
    def table(self) -> FeatureTable:
        """Predictors with units."""
        return feature_table(self.recipe, self.settings)

    @cached_property
    def plots(self) -> PlotPredictors:
        """Plots of all formations with their predictors."""
        found = plot_predictors(self._given, self.recipe, self.table, self.filling)
        self.observer.report_on_plots()
        for reason, count in found.lost.items():
            logger.info("habitats by environment: %d plots %s are left out", count, reason)
        return found

    def models(self) -> tuple[FormationModel, ...]:
        """Train what is not there yet."""
        formations, names = self.settings.formations, self.settings.compared_splits
        wanted = [formation for formation in formations if not self._done(formation)]
        comparisons = {each: self._comparison(each) for each in formations}
        missing = {each: comparison.missing(names) for each, comparison in comparisons.items()}
        # All formations are looked at before the first one is trained.
        of_formations = {
            each: self._plots_of(each) for each in formations if each in wanted or missing[each]
        }
        folds = {each: self._folds(plots) for each, plots in of_formations.items()}
        splits = {
            each: comparisons[each].splits(missing[each], plots, self._given, folds[each])
            for each, plots in of_formations.items()
        }
        for formation in wanted:
            comparisons[formation].forget_others()
        own = self._tuned([self._training(of_formations[each], folds[each]) for each in wanted])
        compared = [
            (each, split, comparisons[each].training(split, of_formations[each], own_members))
            for each, some in splits.items()
            for own_members in [own[each].members if each in own else None]
            for split in some
        ]
        self._fit([*own.values(), *(training for _, _, training in compared)])
        for formation, training in own.items():
            self._learn(training, of_formations[formation])
        for formation, split, training in compared:
            comparisons[formation].score(split, of_formations[formation], training)
        for formation in of_formations:
            shutil.rmtree(self.folder(formation) / ROWS, ignore_errors=True)
        models = tuple(self._model(each) for each in formations)
        self._score_external(models)
        shutil.rmtree(slices_in(self.filling.workspace), ignore_errors=True)
        return models

    def folder(self, formation: str) -> Path:
        """Return where everything of a formation is kept."""
        return folder_of(self.observer.workspace, formation)

    def data(self, formation: str) -> str:
        """Name all that a formation's ensemble and scores depend on."""
        wanted = self.settings.model_dump(
            mode="json",
            include={"blocks", "tuning", "smallest_class", "stopping_share", "seed"},
        )
        members: dict[str, JsonValue] = {
            name: each.model_dump(mode="json")
            for name, each in self.settings.members_of(formation).items()
        }
        options = options_of(self.settings, formation, self._device)
        parts: dict[str, JsonValue] = {
            **self._shared,
            "formation": formation,
            "members": members,
            "settings": wanted,
            "selection": options.selection.model_dump(mode="json"),
            "vote": options.vote.model_dump(mode="json"),
        }
        return fingerprint_of(parts)

    @cached_property
    def _shared(self) -> "dict[str, JsonValue]":
        """What all formations' ensembles depend on."""
        anchored, habitats = self.recipe, self.recipe.habitats
        files = files_of(anchored.plots) if anchored.plots else ()
        rules = habitats.expert_system if habitats.labels == "expert_system" else None
        covariates = anchored.covariates or CovariateSettings()
        known = self.observer.workspace.contents
        return {
            "kernel": KERNEL,
            "files": [*known.names([*files, *([rules] if rules else [])])],
            "labels": habitats.labels,
            "features": self.table.model_dump(mode="json"),
            "predictors": content_of(covariates, "predictors", known),
            # Shares of classes are those of a cell of the map.
            **sections(self.written, "plots", "grid", "simulate"),
        }

    @property
    def _device(self) -> str:
        return self.filling.workers.device

    @property
    def _given(self) -> Plots:
        return self.observer.plots.plots

    def _comparison(self, formation: str) -> Comparison:
        return Comparison(
            self.folder(formation),
            self.data(formation),
            self.table,
            options_of(self.settings, formation, self._device),
            self.settings.blocks,
        )

    def _done(self, formation: str) -> bool:
        folder = self.folder(formation)
        scored = HabitatScores.exist(folder / SCORES, PLOTS, self.data(formation))
        return scored and (folder / ENSEMBLE / CARD).is_file()

    def _model(self, formation: str) -> FormationModel:
        return FormationModel.of(self.folder(formation) / ENSEMBLE)

    def _score_external(self, models: Sequence[FormationModel]) -> None:
        side = self.settings.blocks.sides_m[0]
        study = ExternalStudy(self.written, self.recipe, self.table, side, self.filling)
        ensembles = [
            Finished(
                each.formation,
                each.codes,
                self.folder(each.formation),
                each.weights,
                self.data(each.formation),
            )
            for each in models
        ]
        for name in self.recipe.habitats.external:
            study.score(name, ensembles)

    def _plots_of(self, formation: str) -> FormationPlots:
        found = self.plots.of_formation(formation, self.settings.smallest_class)
        if found.dropped:
            listed = ", ".join(f"{code} ({count})" for code, count in found.dropped.items())
            logger.info("formation %s: classes with too few plots: %s", formation, listed)
        return found

    def _folds(self, plots: FormationPlots) -> Folds:
        place = {code: index for index, code in enumerate(plots.classes)}
        label = np.array([place[code] for code in plots.codes.tolist()], np.int64)
        try:
            return block_folds(plots.row_points, label, len(plots.classes), self.settings.blocks)
        except InputError as error:
            raise InputError(f"formation {plots.formation}: {error}") from error

    def _training(self, plots: FormationPlots, folds: Folds) -> Training:
        """Return what a formation's own ensemble is trained by, its members as they are given."""
        formation, folder = plots.formation, self.folder(plots.formation)
        logger.info(
            "formation %s: %d plots of %d classes, %d folds",
            formation,
            len(plots),
            len(plots.classes),
            folds.number,
        )
        return Training(
            formation,
            Observations(Rows(plots.values[plots.plot], plots.codes), folds),
            self.table,
            self.settings.members_of(formation),
            options_of(self.settings, formation, self._device),
            folder / "members",
            folder / ROWS,
        )

    def _tuned(self, trainings: Sequence[Training]) -> dict[str, Training]:
        """Return trainings by formation, members with the best hyperparameters of all trials."""
        tuning = self.settings.tuning
        if not tuning.trials:
            return {each.formation: each for each in trainings}
        searches = {
            each.formation: each.searches(tuning, self.folder(each.formation) / "trials")
            for each in trainings
        }
        tasks = [each.task(formation) for formation, some in searches.items() for each in some]
        self.filling.complete(TuningProgram(self.filling.workspace.root), tasks)
        found: dict[str, Training] = {}
        for training in trainings:
            members = dict(training.members)
            for search in searches[training.formation]:
                tuned = search.found()
                members[search.learner] = tuned.settings
                logger.info(
                    "formation %s, %s: %s after %d trials, %s as given",
                    training.formation,
                    search.learner,
                    tuned.score,
                    tuned.trials,
                    tuned.given_score,
                )
            found[training.formation] = replace(training, members=members)
        return found

    def _fit(self, trainings: Sequence[Training]) -> None:
        """Make all fits of all trainings on the workers, the largest formations first."""
        # A worker that ends with the largest formation would have the others wait for it.
        ordered = sorted(trainings, key=lambda each: -len(each.observations.rows))
        tasks = [task for each in ordered for task in each.tasks()]
        self.filling.complete(FitProgram(self.filling.workspace.root), tasks)

    def _learn(self, training: Training, plots: FormationPlots) -> None:
        """Join, score and keep one formation's ensemble."""
        formation, folder = plots.formation, self.folder(plots.formation)
        trained = training.join()
        facts: dict[str, JsonValue] = {
            **trained.ensemble.facts,
            "fingerprint": self.data(formation),
            "plots": len(plots),
            "dropped": dict(plots.dropped),
            "members": {
                name: each.model_dump(mode="json") for name, each in training.members.items()
            },
        }
        HabitatScores.forget(folder / SCORES, PLOTS, f"{EXTERNAL}*")
        save_ensemble(replace(trained.ensemble, facts=facts), folder / ENSEMBLE)
        scores = scores_of(plots, trained, training.observations.folds)
        # The record of the scores is last: with it the formation counts as done.
        scores.write(folder / SCORES, PLOTS, self.data(formation))
        logger.info("formation %s: %s", formation, _told(trained.validation))


def options_of(settings: EnsembleSettings, formation: str, device: str = "cpu") -> Options:
    """Return how a formation's learners are chosen and joined.

    Learners that a recipe takes as published were chosen by paper 2 already: all of them vote.
    """
    published = formation not in settings.by_formation and not settings.members
    selection = settings.selection or SelectionSettings(keep="all" if published else "family")
    return Options(
        selection=selection,
        vote=VoteSettings(weights=settings.weights, denominator=settings.denominator),
        stopping_share=settings.stopping_share,
        means=Means(settings.seed, settings.threads, device),
    )


def _told(validation: CrossValidation) -> str:
    """Say how well an ensemble and its learners do."""
    means = {name: np.nanmean(values) for name, values in validation.scores.items()}
    learners = ", ".join(f"{name} {mean:.3f}" for name, mean in means.items())
    return (
        f"adjusted balanced accuracy {np.nanmean(validation.ensemble_scores):.3f} of the ensemble; "
        f"{learners}; voting: {', '.join(validation.chosen)}"
    )
