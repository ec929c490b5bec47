"""The covariates cube: what all models see, and the masks of the map."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from biomap_xr.covariates.provenance import KERNEL, content_of
from biomap_xr.covariates.settings import MAIN, CovariateSettings
from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.problems import Check
from biomap_xr.pipeline.stage import Part, Stage
from biomap_xr.recipe import Recipe, sections

if TYPE_CHECKING:
    from pydantic import JsonValue

    from biomap_xr.covariates.cube import Covariates
    from biomap_xr.report.content import ReportContent


class CovariatesCube(Stage):
    """Sources brought to the grid; only what a prediction can depend on."""

    name = "covariates"
    programs = ("masks", "covariates")

    def wanted(self, recipe: Recipe) -> bool:
        """Without covariates nothing is mapped."""
        return recipe.covariates is not None

    def checks(self, making: Making) -> Iterator[Check]:
        """Look at every file, its CRS, extent, bands and dtype."""
        from biomap_xr.covariates.check import source_checks

        for look in source_checks(_settings(making), making.grid):
            yield Check("covariates", look)

    def depends(self, making: Making) -> "Mapping[str, JsonValue]":
        """Sources by content, and the grid that they are brought to."""
        settings = _settings(making)
        wanted = [name for name in ("masks", *MAIN) if getattr(settings, name) is not None]
        return {
            "kernel of covariates": KERNEL,
            **{name: content_of(settings, name, making.workspace.contents) for name in wanted},
            "valid_share_tolerance": settings.valid_share_tolerance,
            # Half a window around land matters, too.
            "window": making.written.inputs.window,
            "attributes": [making.written.licence, making.written.citation],
            **sections(making.written, "grid"),
        }

    def parts(self, making: Making) -> tuple[Part, ...]:
        """Masks come first: they say which tiles are land."""
        return tuple(making.tiles(program) for program in self.programs)

    def make(self, making: Making) -> "Covariates":
        """Fill the masks, then what land needs of the rest."""
        from biomap_xr.pipeline.makers.covariates import gather

        gather(making.recipe, _settings(making), making.filling)
        return self.result(making)

    def result(self, making: Making) -> "Covariates":
        """Return a handle on the cube."""
        from biomap_xr.covariates.cube import Covariates

        return Covariates.open(making.workspace.covariates, making.grid)

    def told(self, making: Making, content: "ReportContent") -> "ReportContent":
        """Say which predictors were kept."""
        from biomap_xr.pipeline.telling.species import with_predictors

        return with_predictors(content, making.workspace)


def _settings(making: Making) -> CovariateSettings:
    return making.recipe.covariates or CovariateSettings()
