"""From sites to a species model: branches alone, joined, calibrated, scored on held-out blocks."""

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.inputs import cut_inputs
from biomap_xr.covariates.patches import read_patches
from biomap_xr.covariates.settings import PatchSettings
from biomap_xr.errors import InputError
from biomap_xr.fitting import Epoch, Watching
from biomap_xr.folds.blocks import blocks_of
from biomap_xr.folds.roles import Roles, balance, split
from biomap_xr.grid import Grid
from biomap_xr.observations import Sites
from biomap_xr.pipeline.makers.observing import Observer
from biomap_xr.pipeline.records import SCORES, SURVEYS
from biomap_xr.pipeline.scores import KeptDataset, Scores
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe
from biomap_xr.run.folder import complete
from biomap_xr.species import samples
from biomap_xr.species.artefact import load_model, save_model
from biomap_xr.species.branches import train_branch, train_ensemble
from biomap_xr.species.calibration import calibrate
from biomap_xr.species.card import ModelCard
from biomap_xr.species.given import given_model
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.recalibration import recalibrate
from biomap_xr.species.scoring import probabilities
from biomap_xr.species.settings import Modality

logger = logging.getLogger(__name__)

Inputs = Mapping[Modality, NDArray[Any]]
STAGES = {
    "landsat": "Landsat",
    "climate": "Climate",
    "sentinel2": "Sentinel-2",
    "predictors": "Predictors",
}
OTHERS = {"all": "surveys", "surveys": "all"}
TRAINED_ON = {"all": "surveys and records", "surveys": "surveys alone"}


@dataclass(frozen=True)
class Lesson:
    """All that one training sees: raw inputs, labels and roles at the same sites."""

    sites: Sites
    inputs: Inputs
    roles: Roles

    def samples(self, trained_on: str) -> samples.Samples:
        """Return the training and validation sites with what counts as present there."""
        surveys = trained_on == "surveys"
        usable = self.sites.surveyed if surveys else np.ones(len(self.sites), bool)
        presence = self.sites.survey_presence if surveys else self.sites.presence
        train, validation = (
            role[usable[role]] for role in (self.roles.train, self.roles.validation)
        )
        return samples.Samples(self.inputs, presence, Roles(train, validation), _table(self.sites))

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Sites ``(n,)`` that scores and thresholds use: those with a survey.

        Without any survey, records stand against the absences of their target group instead.
        """
        surveyed = self.sites.surveyed
        return surveyed if surveyed.any() else ~self.sites.background

    @property
    def found(self) -> csr_array:
        """What scores compare with ``(n, species)``: the surveys' species, or else the records'."""
        sites = self.sites
        return sites.survey_presence if sites.surveyed.any() else sites.presence

    def in_table(self, card: ModelCard) -> "Lesson":
        """Return the same sites with the species of a model; one that it lacks is left out.

        Raises:
            InputError: It has none of them.
        """
        sites = self.sites
        place = {int(value): at for at, value in enumerate(sites.species["species_id"])}
        # Behind the last species stands one that was never found.
        index = np.array([place.get(value, len(place)) for value in card.species_id], np.int64)
        if (index == len(place)).all():
            raise InputError(
                f"the model's {len(card.species_id)} species (ids {card.species_id[:3]} ...) are "
                f"none of the {len(place)} that were observed (ids {list(place)[:3]} ...); give "
                "observations with the ids of the model's table"
            )
        nothing = csr_array((len(sites), 1), dtype=np.uint8)
        presence, surveyed = (
            csr_array(hstack([each, nothing], format="csr")[:, index])
            for each in (sites.presence, sites.survey_presence)
        )
        table = pd.DataFrame({"species_id": card.species_id, "species": card.species})
        known = replace(sites, presence=presence, survey_presence=surveyed, species=table)
        return replace(self, sites=known)

    def scored_of(self, role: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sites of a role that scores and thresholds use."""
        return role[self.scored[role]]


def _table(sites: Sites) -> samples.SpeciesTable:
    species = sites.species
    return samples.SpeciesTable(
        tuple(int(value) for value in species["species_id"]), tuple(map(str, species["species"]))
    )


