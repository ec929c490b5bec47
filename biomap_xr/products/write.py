"""All files of a map in the folders of paper 2's published data set ("Data Records")."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xarray as xr

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
from biomap_xr.run.durable import publish

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
class Product:
    """One file that was written."""

    path: str
    """Relative to the folder of products."""
    size: int
    """In bytes."""
    sha256: str


@dataclass(frozen=True)
class PlannedProducts:
    """Files that are not written yet."""

    sources: tuple[Source, ...] = ()
    """Of the rasters."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """Legends and tables by path."""

    @property
    def paths(self) -> tuple[str, ...]:
        """All files that may be written; a raster's sidecar is not always needed."""
        rasters = tuple(_paths(self.sources))
        return (*rasters, *(path + SIDECAR for path in rasters), *self.texts)

    def __add__(self, other: "PlannedProducts") -> "PlannedProducts":
        """Return the files of both."""
        return PlannedProducts((*self.sources, *other.sources), {**self.texts, **other.texts})

    def write(
        self, grid: Grid, folder: Path, settings: RasterSettings | None = None
    ) -> "ProductList":
        """Write all of them.

        Args:
            grid: Of the cubes.
            folder: Where paper 2's folders are made.
            settings: Of the layout.

        Raises:
            InputError: A cube lies on another grid; known before the first file is written.
            CorruptError: A file was not read back as it was written.
        """
        return _write(self.sources, self.texts, grid, folder, settings or RasterSettings())


@dataclass(frozen=True)
class ProductList:
    """All files of a map."""

    folder: Path
    products: tuple[Product, ...]
    """By path."""

    @property
    def size(self) -> int:
        """In bytes."""
        return sum(product.size for product in self.products)


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
    planned: list[Source] = []
    texts: dict[str, str] = {}
    for formation in formations:
        cube = open_cube(store, f"{BY_ENVIRONMENT}/{formation}")
        codes = codes_of(cube)
        legend.require([*codes, NODATA])
        texts[f"{TOP_HABITATS}/{formation}_legend.csv"] = legend.only(codes).to_csv()
        numbered = legend.only([*codes, NODATA])
        planned += [
            _source(cube, raster, numbered) for raster in formation_rasters(formation, codes)
        ]
    if (store / WALL_TO_WALL / "zarr.json").is_file():
        cube = open_cube(store, WALL_TO_WALL)
        # The final map has surfaces and gaps beside habitats.
        legend.require([*codes_of(cube), *SPECIAL])
        planned += [_source(cube, raster, legend) for raster in final_rasters()]
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
    planned = tuple(_source(cube, raster, numbered) for raster in species_rasters())
    texts = {
        f"{BY_SPECIES}/legend.csv": numbered.to_csv(),
        f"{BY_SPECIES}/style.qml": style_of(numbered),
    }
    return PlannedProducts(planned, texts)


def _source(cube: xr.Dataset, raster: Raster, legend: Legend) -> Source:
    if raster.variable not in cube:
        raise InputError(
            f"{raster.group} has no variable {raster.variable}, which {raster.path} needs; it has "
            f"{list(cube.data_vars)}: make the maps again"
        )
    numbered = legend if raster.kind == "codes" else None
    return Source(cube[raster.variable], raster, numbered, tags_of(cube.attrs))


def _write(
    planned: Sequence[Source],
    texts: Mapping[str, str],
    grid: Grid,
    folder: Path,
    settings: RasterSettings,
) -> ProductList:
    # All of them are checked before the first one is written.
    for each in planned:
        check_source(each, grid)
    # What a killed writer left would be published with the folder.
    for place in {(folder / path).parent for path in [*texts, *_paths(planned)]}:
        sweep(place)

    def write(each: Source) -> Path:
        return write_raster(each, grid, folder, settings)

    # GDAL and zarrs work without Python's lock, so threads are enough.
    with ThreadPoolExecutor(settings.threads) as pool:
        written = list(pool.map(write, planned))
    # Behind the maps: a legend beside no map would look finished.
    for path, text in texts.items():
        publish(folder / path, text)
    return listed(folder, [*texts, *_named(folder, written)])


def tags_of(attributes: Mapping[Any, Any]) -> dict[str, str]:
    """Return the metadata that a cube's attributes give its files.

    >>> tags_of({"license": "CC-BY-4.0", "tiles": 3})
    {'TIFFTAG_COPYRIGHT': 'CC-BY-4.0'}
    """
    return {tag: str(attributes[name]) for name, tag in KEPT.items() if name in attributes}


def listed(folder: Path, paths: Iterable[str]) -> ProductList:
    """Return the size and checksum of files by their paths below a folder."""
    products = (
        Product(path, (folder / path).stat().st_size, digest_of(folder / path))
        for path in sorted(paths)
    )
    return ProductList(folder, tuple(products))


def _paths(planned: Iterable[Source]) -> Iterator[str]:
    return (each.raster.path for each in planned)


def _named(folder: Path, written: Iterable[Path]) -> Iterator[str]:
    for path in written:
        for file in (path, path.with_name(path.name + SIDECAR)):
            if file.exists():
                yield file.relative_to(folder).as_posix()
