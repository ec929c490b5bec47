"""Pl@ntBERT: trained on vegetation plots, scored beside plain classifiers."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from biomap_xr.cubes import digest_of
from biomap_xr.errors import RecipeError
from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.problems import Check, require_outside
from biomap_xr.pipeline.records import PLOTS, folder_of, scored
from biomap_xr.pipeline.stage import Part, Stage, thing
from biomap_xr.recipe import Recipe, paths_in, sections
from biomap_xr.run.fingerprint import fingerprint_of
from biomap_xr.run.folder import CHECKSUMS, complete, read_folder

if TYPE_CHECKING:
    from pydantic import JsonValue

    from biomap_xr.habitats.plantbert.model import HabitatModel
    from biomap_xr.report.content import ReportContent

OTHERS = {"by_environment", "environment_map", "rules", "on_map", "reference", "overlap"}
"""Settings of habitats that this model does not read."""
KERNEL = 1
"""Raised when the same recipe and data give another model or other scores."""


class BySpecies(Stage):
    """The model that reads habitats from assemblages of species."""

    name = "by_species"
    after = ("covariates", "species")

    def wanted(self, recipe: Recipe) -> bool:
        """Plots alone are enough; a map needs species, too."""
        return recipe.habitats.by_species is not None

    def checks(self, making: Making) -> Iterator[Check]:
        """Look at a pretrained network, the tables of plots, the rules of the expert system."""
        from biomap_xr.pipeline.makers.checks import habitat_checks, plot_checks, pretrained_checks

        yield from pretrained_checks(making.recipe)
        folder = self._given(making)
        if folder is not None:
            from biomap_xr.habitats.plantbert.artefact import check_given

            outside = partial(require_outside, folder, making.workspace.root)
            yield Check("habitats.by_species.model", outside)
            yield Check("", partial(check_given, folder))
        yield from habitat_checks(making.recipe)
        yield from plot_checks(making.observer)

    def depends(self, making: Making) -> "Mapping[str, JsonValue]":
        """Plots and rules by content, and what the training is told."""
        recipe, habitats = making.written, making.written.habitats
        anchored, given = making.recipe, self._given(making)
        rules = anchored.habitats.expert_system
        return {
            "kernel of by_species": KERNEL,
            "files of plots": making.contents(paths_in(anchored.plots)),
            "files of external plots": making.contents(paths_in(anchored.habitats.external)),
            "files of the model": making.contents(_files(given)),
            "files of the network": making.contents(_files(self._network(making))),
            "expert system": making.contents([rules] if rules else []),
            "habitats": habitats.model_dump(mode="json", exclude=OTHERS),
            "fine-tuned": habitats.on_map.fine_tune,
            **sections(recipe, "plots", "folds", "grid", "simulate"),
        }

    @staticmethod
    def _network(making: Making) -> Path | None:
        """Return the folder of a network that the training starts from, if it is one."""
        settings = making.recipe.habitats.by_species
        name = settings.network.name_or_path if settings is not None else ""
        return Path(name) if name and Path(name).is_dir() else None

    @staticmethod
    def _given(making: Making) -> Path | None:
        """Return the folder of a model that is used without training."""
        settings = making.recipe.habitats.by_species
        return None if settings is None else settings.model

    def data(self, making: Making) -> str:
        """Name all that the training depends on: its inputs, and the models that it reads."""
        covariates, model = making.result("covariates"), making.workspace.models / "species"
        read: dict[str, JsonValue] = {
            "covariates": covariates.fingerprint if covariates else None,
            "species": digest_of(model / CHECKSUMS) if making.written.observations else None,
        }
        return fingerprint_of({**self.depends(making), **read})

    def parts(self, making: Making) -> tuple[Part, ...]:
        """Scores are written last."""
        folder = folder_of(making.workspace)
        there = complete(folder / "model") and scored(folder, PLOTS)
        return (thing("habitat model", there=there),)

    def make(self, making: Making) -> "HabitatModel":
        """Train what is not trained yet."""
        from biomap_xr.pipeline.makers.by_species import learn_by_species, predicted_by

        settings = making.recipe.habitats.by_species
        if settings is None:
            raise RecipeError(
                f"recipe {making.written.name!r} has no habitats.by_species, expected settings of "
                "Pl@ntBERT; add it"
            )
        species, covariates = making.result("species"), making.result("covariates")
        predicted = (
            predicted_by(species, covariates, making.filling) if species and covariates else None
        )
        device = making.filling.workers.profile.training_device
        data = self.data(making)
        return learn_by_species(settings, making.observer, predicted, data, device=device)

    def result(self, making: Making) -> "HabitatModel":
        """Load the model."""
        from biomap_xr.habitats.plantbert.artefact import load_model

        return load_model(folder_of(making.workspace) / "model")

    def verify(self, making: Making) -> None:
        """Compare the model's files with their checksums."""
        read_folder(folder_of(making.workspace) / "model")

    def said(self, making: Making) -> Iterator[str]:
        """Say where the model is."""
        folder = folder_of(making.workspace) / "model"
        habitats = len(json.loads((folder / "card.json").read_text())["habitats"])
        yield f"habitat model: {folder} ({habitats} habitats)"

    def told(self, making: Making, content: "ReportContent") -> "ReportContent":
        """Say how well habitats are read from species, and show their map."""
        from biomap_xr.pipeline.telling.habitats import by_species, with_section

        return with_section(content, making.habitats, by_species(making.habitats))


def _files(folder: Path | None) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_file()) if folder else []