def learn(
    recipe: Recipe,
    workspace: Workspace,
    observer: Observer,
    covariates: Covariates | None,
    data: str,
    *,
    device: str = "cpu",
) -> SpeciesModel:
    """Train the species model of a recipe, or load it where it is done.

    Args:
        recipe: With absolute paths.
        workspace: Where models are kept.
        observer: Has the sites; not asked where the model is done.
        covariates: The cube that inputs are cut from; None where they are files of their own.
        data: Fingerprint of recipe sections, observations and covariates.
        device: Of the profile, where to train.

    Raises:
        InputError: Observations do not fit the recipe or the covariates, or a model of other data
            lies where the recipe's was.
        CorruptError: The model is not the one that was written.
    """
    place = workspace.models / "species"
    if Scores.exist(workspace.models, data) and complete(place):
        return _trained(place, data)
    # A training that is killed from here on must not leave former scores that vouch for its model.
    KeptDataset(workspace.models / SCORES, SURVEYS).forget()
    scratch = workspace.models / "windows"
    lesson = prepare(recipe, observer.sites, covariates, scratch)
    try:
        if recipe.species.weights is None:
            models = _train_all(recipe, lesson, workspace.models, data, device)
        else:
            lesson, models = _given(recipe, lesson, workspace.models, data, device)
        _score(recipe, lesson, models).write(workspace.models, data)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return load_model(place)


def prepare(recipe: Recipe, sites: Sites, covariates: Covariates | None, scratch: Path) -> Lesson:
    """Cut the inputs of all sites and give each site its role.

    Raises:
        InputError: There are no inputs, or too few blocks.
    """
    wanted = tuple(recipe.species.modalities)
    if recipe.patches is not None:
        sites, inputs = _with_files(recipe.patches, sites, wanted)
    elif covariates is not None:
        cut = cut_inputs(covariates, sites.cells, sites.year, wanted, recipe.inputs, folder=scratch)
        inputs = {name: cut[name] for name in wanted}
    else:
        raise InputError(
            f"recipe {recipe.name!r} has neither covariates nor patches; "
            "give one of the sections, so that a model can see something"
        )
    points = Grid.from_settings(recipe.grid).centres_of(sites.cells)
    roles = split(points, recipe.folds, sites.surveyed)
    return Lesson(sites, inputs, roles)


def _with_files(
    settings: PatchSettings, sites: Sites, wanted: tuple[Modality, ...]
) -> tuple[Sites, Inputs]:
    """Read the files of sites by the names that their edition gives them.

    Returns:
        The sites that have files, with the species that were seen there, and their inputs (n, ...).
    """
    own = {"sentinel2": sites.patch_id, "landsat": sites.time_series_id}
    ids: dict[str, list[str]] = {
        name: [
            str(one or survey)
            for one, survey in zip(own.get(name, sites.survey_id), sites.survey_id, strict=True)
        ]
        for name in wanted
    }
    kept, files = read_patches(settings, ids)
    inputs = {name: files[name] for name in wanted}
    if kept.all():
        return sites, inputs
    logger.info("%d of %d sites have no file and are left out", (~kept).sum(), len(sites))
    sites = sites.select(kept)
    # A species that only they had would be a column of absences.
    return sites.select_species(np.unique(sites.presence.indices).astype(np.int64)), inputs


def _train_all(
    recipe: Recipe, lesson: Lesson, folder: Path, data: str, device: str
) -> dict[str, SpeciesModel]:
    """Train and keep each branch, the ensemble and, if asked for, its comparison."""
    settings = recipe.species
    training, own, other = settings.training, settings.trained_on, OTHERS[settings.trained_on]

    def kept(name: str, make: Callable[[Watching], SpeciesModel]) -> SpeciesModel:
        return _kept(folder / name, data, make, Watching(_tell, folder / "checkpoints" / name))

    def branch(name: Modality, watching: Watching) -> SpeciesModel:
        encoder, known = settings.modalities[name], lesson.samples(own)
        model = train_branch(name, known, encoder, training, watching=watching, device=device)
        return _finished(model, lesson, recipe, recalibrated=settings.recalibrate)

    branches = {
        name: kept(f"branches/{name}", partial(branch, name)) for name in settings.modalities
    }

    def ensemble(trained_on: str, watching: Watching, *, recalibrated: bool) -> SpeciesModel:
        known = lesson.samples(trained_on)
        model = train_ensemble(branches, known, training, watching=watching, device=device)
        return _finished(model, lesson, recipe, recalibrated=recalibrated)

    def mapped(watching: Watching) -> SpeciesModel:
        if len(branches) > 1:
            return ensemble(own, watching, recalibrated=settings.recalibrate)
        # There is nothing to join: training the branch further on the same sites made it worse.
        (only,) = branches.values()
        return only

    models = {STAGES[name]: model for name, model in branches.items()}
    models["All"] = kept("species", mapped)
    if settings.compare:
        # Only the joint model: its branches have learnt from the recipe's own choice.
        name = f"All, fine-tuned on {TRAINED_ON[other]}"
        # As it was trained: recalibrating it on surveys would hide what records do to richness.
        models[name] = kept("compared", partial(ensemble, other, recalibrated=False))
    Watching(checkpoint=folder / "checkpoints").forget()
    return models


