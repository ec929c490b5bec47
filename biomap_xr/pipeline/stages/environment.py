"""Maps of habitats from the environment: a formation each, and the one over all of them."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.problems import Check
from biomap_xr.pipeline.stage import Part, Stage
from biomap_xr.programs import KERNELS
from biomap_xr.recipe import Recipe, paths_in, sections

if TYPE_CHECKING:
    from pydantic import JsonValue

    from biomap_xr.pipeline.makers.environment_maps import EnvironmentMaps as Made
    from biomap_xr.report.content import ReportContent


class EnvironmentMaps(Stage):
    """``by_environment`` and ``wall_to_wall`` of ``habitats.zarr``."""

    name = "environment"
    after = ("covariates", "ensembles")
    programs = ("environment", "wall_to_wall")

    def wanted(self, recipe: Recipe) -> bool:
        """A map needs ensembles and a cube to read."""
        return recipe.covariates is not None and recipe.habitats.by_environment is not None

    def checks(self, making: Making) -> Iterator[Check]:
        """Look at the tables of the rules, and at codes of the masks that no rule knows."""
        from biomap_xr.pipeline.makers.checks import code_checks, rule_checks

        yield from rule_checks(making.recipe.habitats.rules)
        yield from code_checks(making.recipe)

    def depends(self, making: Making) -> "Mapping[str, JsonValue]":
        """Tables of the rules by content, and where the models predict."""
        habitats = making.written.habitats
        return {
            "kernel of environment": KERNELS["environment"],
            "files of rules": making.contents(paths_in(making.recipe.habitats.rules)),
            "rules": habitats.rules.model_dump(mode="json"),
            "environment_map": habitats.environment_map.model_dump(mode="json"),
            "attributes": [making.written.licence, making.written.citation, making.written.title],
            **sections(making.written, "grid"),
        }

    def parts(self, making: Making) -> tuple[Part, ...]:
        """The second program reads what the first one wrote."""
        return tuple(making.tiles(program) for program in self.programs)

    def make(self, making: Making) -> "Made":
        """Fill the cubes."""
        from biomap_xr.pipeline.makers.covariates import land_tiles
        from biomap_xr.pipeline.makers.environment_maps import map_by_environment

        return map_by_environment(
            making.observer,
            making.result("ensembles"),
            making.result("covariates"),
            land_tiles(making.recipe, making.filling),
            making.filling,
        )

    def result(self, making: Making) -> "Made":
        """Return what was found done."""
        from biomap_xr.pipeline.makers.environment_maps import EnvironmentMaps as Made

        environment, wall = (making.found_done(program) for program in self.programs)
        return Made(environment, wall)

    def said(self, making: Making) -> Iterator[str]:
        """Say where the cubes are."""
        yield f"habitats: {making.workspace.habitats} (by_environment)"

    def told(self, making: Making, content: "ReportContent") -> "ReportContent":
        """Show the map over all formations."""
        from biomap_xr.pipeline.telling.habitats import wall_to_wall, with_section

        return with_section(content, making.habitats, wall_to_wall(making.habitats))
