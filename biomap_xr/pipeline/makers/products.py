"""The files of a run's habitat maps for others, written once and when something changed."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from biomap_xr.cubes import open_cube
from biomap_xr.grid import Grid
from biomap_xr.habitats.cube import BY_ENVIRONMENT, BY_SPECIES, WALL_TO_WALL, codes_of
from biomap_xr.habitats.eunis import LEVELS, at_level
from biomap_xr.habitats.legend import Legend
from biomap_xr.habitats.rules.crosswalk import Crosswalk
from biomap_xr.habitats.rules.rulebook import read_crosswalk
from biomap_xr.habitats.rules.settings import RulesSettings
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.makers.product_record import (
    ENVIRONMENT,
    KERNEL,
    MAPS,
    PROGRAMS,
    ProductRecord,
    maps_of,
    state_of,
)
from biomap_xr.pipeline.makers.rules import legend_of_map
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.products.product import Product
from biomap_xr.products.rasters import Raster, formations_in
from biomap_xr.products.settings import ProductSettings
from biomap_xr.products.write import (
    PRODUCTS,
    PlannedProducts,
    ProductProgram,
    plan_products,
    plan_species_products,
)
from biomap_xr.recipe import Recipe
from biomap_xr.run import fingerprint_of
from biomap_xr.run.durable import publish
from biomap_xr.run.folder import CHECKSUMS

if TYPE_CHECKING:
    from pydantic import JsonValue

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Published:
    """The files of a run."""

    folder: Path
    products: tuple[Product, ...]
    """By path."""
    written: bool
    """Whether this run wrote them; otherwise they were up to date."""

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(product.size for product in self.products)


def publish_products(recipe: Recipe, filling: Filling) -> Published | None:
    """Write the files that a recipe asks for, with a list of their checksums.

    Args:
        recipe: With absolute paths.
        filling: Of a run whose maps are there, what is missing is left out; its workers write a
            file each, and none that is there already.

    Returns:
        The files; None where the recipe asks for none, or there is no map.

    Raises:
        InputError: The legend lacks codes of the maps, or a cube lies on another grid.
        CorruptError: A file was not read back as it was written.
    """
    settings, workspace = recipe.products, filling.workspace
    if settings is None or not workspace.habitats.exists():
        return None
    parts = PublishedParts.of(recipe, workspace, settings)
    if not (parts.environment or parts.species):
        return None
    former, folder = ProductRecord.read(workspace), workspace.products
    if former.fingerprint == parts.fingerprint and former.intact(folder):
        return Published(folder, former.products, written=False)
    planned, grid = parts.plan(), Grid.from_settings(recipe.grid)
    planned.check(workspace.habitats, grid)
    former.begin(workspace, planned.paths)
    planned.sweep(folder)
    states = {each: state_of(workspace, each) for each in PROGRAMS}
    tasks = [each.task([states[name] for name in makers_of(each.raster)]) for each in planned.files]
    filling.complete(
        ProductProgram(workspace.root, workspace.habitats, folder, grid, settings.rasters),
        tasks,
    )
    rasters = _of_receipts(workspace, [task.name for task in tasks])
    products = tuple(sorted((*rasters, *planned.write_texts(folder)), key=lambda each: each.path))
    publish(folder / CHECKSUMS, "".join(f"{each.sha256}  {each.path}\n" for each in products))
    ProductRecord(parts.fingerprint).end(workspace, products)
    megabytes = sum(each.size for each in products) / 1e6
    logger.info("products: %d files, %.1f MB in %s", len(products), megabytes, folder)
    return Published(folder, products, written=True)


def makers_of(raster: Raster) -> tuple[str, ...]:
    """Name the programs that fill the group of a raster."""
    if raster.group == BY_SPECIES:
        return (MAPS,)
    return (WALL_TO_WALL,) if raster.group == WALL_TO_WALL else (ENVIRONMENT, WALL_TO_WALL)


def _of_receipts(workspace: Workspace, names: Sequence[str]) -> Iterator[Product]:
    """List the files that tasks have written, with the checksums that workers took."""
    ledger, begin = workspace.ledger(PRODUCTS), f"{workspace.products.name}/"
    for receipt in map(ledger.read, names):
        for shard in receipt.shards if receipt else ():
            yield Product(shard.path.removeprefix(begin), shard.size, shard.sha256)


@dataclass(frozen=True)
class PublishedParts:
    """What there is to publish, and all that it depends on."""

    store: Path
    environment: Legend | None
    """Legend of the habitats by environment; None where they are not wanted or not there."""
    species: Legend | None
    """The same of the habitats by species."""
    crosswalk: Crosswalk | None
    fingerprint: str

    @classmethod
    def of(
        cls, recipe: Recipe, workspace: Workspace, settings: ProductSettings
    ) -> "PublishedParts":
        """Look at the cubes.

        Raises:
            InputError: A table of the rules cannot be read.
        """
        store, rules = workspace.habitats, recipe.habitats.rules
        environment, crosswalk, species = None, None, None
        if settings.by_environment and recipe.habitats.by_environment is not None:
            environment, crosswalk = _of_environment(store, rules)
        if settings.by_species and recipe.habitats.by_species is not None:
            species = _of_species(store, rules)
        parts: dict[str, JsonValue] = {
            "kernel": KERNEL,
            "settings": settings.model_dump(mode="json", exclude={"rasters": {"cache_megabytes"}}),
            "maps": maps_of(workspace),
            "attributes": [recipe.licence, recipe.citation, recipe.name],
            "legends": [each.to_csv() if each else None for each in (environment, species)],
            "crosswalk": crosswalk.to_csv() if crosswalk else None,
        }
        return cls(store, environment, species, crosswalk, fingerprint_of(parts))

    def plan(self) -> PlannedProducts:
        """Look at all cubes, before anything is written.

        Raises:
            InputError: The legend lacks codes.
        """
        planned = PlannedProducts()
        if self.environment is not None:
            planned += plan_products(self.store, self.environment, self.crosswalk)
        if self.species is not None:
            planned += plan_species_products(self.store, self.species)
        return planned


def _of_environment(store: Path, rules: RulesSettings) -> tuple[Legend | None, Crosswalk | None]:
    """Return the legend of the habitats by environment and the crosswalk, if there are any."""
    models = {each: codes_in(store, f"{BY_ENVIRONMENT}/{each}") for each in formations_in(store)}
    if not models:
        return None, None
    every = [*codes_in(store, WALL_TO_WALL), *(code for codes in models.values() for code in codes)]
    crosswalk = read_crosswalk(rules.crosswalk, models) if rules.crosswalk else None
    return legend_of_map(rules, every), crosswalk


def _of_species(store: Path, rules: RulesSettings) -> Legend | None:
    """Return the legend of the habitats by species at all levels, if there are any."""
    named = codes_in(store, BY_SPECIES)
    if not named:
        return None
    return legend_of_map(
        rules, sorted({at_level(code, level) for code in named for level in LEVELS})
    )


def codes_in(store: Path, group: str) -> Sequence[str]:
    """Return the codes of a group's classes; none where it is not there."""
    if not (store / group / "zarr.json").is_file():
        return ()
    return codes_of(open_cube(store, group))