def _given(
    recipe: Recipe, lesson: Lesson, folder: Path, data: str, device: str
) -> tuple[Lesson, dict[str, SpeciesModel]]:
    """Keep a model that the recipe gives, with the sites in its table of species."""
    settings = recipe.species

    def make(watching: Watching) -> SpeciesModel:
        model = given_model(settings, lesson.samples(settings.trained_on), device)
        known = lesson.in_table(model.card)
        if model.card.thresholds is None:
            scored = known.scored_of(lesson.roles.calibration)
            model = calibrate(model, lesson.inputs, known.found, scored, settings.thresholds)
        inputs = recipe.inputs.model_dump(mode="json")
        if model.card.inputs not in ({}, inputs):
            raise InputError(
                f"species.weights: {settings.weights} was trained on inputs cut by "
                f"{model.card.inputs}, the recipe says {inputs}; expected the same: copy them into "
                "the section inputs"
            )
        told = {**model.card.training, "weights": str(settings.weights)}
        model.card = model.card.model_copy(update={"inputs": inputs, "training": told})
        return model

    model = _kept(folder / "species", data, make, Watching())
    return lesson.in_table(model.card), {"All": model}


def _finished(
    model: SpeciesModel, lesson: Lesson, recipe: Recipe, *, recalibrated: bool
) -> SpeciesModel:
    """Recalibrate a trained model, choose its thresholds, and note how inputs were cut."""
    if recalibrated:
        surveys = lesson.scored_of(lesson.roles.validation)
        model = recalibrate(model, lesson.inputs, lesson.found, surveys)
    scored = lesson.scored_of(lesson.roles.calibration)
    settings = recipe.species.thresholds
    model = calibrate(model, lesson.inputs, lesson.found, scored, settings)
    inputs = recipe.inputs.model_dump(mode="json")
    model.card = model.card.model_copy(update={"inputs": inputs})
    return model


def _kept(
    folder: Path, data: str, make: Callable[[Watching], SpeciesModel], watching: Watching
) -> SpeciesModel:
    """Load a model that was trained on the same data, or train it and keep it."""
    if complete(folder):
        model = load_model(folder)
        if model.card.data_fingerprint == data:
            return model
    model = make(watching)
    model.card = model.card.model_copy(update={"data_fingerprint": data})
    saved = save_model(model, folder)
    watching.forget()
    return saved


def _trained(place: Path, data: str) -> SpeciesModel:
    """Load the model of a finished training.

    Raises:
        InputError: Somebody has put another one there.
    """
    model = load_model(place)
    found = model.card.data_fingerprint
    if found != data:
        raise InputError(
            f"{place} holds a model of {len(model.card.species_id)} species that was trained on "
            f"other data or settings ({found[:12] or 'none named'}) than the recipe's "
            f"({data[:12]}); restore the recipe's own, or move this one away and run the recipe "
            "again to train it"
        )
    return model


def _tell(epoch: Epoch) -> None:
    logger.info(
        "training %s: epoch %d, loss %.4f, validation %.4f, %.1f s",
        STAGES.get(epoch.stage, epoch.stage),
        epoch.epoch,
        epoch.loss,
        epoch.validation_loss,
        epoch.seconds,
    )


def _score(recipe: Recipe, lesson: Lesson, models: Mapping[str, SpeciesModel]) -> Scores:
    """Predict the surveys of the test blocks with every model."""
    test = lesson.scored_of(lesson.roles.test)
    grid = Grid.from_settings(recipe.grid)
    cells = lesson.sites.cells[test]
    points = grid.centres_of(lesson.sites.cells)
    parts = balance(
        lesson.roles,
        blocks_of(points, recipe.folds.block_m),
        lesson.sites.surveyed,
        csr_array(lesson.sites.presence).nonzero(),
    )
    return Scores(
        row=cells.row,
        column=cells.column,
        block=blocks_of(grid.centres_of(cells), recipe.folds.block_m),
        targets=lesson.found[test].toarray().astype(bool),
        probability={
            name: probabilities(model, lesson.inputs, test) for name, model in models.items()
        },
        threshold={name: np.array(_global(model)) for name, model in models.items()},
        balance=tuple(asdict(part) for part in parts),
        surveyed=bool(lesson.sites.surveyed.any()),
        species=tuple(map(str, lesson.sites.species["species"])),
    )


def _global(model: SpeciesModel) -> float:
    thresholds = model.card.thresholds
    return thresholds.f_score_global if thresholds else 0.5
