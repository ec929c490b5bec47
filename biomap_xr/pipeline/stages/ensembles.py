"""Paper 2's ensembles: one a formation, scored on blocks that its voters never saw."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from biomap_xr.covariates.provenance import content_of
from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.problems import Check
from biomap_xr.pipeline.records import EXTERNAL, HABITATS, PLOTS, SPLIT, folder_of, scored
from biomap_xr.pipeline.stage import Part, Stage, thing
from biomap_xr.recipe import Recipe, paths_in, sections

if TYPE_CHECKING:
    from pydantic import JsonValue

    from biomap_xr.habitats.ensemble.artefact import FormationModel
    from biomap_xr.report.content import ReportContent

KERNEL = 1
"""Raised when the same recipe and data give other ensembles or scores."""


class Ensembles(Stage):
    """Models of habitats by environment, and their scores."""

    name = "ensembles"

    def wanted(self, recipe: Recipe) -> bool:
        """Plots and predictors are enough; a map needs the covariates cube."""
        return recipe.habitats.by_environment is not None

    def checks(self, making: Making) -> Iterator[Check]:
        """Look at predictors, members, plots and splits."""
        from biomap_xr.pipeline.makers.checks import ensemble_checks, habitat_checks, plot_checks

        yield from ensemble_checks(making.recipe)
        yield from habitat_checks(making.recipe)
        yield from plot_checks(making.observer)

    def depends(self, making: Making) -> "Mapping[str, JsonValue]":
        """Plots, rules and predictors by content, and what the training is told."""
        recipe, habitats = making.written, making.written.habitats
        anchored = making.recipe
        rules = anchored.habitats.expert_system if habitats.labels == "expert_system" else None
        covariates = anchored.covariates
        return {
            "kernel of ensembles": KERNEL,
            "files of plots": making.contents(paths_in(anchored.plots)),
            "files of external plots": making.contents(paths_in(anchored.habitats.external)),
            "expert system": making.contents([rules] if rules else []),
            "files of by_environment": making.contents(paths_in(anchored.habitats.by_environment)),
            "predictors": content_of(covariates, "predictors", making.workspace.contents)
            if covariates
            else None,
            "habitats": habitats.model_dump(
                mode="json",
                include={"by_environment": True, "labels": True, "external": True},
                exclude={"by_environment": {"threads"}},
            ),
            # Shares of classes are those of a cell of the map.
            **sections(recipe, "plots", "grid", "simulate"),
        }

    def parts(self, making: Making) -> tuple[Part, ...]:
        """An ensemble counts with the scores of all that it is asked about."""
        settings = making.written.habitats.by_environment
        splits = settings.compared_splits if settings else ()
        names = {f"split {name}": SPLIT + name for name in splits}
        names |= {f"external plots {n}": EXTERNAL + n for n in making.written.habitats.external}
        found = []
        for formation in settings.formations if settings else ():
            folder = folder_of(making.workspace, formation)
            found.append(thing(f"ensemble of {formation}", there=scored(folder, PLOTS)))
            found += [
                thing(
                    f"{what} of {formation}",
                    there=scored(folder, name),
                    words=("scored", "not scored yet"),
                )
                for what, name in names.items()
            ]
        return tuple(found)

    def make(self, making: Making) -> "tuple[FormationModel, ...]":
        """Train and score what is not there yet."""
        from biomap_xr.pipeline.makers.by_environment import learn_by_environment

        return learn_by_environment(making.written, making.observer, making.filling)

    def result(self, making: Making) -> "tuple[FormationModel, ...]":
        """Read the cards of the ensembles; their voters are loaded where they vote."""
        from biomap_xr.habitats.ensemble.artefact import FormationModel

        settings = making.written.habitats.by_environment
        return tuple(
            FormationModel.of(folder_of(making.workspace, formation) / "ensemble")
            for formation in (settings.formations if settings else ())
        )

    def said(self, making: Making) -> Iterator[str]:
        """Say where the ensembles are."""
        settings = making.written.habitats.by_environment
        names = ", ".join(settings.formations) if settings else ""
        yield f"ensembles: {making.workspace.models / HABITATS / 'by_environment'} ({names})"

    def told(self, making: Making, content: "ReportContent") -> "ReportContent":
        """Say how well the ensembles do, and show their maps."""
        from biomap_xr.pipeline.telling.habitats import by_environment, with_section

        return with_section(content, making.habitats, by_environment(making.habitats))
