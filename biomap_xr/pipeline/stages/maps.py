"""Maps of species, of indicators, and of habitats by species: one pass over the tiles."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.problems import Check
from biomap_xr.pipeline.stage import Part, Stage
from biomap_xr.pipeline.summing import MapSums
from biomap_xr.programs import KERNELS
from biomap_xr.recipe import Recipe, paths_in, sections
from biomap_xr.run import Summary
from biomap_xr.sources.paths import local_file

if TYPE_CHECKING:
    from pydantic import JsonValue

    from biomap_xr.report.content import ReportContent


class SpeciesMaps(Stage):
    """``species.zarr``, ``indicators.zarr``, and ``by_species`` of ``habitats.zarr``."""

    name = "maps"
    after = ("covariates", "species", "by_species")
    programs = ("maps",)

    def wanted(self, recipe: Recipe) -> bool:
        """A map needs a species model and a cube to read."""
        return recipe.covariates is not None and recipe.observations is not None

    def checks(self, making: Making) -> Iterator[Check]:
        """Look at the lists; that they fit the species is seen with the observations."""
        for path in paths_in(making.recipe.indicators):
            yield Check("indicators", partial(local_file, path))

    def depends(self, making: Making) -> "Mapping[str, JsonValue]":
        """Lists by content, and what is made of the probabilities."""
        recipe = making.written
        parts: dict[str, JsonValue] = {
            "kernel of maps": KERNELS["maps"],
            "files of indicators": making.contents(paths_in(making.recipe.indicators)),
            "attributes": [recipe.title, recipe.licence, recipe.citation],
            **sections(recipe, "indicators", "maps", "grid"),
        }
        if recipe.habitats.by_species is not None:
            parts["habitats.on_map"] = recipe.habitats.on_map.model_dump(mode="json")
        return parts

    def parts(self, making: Making) -> tuple[Part, ...]:
        """All cubes are filled together."""
        return (making.tiles("maps"),)

    def make(self, making: Making) -> Summary:
        """Fill the cubes."""
        from biomap_xr.pipeline.makers.covariates import land_tiles
        from biomap_xr.pipeline.makers.maps import make_maps

        return make_maps(
            making.recipe,
            making.result("species"),
            making.result("covariates"),
            land_tiles(making.recipe, making.filling),
            making.filling,
            making.result("by_species"),
        )

    def result(self, making: Making) -> Summary:
        """Return what was found done."""
        return making.found_done("maps")

    def said(self, making: Making) -> Iterator[str]:
        """Say where the cubes are, and what their tiles add up to."""
        place, sums = making.workspace, MapSums.of(making.workspace)
        if making.written.maps.species_cube:
            yield f"species: {place.species}"
        yield f"indicators: {place.indicators}"
        if making.written.habitats.by_species is not None:
            yield f"habitats: {place.habitats} (by_species)"
        yield (
            f"map: {sums.tiles} tiles, {sums.cells:,} cells, {sums.moved:,} moved to the nearest "
            f"land; {sums.lost:.2%} of the expected richness lost to the storage floor and rounding"
        )
        yield f"in Python: xarray.open_zarr('{place.indicators}')"

    def told(self, making: Making, content: "ReportContent") -> "ReportContent":
        """Show the maps, and what their tiles add up to."""
        from biomap_xr.pipeline.telling.species import with_maps

        if not making.workspace.indicators.exists() or not content.evaluation:
            return content
        return with_maps(content, making.written, making.workspace)
