"""The files of a run's habitat maps for others, written once and when something changed."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from biomap_xr.cubes import open_cube
from biomap_xr.grid import Grid
from biomap_xr.habitats.cube import BY_ENVIRONMENT, BY_SPECIES, WALL_TO_WALL
from biomap_xr.habitats.eunis import LEVELS, at_level
from biomap_xr.habitats.legend import Legend
from biomap_xr.habitats.rules.crosswalk import Crosswalk
from biomap_xr.habitats.rules.rulebook import read_crosswalk
from biomap_xr.habitats.rules.settings import RulesSettings
from biomap_xr.pipeline.environment.rules import legend_of_map
from biomap_xr.pipeline.plan import Plan
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.products.rasters import formations_in
from biomap_xr.products.settings import ProductSettings
from biomap_xr.products.write import Product, codes_of, write_products, write_species_products
from biomap_xr.recipe import Recipe
from biomap_xr.run import fingerprint_of
from biomap_xr.run.durable import publish
from biomap_xr.run.folder import CHECKSUMS

if TYPE_CHECKING:
    from pydantic import JsonValue

logger = logging.getLogger(__name__)

KERNEL = 1
"""Raised when the same maps give other files."""
RECORD = "products.json"
PROGRAMS = ("maps", "environment", "wall_to_wall")


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


def publish_products(recipe: Recipe, workspace: Workspace) -> Published | None:
    """Write the files that a recipe asks for, with a list of their checksums.

    Args:
        recipe: With absolute paths.
        workspace: Of a run whose maps are there; what is missing is left out.

    Returns:
        The files; None where the recipe asks for none, or there is no map.

    Raises:
        InputError: The legend lacks codes of the maps, or a cube lies on another grid.
        CorruptError: A file was not read back as it was written.
    """
    settings = recipe.products
    if settings is None or not workspace.habitats.exists():
        return None
    parts = PublishedParts.of(recipe, workspace, settings)
    if not (parts.environment or parts.species):
        return None
    record, folder = workspace.models / "habitats" / RECORD, workspace.products
    kept = _kept(record, folder, parts.fingerprint)
    if kept is not None:
        return Published(folder, kept, written=False)
    record.unlink(missing_ok=True)
    products = parts.write(folder, Grid.from_settings(recipe.grid))
    sums = "".join(f"{each.sha256}  {each.path}\n" for each in products)
    publish(folder / CHECKSUMS, sums)
    content: dict[str, JsonValue] = {
        "fingerprint": parts.fingerprint,
        "products": [[each.path, each.size, each.sha256] for each in products],
    }
    publish(record, json.dumps(content, indent=1))
    megabytes = sum(each.size for each in products) / 1e6
    logger.info("products: %d files, %.1f MB in %s", len(products), megabytes, folder)
    return Published(folder, products, written=True)


@dataclass(frozen=True)
class PublishedParts:
    """What there is to publish, and all that it depends on."""

    store: Path
    settings: ProductSettings
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
        if settings.by_environment:
            environment, crosswalk = _of_environment(store, rules)
        if settings.by_species:
            species = _of_species(store, rules)
        parts: dict[str, JsonValue] = {
            "kernel": KERNEL,
            "settings": settings.model_dump(mode="json", exclude={"rasters": {"threads"}}),
            "legends": [each.to_csv() if each else None for each in (environment, species)],
            "crosswalk": crosswalk.to_csv() if crosswalk else None,
            "maps": {name: _state_of(workspace, name) for name in PROGRAMS},
            "attributes": [recipe.licence, recipe.citation, recipe.name],
        }
        return cls(store, settings, environment, species, crosswalk, fingerprint_of(parts))

    def write(self, folder: Path, grid: Grid) -> tuple[Product, ...]:
        """Write all files.

        Raises:
            InputError: The legend lacks codes, or the grid is another.
            CorruptError: A file was not read back as it was written.
        """
        products: list[Product] = []
        rasters = self.settings.rasters
        if self.environment is not None:
            made = write_products(
                self.store, grid, self.environment, self.crosswalk, folder, rasters
            )
            products += made.products
        if self.species is not None:
            products += write_species_products(
                self.store, grid, self.species, folder, rasters
            ).products
        return tuple(sorted(products, key=lambda each: each.path))


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


def _state_of(workspace: Workspace, program: str) -> "JsonValue":
    """Name what a program has made: its latest plan, and the tiles that are finished by it."""
    plan = Plan.read(workspace.plan(program))
    if plan is None:
        return None
    receipts = workspace.ledger(program).receipts()
    done = sorted(each.tile for each in receipts if each.fingerprint == plan.fingerprint)
    return [plan.fingerprint, fingerprint_of({"tiles": list(done)})]


def _kept(record: Path, folder: Path, fingerprint: str) -> tuple[Product, ...] | None:
    """Return the files of an earlier run where they are those that would be written."""
    try:
        found = json.loads(record.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    if found.get("fingerprint") != fingerprint:
        return None
    products = tuple(Product(path, int(size), digest) for path, size, digest in found["products"])
    sizes = ((folder / each.path, each.size) for each in products)
    intact = all(path.is_file() and path.stat().st_size == size for path, size in sizes)
    return products if intact else None
