"""From vegetation plots to Pl@ntBERT: trained, scored beside plain classifiers, read to the map."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biomap_xr.covariates.cube import Covariates
from biomap_xr.fitting import Epoch, Watching
from biomap_xr.folds.roles import Roles
from biomap_xr.habitats.assemblages import Samples, of_plots, samples_of
from biomap_xr.habitats.baselines.classifier import Classifier
from biomap_xr.habitats.baselines.linear import LinearClassifier
from biomap_xr.habitats.baselines.tabular import TabularClassifier
from biomap_xr.habitats.esy.labels import ExpertClassifier
from biomap_xr.habitats.esy.system import ExpertSystem
from biomap_xr.habitats.plantbert.artefact import given_model, load_model, save_model
from biomap_xr.habitats.plantbert.classifier import FittedPlantBert, PlantBertClassifier
from biomap_xr.habitats.plantbert.model import HabitatModel
from biomap_xr.habitats.plantbert.settings import PlantBertSettings
from biomap_xr.habitats.plantbert.training import fine_tune
from biomap_xr.observations.plots import Plots
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.makers.observing import Observer
from biomap_xr.pipeline.makers.plots import (
    PlacedPlots,
    fold_roles,
    place,
    species_roles,
    take_plots,
    written_plots,
)
from biomap_xr.pipeline.makers.truths import best_from_lists
from biomap_xr.pipeline.records import EXTERNAL, PLOTS, SCORES
from biomap_xr.pipeline.scores import HabitatScores
from biomap_xr.programs.predicted import PredictedAssemblages, RankingProgram
from biomap_xr.recipe import Recipe
from biomap_xr.run.folder import complete
from biomap_xr.species.artefact import fingerprint
from biomap_xr.species.model import SpeciesModel

logger = logging.getLogger(__name__)

EXPERT = "EUNIS-ESy expert system"
BEST = "best possible from the species lists"
PREDICTED = "Pl@ntBERT on predicted assemblages, first {} species"
UNTAUGHT = "Pl@ntBERT without the linear teacher"
UNTUNED = "the same, not fine-tuned on them"
Probabilities = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Study:
    """All that one training sees."""

    recipe: Recipe
    """With absolute paths."""
    settings: PlantBertSettings
    placed: PlacedPlots
    folder: Path
    """Where checkpoints are kept."""
    species: PredictedAssemblages | None = None
    """What the species model predicts at cells; None without one."""
    device: str = "cpu"
    """Of the profile, where to train."""
    samples: Samples = field(init=False)

    def __post_init__(self) -> None:
        plots = self.placed.plots
        assemblages, habitats = of_plots(plots, self.settings.k), None
        if self.settings.model is not None:
            card = given_model(self.settings.model, self.settings.k).card
            assemblages, unknown = assemblages.in_table(card.species)
            habitats = card.habitats
            if unknown:
                logger.info("habitats by species: %s", unknown.message)
        samples = samples_of(assemblages, plots.labels, habitats)
        object.__setattr__(self, "samples", samples)

    @property
    def borne(self) -> NDArray[np.bool_]:
        """Whether each plot bears a label ``(plot,)``."""
        return np.array([bool(codes) for codes in self.placed.plots.labels], bool)

    def bert(self, name: str) -> PlantBertClassifier:
        """Return Pl@ntBERT, untrained; its checkpoints have a name."""
        watching = Watching(_tell, self.folder / "checkpoints" / name)
        return PlantBertClassifier(self.settings, watching=watching, device=self.device)

    def baselines(self) -> tuple[Classifier, ...]:
        """Return the classifiers that it is compared with."""
        wanted: list[Classifier] = []
        if self.settings.baselines.untaught and self.settings.model is None:
            tuning = self.settings.fine_tuning.model_copy(update={"teacher": 0.0})
            alone = self.settings.model_copy(update={"fine_tuning": tuning})
            wanted.append(PlantBertClassifier(alone, name=UNTAUGHT, device=self.device))
        if self.settings.baselines.linear:
            wanted.append(LinearClassifier())
        if self.settings.baselines.tabular:
            wanted.append(TabularClassifier(seed=self.settings.seed))
        return tuple(wanted)


def predicted_by(
    model: SpeciesModel, covariates: Covariates, filling: Filling
) -> PredictedAssemblages:
    """Return what a run's species model predicts at cells, a slice of them a task.

    Args:
        model: As it lies in ``models/species``, from where workers load it.
        covariates: What it sees.
        filling: Whose workers predict.
    """
    workspace, nothing = filling.workspace, np.zeros(0, np.int64)
    program = RankingProgram(
        root=workspace.root,
        model=workspace.models / "species",
        weights=fingerprint(model),
        covariates=covariates,
        device=filling.workers.device,
        places=nothing,
        k=0,
    )
    folder = workspace.models / "habitats" / "predicted"
    return PredictedAssemblages(model.card.species, program, folder, filling.complete)


@dataclass(frozen=True, eq=False)
class Learned:
    """The model for the map, and what was said of plots that its likes had not seen."""

    model: HabitatModel
    tested: NDArray[np.int64]
    """Plots that were scored."""
    probability: Probabilities
    """By name ``(tested, habitat)``."""


def learn_by_species(
    settings: PlantBertSettings,
    observer: Observer,
    species: PredictedAssemblages | None,
    data: str,
    *,
    device: str = "cpu",
) -> HabitatModel:
    """Train Pl@ntBERT and score it, or load it where it is done.

    Args:
        settings: Of the recipe.
        observer: Has the plots, and the sites whose blocks are held out.
        species: What the species model predicts; None where there is none.
        data: Fingerprint of everything that the training depends on.
        device: Of the profile, where to train.

    Raises:
        InputError: Plots do not fit the recipe, or the vocabulary not the species model.
    """
    recipe, folder = observer.recipe, observer.workspace.models / "habitats" / "by_species"
    model_folder, scores = folder / "model", folder / SCORES
    if HabitatScores.exist(scores, PLOTS, data) and complete(model_folder):
        return load_model(model_folder)
    study = Study(recipe, settings, observer.plots, folder, species, device)
    HabitatScores.forget(scores, PLOTS, f"{EXTERNAL}*")
    observer.report_on_plots()
    if recipe.habitats.held_out == "folds":
        learned = _cross_validated(study)
    else:
        learned = _held_out(study, species_roles(study.placed, recipe, observer.sites))
    model = save_model(learned.model, model_folder)
    for name, external in recipe.habitats.external.items():
        plots, _ = take_plots(external, recipe.habitats)
        _external(study, model, plots, name).write(scores, EXTERNAL + name, data)
    # The record of the held-out plots is last: with it the training counts as done.
    _board(study, learned).write(scores, PLOTS, data)
    if species is not None:
        species.forget()
    Watching(checkpoint=folder / "checkpoints").forget()
    return model


def _held_out(study: Study, roles: Roles) -> Learned:
    """Train once, score the plots of the test blocks, then learn to read the species model."""
    tested = roles.test[study.borne[roles.test]]
    some = study.samples.assemblages.select(tested)
    bert = study.bert("all")
    fitted = bert.fit(study.samples, roles)
    model = fitted.model
    probability: Probabilities = {bert.name: fitted.predict_proba(some)}
    for classifier in study.baselines():
        probability[classifier.name] = classifier.fit(study.samples, roles).predict_proba(some)
    if study.species is not None:
        model, found = _read_predicted(study, study.species, model, roles, tested)
        probability |= found
    return Learned(model, tested, probability | _references(study, tested))


def _cross_validated(study: Study) -> Learned:
    """Score each plot by models that never saw its fold; the model that is kept sees all folds."""
    folds = fold_roles(study.placed, study.recipe)
    tested = np.flatnonzero(study.borne).astype(np.int64)
    shape = (len(study.placed.plots), len(study.samples.habitats))
    probability: Probabilities = {}
    for number, roles in enumerate(folds):
        some = study.samples.assemblages.select(roles.test)
        for classifier in (study.bert(f"fold-{number}"), *study.baselines()):
            said = probability.setdefault(classifier.name, np.full(shape, np.nan, np.float32))
            said[roles.test] = classifier.fit(study.samples, roles).predict_proba(some)
        logger.info("habitats by species: fold %d of %d is scored", number + 1, len(folds))
    fitted = study.bert("all").fit(study.samples, Roles(np.arange(len(study.samples))))
    probability = {name: said[tested] for name, said in probability.items()}
    return Learned(fitted.model, tested, probability | _references(study, tested))


def _references(study: Study, tested: NDArray[np.int64]) -> Probabilities:
    """Return what needs no training: the expert system, and the truth of a simulated Europe."""
    found: Probabilities = {}
    rules, plots = study.recipe.habitats.expert_system, study.recipe.plots
    if study.settings.baselines.expert and rules is not None and plots is not None:
        written = written_plots(plots, study.placed.plots.select(tested))
        found[EXPERT] = _by_experts(rules, study.samples.habitats, written)
    if study.recipe.simulate is not None and study.recipe.root is not None:
        some = study.placed.plots.select(tested)
        found[BEST] = best_from_lists(study.recipe.root, some, study.samples.habitats)
    return found


def _by_experts(rules: Path, habitats: Sequence[str], written: Plots) -> NDArray[np.float32]:
    return ExpertClassifier.of(ExpertSystem.read(rules), habitats).predict_proba(written)


def _read_predicted(
    study: Study,
    species: PredictedAssemblages,
    model: HabitatModel,
    roles: Roles,
    tested: NDArray[np.int64],
) -> tuple[HabitatModel, Probabilities]:
    """Score a model on what the species model predicts, fine-tuned on that and not.

    Returns:
        The better one on validation plots, and the predictions for the tested plots.
    """
    species.require_shared(model.card.species, study.recipe.habitats.on_map.shared)
    k = study.settings.k
    there, test = species.at(study.placed.cells[tested], model.card.species, k)
    found: Probabilities = {}
    plain, chosen = FittedPlantBert(model), model
    if study.recipe.habitats.on_map.fine_tune and study.settings.model is None:
        chosen = _tuned(study, species, model, roles)
        said = _spread(plain.predict_proba(test), there, len(tested))
        found[f"{PREDICTED.format(k)}, {UNTUNED}"] = said
    for count in dict.fromkeys((max(1, k // 2), k)):
        values = chosen.predict_proba(test.sentences[:, :count])
        found[PREDICTED.format(count)] = _spread(values, there, len(tested))
    return chosen, found


def _tuned(
    study: Study, species: PredictedAssemblages, model: HabitatModel, roles: Roles
) -> HabitatModel:
    """Fine-tune on predicted assemblages where that helps on validation plots."""
    train, validation = (study.samples.labelled(rows) for rows in (roles.train, roles.validation))
    rows = np.concatenate([train, validation])
    cells, table = study.placed.cells[rows], model.card.species
    there, assemblages = species.at(cells, table, study.settings.k)
    if not (there < len(train)).any() or not (there >= len(train)).any():
        logger.info("habitats by species: too few plots on the map to fine-tune on")
        return model
    labels = [study.placed.plots.labels[row] for row in rows[there]]
    samples = samples_of(assemblages, labels, model.card.habitats)
    trains, validates = (np.flatnonzero(each) for each in (there < len(train), there >= len(train)))
    inner = Roles(trains, validates)
    watching = Watching(_tell, study.folder / "checkpoints" / "predicted")
    tuned = fine_tune(model, samples, inner, watching=watching, device=study.device)
    before, after = (_accuracy(each, samples, validates) for each in (model, tuned))
    logger.info(
        "habitats by species: accuracy on predicted validation assemblages %.3f, fine-tuned %.3f",
        before,
        after,
    )
    return tuned if after >= before else model


def _accuracy(model: HabitatModel, samples: Samples, rows: NDArray[np.int64]) -> float:
    found = model.predict_proba(samples.assemblages.sentences[rows])
    # Nothing is said of a plot without species, and that is not right.
    answered = np.isfinite(found).all(axis=1)
    return float((answered & (found.argmax(axis=1) == samples.label[rows])).mean())


def _external(study: Study, model: HabitatModel, plots: Plots, name: str) -> HabitatScores:
    """Score the finished model, and plain ones trained on all plots, on plots of another place."""
    borne = np.flatnonzero([bool(codes) for codes in plots.labels])
    plots = plots.select(borne)
    assemblages = of_plots(plots, study.settings.k)
    own, unknown = assemblages.in_table(model.card.species)
    if unknown:
        logger.info("habitats by species, %s: %s", name, unknown.message)
    readable = np.flatnonzero(own.sentences[:, 0] >= 0).astype(np.int64)
    some = own.select(readable)
    everything = Roles(np.arange(len(study.samples)))
    probability = {"Pl@ntBERT": FittedPlantBert(model).predict_proba(some)}
    for classifier in study.baselines():
        fitted = classifier.fit(study.samples, everything)
        probability[classifier.name] = fitted.predict_proba(some)
    spread = {key: _spread(each, readable, len(plots)) for key, each in probability.items()}
    rules = study.recipe.habitats.expert_system
    if study.settings.baselines.expert and rules is not None:
        written = written_plots(study.recipe.habitats.external[name], plots)
        spread[EXPERT] = _by_experts(rules, model.card.habitats, written)
    placed = place(plots, study.recipe)
    return _scores(placed, model.card.habitats, spread)


def _board(study: Study, learned: Learned) -> HabitatScores:
    placed = study.placed
    some = PlacedPlots(
        placed.plots.select(learned.tested),
        placed.cells[learned.tested],
        placed.block[learned.tested],
    )
    return _scores(some, study.samples.habitats, learned.probability)


def _scores(
    placed: PlacedPlots, habitats: Sequence[str], probability: Mapping[str, NDArray[np.float32]]
) -> HabitatScores:
    return HabitatScores(
        codes=tuple(habitats),
        labels=placed.plots.labels,
        block=placed.block,
        probability=probability,
        row=placed.cells.row,
        column=placed.cells.column,
    )


def _spread(
    values: NDArray[np.float32], rows: NDArray[np.int64], count: int
) -> NDArray[np.float32]:
    """Put rows ``(n, habitat)`` in their places among ``count``, NaN elsewhere."""
    out = np.full((count, values.shape[1]), np.nan, np.float32)
    out[rows] = values
    return out


def _tell(epoch: Epoch) -> None:
    validation = epoch.validation_loss
    logger.info(
        "Pl@ntBERT, %s: epoch %d of %d, loss %.4f, validation %s, accuracy %s, %.1f s",
        epoch.stage.replace("_", "-"),
        epoch.epoch,
        epoch.epochs,
        epoch.loss,
        "-" if validation is None else f"{validation:.4f}",
        "-" if epoch.accuracy is None else f"{epoch.accuracy:.3f}",
        epoch.seconds,
    )
