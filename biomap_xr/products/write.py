"""All files of a map in the folders of paper 2's published data set ("Data Records")."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr
from pydantic import JsonValue

from biomap_xr.cubes import digest_of, open_cube
from biomap_xr.durable import sweep
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid
from biomap_xr.habitats.cube import BY_ENVIRONMENT, BY_SPECIES, WALL_TO_WALL, codes_of
from biomap_xr.habitats.eunis import LEVELS, at_level
from biomap_xr.habitats.legend import NODATA, SPECIAL, Legend
from biomap_xr.habitats.rules.crosswalk import Crosswalk
from biomap_xr.products.categories import SIDECAR
from biomap_xr.products.geotiff import Source, check_source, write_raster
from biomap_xr.products.product import Product
from biomap_xr.products.rasters import (
    FINAL,
    TOP_HABITATS,
    Raster,
    final_rasters,
    formation_rasters,
    formations_in,
    species_rasters,
)
from biomap_xr.products.settings import RasterSettings
from biomap_xr.products.style import style_of
from biomap_xr.run import Outcome, Task, fingerprint_of, recorded
from biomap_xr.run.durable import publish

KERNEL = 1
"""Raised when the same cubes give other files."""
PRODUCTS = "products"
DETAILED, STYLE = "eunis_legend_detailed.csv", "eunis_legend_style.qml"
CROSSWALK = "documented_cross_walks.csv"
KEPT = {
    "license": "TIFFTAG_COPYRIGHT",
    "software": "TIFFTAG_SOFTWARE",
    "references": "REFERENCES",
    "recipe": "RECIPE",
    "model": "MODEL",
    "covariates": "COVARIATES",
}
"""Attributes of a cube that go with its files, and their names there."""


@dataclass(frozen=True)
class PlannedFile:
    """One raster that is to be written, as it travels to a worker."""

    raster: Raster
    legend: Legend | None
    """Of its numbers, for a file of codes."""
    tags: Mapping[str, str]
    """Metadata of the file."""

    def source(self, store: Path) -> Source:
        """Open the variable that it is made from."""
        variable = open_cube(store, self.raster.group)[self.raster.variable]
        return Source(variable, self.raster, self.legend, self.tags)

    def task(self, made_by: JsonValue) -> Task:
        """Return the task of writing it.

        Args:
            made_by: What has made the cube, in short names.
        """
        parts: dict[str, JsonValue] = {
            "raster": {**asdict(self.raster), "bands": list(self.raster.bands)},
            "legend": self.legend.to_csv() if self.legend else None,
            "tags": dict(self.tags),
            "made by": made_by,
        }
        return Task(self.raster.path.replace("/", "."), self, fingerprint_of(parts))


@dataclass(frozen=True)
class ProductProgram:
    """Writes the rasters of a run, one a task; paths and settings only."""

    root: Path
    """Of the run."""
    store: Path
    """``habitats.zarr``."""
    folder: Path
    """Of all products."""
    grid: Grid
    """Of the cubes."""
    settings: RasterSettings
    name: str = PRODUCTS
    unit: str = "files"
    timeout: float | None = None
    """A file of a continent is written and read back in hours."""

    @property
    def fingerprint(self) -> str:
        """Of the layout; what a file holds is named by the key of its task."""
        layout = self.settings.model_dump(mode="json", exclude={"cache_megabytes"})
        return fingerprint_of({"kernel": KERNEL, "layout": layout})

    def __call__(self, task: Task) -> Outcome:
        """Write one file with its sidecar.

        Raises:
            InputError: The legend lacks a number that is on the map.
            CorruptError: The file was not read back as it was written.
        """
        file: PlannedFile = task.arguments
        path = write_raster(file.source(self.store), self.grid, self.folder, self.settings)
        sidecar = path.with_name(path.name + SIDECAR)
        return Outcome(recorded(self.root, path, *([sidecar] if sidecar.exists() else [])))


@dataclass(frozen=True)
class PlannedProducts:
    """Files that are not written yet."""

    files: tuple[PlannedFile, ...] = ()
    """The rasters."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Legends and tables by path."""

    @property
    def paths(self) -> tuple[str, ...]:
        """All files that may be written; a raster's sidecar is not always needed."""
        rasters = tuple(each.raster.path for each in self.files)
        return (*rasters, *(path + SIDECAR for path in rasters), *self.texts)

    def __add__(self, other: "PlannedProducts") -> "PlannedProducts":
        """Return the files of both."""
        return PlannedProducts((*self.files, *other.files), {**self.texts, **other.texts})

    def check(self, store: Path, grid: Grid) -> None:
        """Look at all cubes before the first file is written.

        Raises:
            InputError: A cube lies on another grid, or is not what a file needs.
        """
        for each in self.files:
            check_source(each.source(store), grid)

    def sweep(self, folder: Path) -> None:
        """Remove what killed writers left: it would be published with the folder."""
        for place in {(folder / path).parent for path in self.paths}:
            sweep(place)

    def write_texts(self, folder: Path) -> tuple[Product, ...]:
        """Write legends and tables, behind the maps: a legend beside no map would look finished."""
        for path, text in self.texts.items():
            publish(folder / path, text)
        sizes = ((path, (folder / path).stat().st_size) for path in self.texts)
        return tuple(Product(path, size, digest_of(folder / path)) for path, size in sizes)


