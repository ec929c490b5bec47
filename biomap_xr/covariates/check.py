"""All that can be wrong with the sources, found before any work and told at once."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from biomap_xr.covariates.declaration import cubes_of
from biomap_xr.covariates.files import climate_files, files_of_scene, find_scenes, landsat_files
from biomap_xr.covariates.masks import is_vector
from biomap_xr.covariates.positions import crs_of, positions
from biomap_xr.covariates.predictors import PredictorSettings
from biomap_xr.covariates.provenance import layers_of
from biomap_xr.covariates.reading import Band
from biomap_xr.covariates.settings import (
    CovariateSettings,
    LandsatSettings,
    LayerSettings,
)
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid
from biomap_xr.sources.raster import Raster, describe
from biomap_xr.sources.vector import describe_layer
from biomap_xr.sources.window import aligned_offset

SHOWN = 12
"""Problems that the message spells out."""
COARSE = 32

Check = Callable[[], object]


def check_sources(settings: CovariateSettings, grid: Grid) -> None:
    """Make sure that every source can be read and placed on the grid.

    A raster of any CRS and resolution can be placed; one that is declared as ``aligned`` must lie
    on the grid to a millionth of a pixel.

    Raises:
        InputError: It names each problem: missing file, no CRS, missing band, wrong dtype, a grid
            that is not aligned, no overlap with the extent, a resolution that does not divide the
            tile.
    """
    # A person mends all of a recipe at once, not one problem a run.
    problems = [p for check in source_checks(settings, grid) for p in _problems_of(check)]
    if problems:
        more = f"\n... and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        lines = "\n".join(problems[:SHOWN])
        raise InputError(
            f"{len(problems)} problems with the sources of the covariates:\n{lines}{more}"
        )


def check_raster(
    path: Path, bands: tuple[Band, ...], *, crs: str | None = None, kinds: str = "iuf"
) -> Raster:
    """Describe a raster and make sure that it has some bands and a kind of dtype.

    Args:
        path: The file.
        bands: By number or name.
        crs: For a file that states none.
        kinds: NumPy's letters of the kinds that will do.

    Raises:
        InputError: The file, a band or the CRS is missing, or the dtype is of another kind.
    """
    raster = describe(path, crs=crs)
    raster.indexes(bands)
    if raster.dtype.kind not in kinds:
        raise InputError(
            f"{path} holds {raster.dtype}; expected whole numbers, since they are codes: convert it"
        )
    return raster


def check_overlap(raster: Raster, grid: Grid) -> None:
    """Make sure that a raster holds something of the grid's extent.

    Raises:
        InputError: It does not.
    """
    # Coarse cells with one more on each side: what is far away is found, whatever the CRS.
    coarse = grid.geobox.zoom_to((COARSE, COARSE)).pad(1)
    where = positions(coarse, raster.geobox)
    height, width = raster.geobox.shape
    if not (_meets(where.rows, height) and _meets(where.columns, width)):
        raise InputError(
            f"{raster.path} covers {_box(raster.geobox)} and the map covers {_box(grid.geobox)}; "
            "they do not meet: check the file and its CRS"
        )


def check_aligned(raster: Raster, cells: GeoBox) -> None:
    """Make sure that a raster that is declared as aligned lies on a grid.

    Raises:
        InputError: CRS, resolution or origin differ by more than a millionth of a pixel.
    """
    if aligned_offset(raster.geobox, cells) is None:
        raise InputError(
            f"{raster.path} is declared as aligned, but its grid is {_grid(raster.geobox)} and "
            f"the map's is {_grid(cells)}; they differ by more than 1e-6 pixels: resample the "
            "file, or set aligned to false"
        )


def _meets(where: NDArray[np.float64], size: int) -> bool:
    """Say whether positions span some of the pixels 0 to ``size``."""
    finite = where[np.isfinite(where)]
    # A source that ends where the map begins holds nothing of it.
    return bool(finite.size) and bool(finite.min() < size) and bool(finite.max() > 0)


def _problems_of(check: Check) -> list[str]:
    try:
        check()
    # Anything else is a mistake of ours and must not pass for one of the sources.
    except InputError as error:
        return [str(error)]
    return []


def source_checks(settings: CovariateSettings, grid: Grid) -> Iterator[Check]:
    """Yield one check for each thing that can be wrong by itself."""
    yield partial(cubes_of, settings, grid)
    yield from _sentinel2(settings, grid)
    yield from _landsat(settings, grid)
    yield from _climate(settings, grid)
    if settings.predictors:
        # Aligned means aligned with the pixels of the group, not with the map's cells.
        cells = grid.with_resolution(settings.predictors.resolution)
        for variable in settings.predictors.variables:
            for path in variable.paths:
                yield partial(_check_predictor, settings.root / path, variable, cells)
    for layer in layers_of(settings.masks):
        yield partial(_check_layer, settings.root, layer)


def _sentinel2(settings: CovariateSettings, grid: Grid) -> Iterator[Check]:
    if settings.sentinel2 is None:
        return
    try:
        scenes = find_scenes(settings.root, settings.sentinel2)
    except InputError:
        yield partial(find_scenes, settings.root, settings.sentinel2)
        return
    for scene in scenes:
        for path, sources in files_of_scene(scene, settings.sentinel2.bands):
            bands = tuple(source.band for source in sources)
            yield partial(check_raster, path, bands, crs=settings.sentinel2.crs)
        if scene.mask:
            crs = settings.sentinel2.crs
            band = (scene.mask.band,)
            yield partial(check_raster, scene.mask.path, band, crs=crs, kinds="iu")
    # One scene may lie anywhere, as long as another one is where the map is.
    first = settings.sentinel2.bands[0]
    paths = [scene.bands[first].path for scene in scenes]
    yield partial(_check_any_overlap, paths, grid, settings.sentinel2.crs)


def _landsat(settings: CovariateSettings, grid: Grid) -> Iterator[Check]:
    if settings.landsat is None:
        return
    for *_, path in landsat_files(settings.root, settings.landsat):
        yield partial(_check_landsat, path, settings.landsat, grid)


def _climate(settings: CovariateSettings, grid: Grid) -> Iterator[Check]:
    if settings.climate is None:
        return
    for *_, path, bands in climate_files(settings.root, settings.climate):
        yield partial(_check_placed, path, bands, grid, settings.climate.crs)


def _check_placed(path: Path, bands: tuple[Band, ...], grid: Grid, crs: str | None) -> None:
    check_overlap(check_raster(path, bands, crs=crs), grid)


def _check_landsat(path: Path, settings: LandsatSettings, grid: Grid) -> None:
    raster = check_raster(path, settings.bands, crs=settings.crs)
    if raster.dtype != np.uint8:
        raise InputError(
            f"{path} holds {raster.dtype}; expected uint8, the byte scale of Landsat: convert it"
        )
    check_overlap(raster, grid)


def _check_any_overlap(paths: list[Path], grid: Grid, crs: str | None) -> None:
    problems = []
    for path in paths:
        found = _problems_of(partial(_check_placed, path, (), grid, crs))
        if not found:
            return
        problems += found
    raise InputError(
        f"sentinel2: none of {len(paths)} scenes meets the map's extent; {problems[0]}"
    )


def _check_predictor(path: Path, variable: PredictorSettings, grid: Grid) -> None:
    kinds = "iu" if variable.kind in ("code", "proportions") else "iuf"
    raster = check_raster(path, (variable.band,), crs=variable.crs, kinds=kinds)
    check_overlap(raster, grid)
    if variable.aligned:
        check_aligned(raster, grid.geobox)


def _check_layer(root: Path, layer: LayerSettings) -> None:
    if not is_vector(layer):
        check_raster(root / layer.path, (layer.band,), crs=layer.crs, kinds="iu")
        return
    found = describe_layer(root / layer.path, layer.layer, crs=layer.crs)
    if layer.column is not None and layer.column not in found.columns:
        raise InputError(
            f"{found.path}: no column {layer.column!r}; it has {list(found.columns)}: correct the "
            "recipe"
        )


def _box(box: GeoBox) -> str:
    return f"{tuple(round(value, 3) for value in box.boundingbox)} in {_crs(box)}"


def _grid(box: GeoBox) -> str:
    affine = box.affine
    return f"{_crs(box)}, pixels of {affine.a!r} x {affine.e!r} from ({affine.c!r}, {affine.f!r})"


def _crs(box: GeoBox) -> str:
    crs = crs_of(box)
    return f"EPSG:{crs.epsg}" if crs.epsg else str(crs)
