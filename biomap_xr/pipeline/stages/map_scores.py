"""The map over all formations held against plots and habitat maps of others."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.problems import Check
from biomap_xr.pipeline.records import HABITATS, ON_MAP
from biomap_xr.pipeline.stage import Part, Stage, thing
from biomap_xr.recipe import Recipe, paths_in
from biomap_xr.sources.paths import local_file

if TYPE_CHECKING:
    from pydantic import JsonValue

    from biomap_xr.report.content import ReportContent

KERNEL = 1
"""Raised when the same map and plots give other scores."""


class MapScores(Stage):
    """What external plots and reference maps say of the finished map."""

    name = "map_scores"
    after = ("covariates", "environment")

    def wanted(self, recipe: Recipe) -> bool:
        """There must be a map over all formations, and something to hold against it."""
        habitats = recipe.habitats
        mapped = recipe.covariates is not None and habitats.by_environment is not None
        against = bool(habitats.external or habitats.reference)
        return mapped and against and habitats.rules.crosswalk is not None

    def checks(self, making: Making) -> Iterator[Check]:
        """Look at the reference maps; external plots are looked at with the ensembles."""
        from biomap_xr.pipeline.makers.map_scores import check_reference

        for name, reference in making.recipe.habitats.reference.items():
            yield Check(f"habitats.reference.{name}", partial(check_reference, reference))
        for path in _files(making):
            yield Check("habitats.reference", partial(local_file, path))

    def depends(self, making: Making) -> "Mapping[str, JsonValue]":
        """Plots and maps of others by content, and what is compared."""
        written, habitats = making.written.habitats, making.recipe.habitats
        wanted = {"external": True, "reference": True, "overlap": True, "labels": True}
        return {
            "kernel of map_scores": KERNEL,
            "files of plots": making.contents(paths_in(making.recipe.plots)),
            "files of external plots": making.contents(paths_in(habitats.external)),
            "files of references": making.contents(_files(making)),
            "block_m": making.written.folds.block_m,
            "habitats": written.model_dump(mode="json", include=wanted),
        }

    def parts(self, making: Making) -> tuple[Part, ...]:
        """All scores are one file, written last."""
        there = (making.workspace.models / HABITATS / ON_MAP).is_file()
        return (thing("map", there=there, words=("scored", "not scored yet")),)

    def make(self, making: Making) -> None:
        """Score the map."""
        from biomap_xr.pipeline.makers.covariates import land_tiles
        from biomap_xr.pipeline.makers.map_scores import score_map

        tiles = land_tiles(making.recipe, making.filling)
        score_map(making.recipe, making.observer, tiles, making.filling)

    def result(self, making: Making) -> None:
        """No later stage reads it."""
        return

    def told(self, making: Making, content: "ReportContent") -> "ReportContent":
        """Say how far the map agrees with plots and maps of others."""
        from biomap_xr.pipeline.telling.habitats import map_scores, with_section

        return with_section(content, making.habitats, map_scores(making.habitats))


def _files(making: Making) -> tuple[Path, ...]:
    """Return the files of all references, and the layers in which they are valid."""
    covariates, references = making.recipe.covariates, making.recipe.habitats.reference
    layers = [each.valid.path for each in references.values() if each.valid is not None]
    root = covariates.root if covariates else Path()
    return (*paths_in(references), *(root / path for path in layers))
