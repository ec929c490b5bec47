"""Files of the habitat maps for others."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from biomap_xr.pipeline.makers.product_record import KERNEL, ProductRecord, maps_of, withdraw
from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.problems import Check
from biomap_xr.pipeline.stage import Part, Stage, thing
from biomap_xr.recipe import Recipe
from biomap_xr.sources.paths import local_file

if TYPE_CHECKING:
    from pydantic import JsonValue

    from biomap_xr.pipeline.makers.products import Published


class Products(Stage):
    """GeoTIFF with legends, styles and the crosswalk."""

    name = "products"
    after = ("maps", "environment")

    def wanted(self, recipe: Recipe) -> bool:
        """There must be a map that the recipe wants published."""
        settings, habitats = recipe.products, recipe.habitats
        if settings is None or recipe.covariates is None:
            return False
        species = habitats.by_species is not None and recipe.observations is not None
        environment = habitats.by_environment is not None
        return (settings.by_species and species) or (settings.by_environment and environment)

    def checks(self, making: Making) -> Iterator[Check]:
        """Look at the legend; its codes are held against the maps when these are there."""
        legend = making.recipe.habitats.rules.legend
        if legend is not None:
            yield Check("habitats.rules.legend", partial(local_file, legend))

    def depends(self, making: Making) -> "Mapping[str, JsonValue]":
        """The tiles of the maps, the legend by content, and what is written beside values."""
        recipe, legend = making.written, making.recipe.habitats.rules.legend
        settings = recipe.products
        return {
            "kernel of products": KERNEL,
            "products": settings.model_dump(mode="json", exclude={"rasters": {"cache_megabytes"}})
            if settings
            else None,
            "legend": making.contents([legend] if legend else []),
            "tiles": maps_of(making.workspace),
            "attributes": [recipe.licence, recipe.citation, recipe.name],
        }

    def parts(self, making: Making) -> tuple[Part, ...]:
        """All files count as one thing."""
        record = ProductRecord.read(making.workspace)
        there = bool(record.products) and record.intact(making.workspace.products)
        return (thing("products", there=there, words=("written", "not written yet")),)

    def make(self, making: Making) -> "Published | None":
        """Write the files."""
        from biomap_xr.pipeline.makers.products import publish_products

        return publish_products(making.recipe, making.filling)

    def result(self, making: Making) -> "Published":
        """Return what was written before."""
        from biomap_xr.pipeline.makers.products import Published

        record = ProductRecord.read(making.workspace)
        return Published(making.workspace.products, record.products, written=False)

    def forget(self, making: Making) -> None:
        """Remove the files of a recipe that asked for some."""
        withdraw(making.workspace)

    def said(self, making: Making) -> Iterator[str]:
        """Say where the files are."""
        products = ProductRecord.read(making.workspace).products
        size = sum(product.size for product in products) / 1e6
        yield f"products: {making.workspace.products} ({len(products)} files, {size:.1f} MB)"
