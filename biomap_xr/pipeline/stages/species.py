"""The species model: branches, joined, calibrated, scored on blocks that none of them saw."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from biomap_xr.errors import InputError
from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.problems import Check, require_outside
from biomap_xr.pipeline.records import SURVEYS, scored
from biomap_xr.pipeline.stage import Part, Stage, thing
from biomap_xr.recipe import Recipe, paths_in, sections
from biomap_xr.run.fingerprint import fingerprint_of
from biomap_xr.run.folder import complete, read_folder
from biomap_xr.sources.paths import local_file, local_folder

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import JsonValue

    from biomap_xr.report.content import ReportContent
    from biomap_xr.species.model import SpeciesModel

KERNEL = 1
"""Raised when the same recipe and data give another model or other scores."""


class SpeciesTraining(Stage):
    """The model that the maps of species are made with."""

    name = "species"
    after = ("covariates",)

    def wanted(self, recipe: Recipe) -> bool:
        """A recipe of habitats alone observes no species."""
        return recipe.observations is not None

    def checks(self, making: Making) -> Iterator[Check]:
        """Look at all files, then read the tables of observations and traits."""
        observed, patches = making.recipe.observations, making.recipe.patches
        files = [Check("observations", partial(local_file, path)) for path in paths_in(observed)]
        yield from files
        for edition in patches.editions if patches else ():
            yield Check("patches", partial(local_folder, edition.root))
        if making.recipe.species.weights is not None:
            from biomap_xr.species.given import check_weights

            given, own = making.recipe.species.weights, making.workspace.root
            yield Check("species.weights", partial(require_outside, given, own))
            yield Check("", partial(check_weights, making.recipe.species))
        missing = any(not path.is_file() for path in paths_in(observed))
        # A background drawn on land waits for the land mask.
        if observed is not None and not missing and observed.background.random_cells == 0:
            yield Check("observations", making.observer.check_sites)

    def depends(self, making: Making) -> "Mapping[str, JsonValue]":
        """Observations and files of patches by content, and what the training is told."""
        patches, files = making.recipe.patches, None
        if patches is not None:
            from biomap_xr.covariates.patches import content_of_patches

            files = content_of_patches(patches, making.workspace.contents)
        weights: Sequence[Path] = ()
        if making.recipe.species.weights is not None:
            from biomap_xr.species.given import files_of_weights

            weights = files_of_weights(making.recipe.species.weights)
        return {
            "kernel of species": KERNEL,
            "files of observations": making.contents(paths_in(making.recipe.observations)),
            "files of patches": files,
            "files of weights": making.contents(weights),
            **sections(making.written, "observations", "folds", "inputs", "species", "patches"),
            **sections(making.written, "grid"),
        }

    def data(self, making: Making) -> str:
        """Name all that the training depends on: its inputs, and what the cube holds.

        Another land cover makes other masks and leaves the cube's fingerprint, and so the model.
        """
        covariates = making.result("covariates")
        cube = covariates.fingerprint if covariates else None
        return fingerprint_of({**self.depends(making), "covariates": cube})

    def parts(self, making: Making) -> tuple[Part, ...]:
        """Scores are written last."""
        models = making.workspace.models
        there = complete(models / "species") and scored(models, SURVEYS)
        return (thing("model", there=there),)

    def make(self, making: Making) -> "SpeciesModel":
        """Train what is not trained yet."""
        from biomap_xr.pipeline.makers.species import learn

        making.observer.report_on_sites()
        return learn(
            making.recipe,
            making.workspace,
            making.observer,
            making.result("covariates"),
            self.data(making),
            device=making.filling.workers.profile.training_device,
        )

    def result(self, making: Making) -> "SpeciesModel":
        """Load the model."""
        from biomap_xr.species.artefact import load_model

        return load_model(making.workspace.models / "species")

    def verify(self, making: Making) -> None:
        """Compare the model's files with their checksums, and its data with the recipe's."""
        folder, data = making.workspace.models / "species", self.data(making)
        card = json.loads(read_folder(folder, ("card.json", "model.safetensors"))["card.json"])
        if card["data_fingerprint"] != data:
            raise InputError(
                f"{folder} holds a model of {len(card['species_id'])} species that was trained on "
                f"other data or settings ({card['data_fingerprint'][:12] or 'none named'}) than "
                f"the recipe's ({data[:12]}); restore the recipe's own, or move this one away and "
                "run the recipe again to train it"
            )

    def said(self, making: Making) -> Iterator[str]:
        """Say where the model is."""
        folder = making.workspace.models / "species"
        species = len(json.loads((folder / "card.json").read_text())["species_id"])
        yield f"model: {folder} ({species} species)"

    def told(self, making: Making, content: "ReportContent") -> "ReportContent":
        """Say how well the models do on held-out surveys."""
        from biomap_xr.pipeline.telling.species import with_scores

        if not self.parts(making)[0].done:
            return content
        return with_scores(content, making.written, making.workspace)
