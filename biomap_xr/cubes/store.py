"""Cubes on disk: laid out before the work, opened in one way."""

import hashlib
import json
import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import zarr
from odc.geo.xr import xr_coords
from zarr.codecs import ZstdCodec

from biomap_xr.cubes.declaration import Cube, Variable
from biomap_xr.cubes.shards import sweep_scratch
from biomap_xr.durable import publishing, sweep
from biomap_xr.errors import CorruptError, InputError

DECLARATION = "biomap_declaration"


def declare(store: Path, cube: Cube) -> None:
    """Lay a cube's group out in a Zarr v3 store, empty; one of the same declaration is kept.

    A declaration comes before the work, so leftovers of killed writers of the store are removed.

    Raises:
        InputError: The group exists with another declaration. It is not touched.
    """
    fingerprint = _fingerprint(cube)
    place = store / cube.group
    sweep_scratch(store)
    sweep(place.parent, place.name)
    if place.exists():
        _check_same(place, fingerprint)
        return
    _lay_parents(store, cube.group)
    with publishing(place) as partial:
        _lay_out(partial, cube, fingerprint)
    _consolidate(store)


def open_cube(
    store: str | PathLike[str], group: str = "", *, chunks: Mapping[str, int] | None = None
) -> xr.Dataset:
    """Open a group lazily as it is stored: integers unscaled, CRS and coordinates kept.

    A probability of 0.4 is the stored level 100 of 250 here; plain `xarray.open_zarr` scales it.

    ``chunks`` (dim to size, or ``{}`` for the stored chunks) gives Dask arrays; without it arrays
    load on access.

    Raises:
        InputError: There is no such store or group, or it carries no CRS.
    """
    store = Path(store)
    place = store / group
    if not (place / "zarr.json").is_file():
        raise InputError(f"{place} is no Zarr group; expected a cube that a run has written there")
    dataset = xr.open_zarr(
        store,
        group=group or None,
        chunks=chunks,
        decode_coords="all",
        mask_and_scale=False,
        consolidated=False,
    )
    if dataset.odc.crs is None:
        raise InputError(
            f"{place} carries no CRS; expected a 'spatial_ref' variable named by grid_mapping"
        )
    return dataset


def update_attributes(store: Path, group: str, attributes: Mapping[str, Any]) -> None:
    """Add attributes to a group, over those of the same name."""
    place = store / group
    zarr.open_group(place, mode="r+", use_consolidated=False).update_attributes(dict(attributes))
    _consolidate(store)


def _consolidate(store: Path) -> None:
    """Gather a store's metadata in one document, which plain `xarray.open_zarr` looks for."""
    with warnings.catch_warnings():
        # Zarr v3 permits the document without having specified it yet; readers that do not know it
        # pass it over.
        warnings.filterwarnings("ignore", message="Consolidated metadata", category=UserWarning)
        zarr.consolidate_metadata(store)


def _fingerprint(cube: Cube) -> str:
    """Hash of all that a declaration fixes but its descriptive attributes."""
    box, affine = cube.grid.geobox, cube.grid.geobox.affine
    parts: list[Any] = [str(box.crs), list(affine)[:6], list(box.shape), cube.grid.tile_cells]
    for variable in cube.variables:
        layout = cube.shape_of(variable), cube.shards_of(variable), cube.chunks_of(variable)
        parts.append([variable.name, variable.dims, variable.dtype, repr(variable.fill), layout])
    for name, coordinate in sorted(cube.coordinates.items()):
        parts.append([name, coordinate.dims, np.asarray(coordinate.values).tolist()])
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _check_same(place: Path, fingerprint: str) -> None:
    try:
        found = zarr.open_group(place, mode="r", use_consolidated=False).attrs.get(DECLARATION)
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise CorruptError(
            f"{place} is there but is no readable Zarr group: {error}; move it away"
        ) from error
    if found != fingerprint:
        raise InputError(
            f"{place} was declared with another grid, other dims or other coordinates "
            f"(declaration {str(found)[:12]}, expected {fingerprint[:12]}); "
            "use another workspace or move this cube away"
        )


def _lay_parents(store: Path, group: str) -> None:
    """Create the store's folder and the groups above ``group``, each with its metadata."""
    store.parent.mkdir(parents=True, exist_ok=True)
    if not group:
        return
    for parent in [store, *(store / part for part in reversed(Path(group).parents) if part.name)]:
        if not (parent / "zarr.json").exists():
            zarr.open_group(parent, mode="a", zarr_format=3)


def _lay_out(place: Path, cube: Cube, fingerprint: str) -> None:
    coordinates = xr_coords(cube.grid.geobox, dims=("y", "x"))
    for axis in ("x", "y"):
        coordinates[axis].attrs["standard_name"] = f"projection_{axis}_coordinate"
    for name, coordinate in cube.coordinates.items():
        values = np.asarray(coordinate.values)
        # Zarr v3 specifies text of variable length only, which xarray writes for objects.
        values = values.astype(object) if values.dtype.kind in "UT" else values
        coordinates[name] = xr.DataArray(
            values, dims=coordinate.dims, attrs=dict(coordinate.attributes)
        )
    attributes = {"Conventions": "CF-1.11", **cube.attributes, DECLARATION: fingerprint}
    dataset = xr.Dataset(coords=coordinates, attrs=attributes)
    # CF allows no fill value on coordinates, and xarray gives floats one unless told otherwise.
    encoding: dict[str, dict[str, Any]] = {
        str(name): {"_FillValue": None}
        for name, values in coordinates.items()
        if values.dtype.kind == "f"
    }
    dataset.to_zarr(place, zarr_format=3, mode="w-", consolidated=False, encoding=encoding)
    group = zarr.open_group(place, mode="r+")
    for variable in cube.variables:
        _create(group, cube, variable)


def _create(group: zarr.Group, cube: Cube, variable: Variable) -> None:
    others = [
        name
        for name, c in cube.coordinates.items()
        if (name,) != c.dims and set(c.dims) <= set(variable.dims)
    ]
    # `grid_mapping` is how CF says the CRS; `coordinates` names those that are not dims of the same
    # name.
    attributes: dict[str, Any] = {"grid_mapping": "spatial_ref", **variable.attributes}
    if others:
        attributes["coordinates"] = " ".join(others)
    group.create_array(
        variable.name,
        shape=cube.shape_of(variable),
        shards=cube.shards_of(variable),
        chunks=cube.chunks_of(variable),
        dtype=variable.dtype,
        fill_value=np.dtype(variable.dtype).type(variable.fill),
        compressors=ZstdCodec(level=1, checksum=True),
        dimension_names=variable.dims,
        attributes=attributes,
    )