def plan_products(store: Path, legend: Legend, crosswalk: Crosswalk | None) -> PlannedProducts:
    """Look at the cubes of habitats that the environment makes, before anything is written.

    Args:
        store: ``habitats.zarr``; what it lacks (a formation, the final map) is left out.
        legend: With all classes of the cubes.
        crosswalk: That the final map was made with; None leaves its table out.

    Raises:
        InputError: The store has no such maps, or the legend lacks codes.
    """
    formations = formations_in(store)
    if not formations:
        raise InputError(f"{store} has no group below {BY_ENVIRONMENT}; make the maps first")
    planned: list[PlannedFile] = []
    texts: dict[str, str] = {}
    for formation in formations:
        cube = open_cube(store, f"{BY_ENVIRONMENT}/{formation}")
        codes = codes_of(cube)
        legend.require([*codes, NODATA])
        texts[f"{TOP_HABITATS}/{formation}_legend.csv"] = legend.only(codes).to_csv()
        numbered = legend.only([*codes, NODATA])
        planned += [_file(cube, raster, numbered) for raster in formation_rasters(formation, codes)]
    if (store / WALL_TO_WALL / "zarr.json").is_file():
        cube = open_cube(store, WALL_TO_WALL)
        # The final map has surfaces and gaps beside habitats.
        legend.require([*codes_of(cube), *SPECIAL])
        planned += [_file(cube, raster, legend) for raster in final_rasters()]
        texts |= {f"{FINAL}/{DETAILED}": legend.to_csv(), f"{FINAL}/{STYLE}": style_of(legend)}
    if crosswalk is not None:
        texts[CROSSWALK] = crosswalk.to_csv()
    return PlannedProducts(tuple(planned), texts)


def plan_species_products(store: Path, legend: Legend) -> PlannedProducts:
    """Look at the cube of habitats that species assemblages make; as `plan_products`.

    Raises:
        InputError: The store has no such maps, or the legend lacks codes.
    """
    cube = open_cube(store, BY_SPECIES)
    codes = codes_of(cube)
    above = {at_level(code, level) for code in codes for level in LEVELS}
    numbered = legend.only([*sorted(above), NODATA])
    planned = tuple(_file(cube, raster, numbered) for raster in species_rasters())
    texts = {
        f"{BY_SPECIES}/legend.csv": numbered.to_csv(),
        f"{BY_SPECIES}/style.qml": style_of(numbered),
    }
    return PlannedProducts(planned, texts)


def _file(cube: xr.Dataset, raster: Raster, legend: Legend) -> PlannedFile:
    if raster.variable not in cube:
        raise InputError(
            f"{raster.group} has no variable {raster.variable}, which {raster.path} needs; it has "
            f"{list(cube.data_vars)}: make the maps again"
        )
    numbered = legend if raster.kind == "codes" else None
    return PlannedFile(raster, numbered, tags_of(cube.attrs))


def tags_of(attributes: Mapping[Any, Any]) -> dict[str, str]:
    """Return the metadata that a cube's attributes give its files.

    >>> tags_of({"license": "CC-BY-4.0", "tiles": 3})
    {'TIFFTAG_COPYRIGHT': 'CC-BY-4.0'}
    """
    return {tag: str(attributes[name]) for name, tag in KEPT.items() if name in attributes}
