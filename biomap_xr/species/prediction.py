"""The analyst's face of prediction: the species cube of any region, lazily, on any workers.

`predict` gives what ``species.zarr`` holds, from the same kernels, without a run: nothing is
computed until it is asked for, and only the region's tiles are in the graph.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import dask.array as da
import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from odc.geo.xr import xr_coords

from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError
from biomap_xr.grid import Extent, Grid, GridSettings, Points, Window
from biomap_xr.species.artefact import CARD, load_model
from biomap_xr.species.card import ModelCard
from biomap_xr.species.cube import quantise, species_variables
from biomap_xr.species.inference import embed_window, species_blocks
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.settings import MapSettings

Species = Sequence[int] | Sequence[str]
"""Species by id or by name."""
Device = Literal["cpu", "cuda", "cupy"]
"""On the CPU; on a worker's GPU with NumPy blocks; or there with CuPy blocks."""

PROVENANCE = ("license", "references", "recipe", "software")
"""Attributes of the covariates that go with a prediction made of them."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """All that the kernel of one block needs; small, and picklable without the weights."""

    model: Path | SpeciesModel
    """A folder, opened once per process; a model in memory travels with the graph."""
    weights: str
    """SHA-256 of the weights of the folder's model."""
    covariates: Covariates
    rows: NDArray[np.int64]
    """Rows of the head that are wanted."""
    reach: float
    """Metres within which a water cell takes the prediction of the nearest land cell."""
    settings: MapSettings
    device: Device


def predict(
    model: str | PathLike[str] | SpeciesModel,
    covariates: str | PathLike[str] | Covariates,
    *,
    region: Extent | None = None,
    species: Species | None = None,
    reach: float | None = None,
    settings: MapSettings | None = None,
    device: Device = "cpu",
) -> xr.Dataset:
    """Predict species at every cell of a region, lazily.

    Args:
        model: Folder of a saved model, which workers must see; or a model in memory, for threads of
            this process.
        covariates: The covariates cube.
        region: Part of the grid in metres of its CRS, grown to whole cells; all of it by default.
        species: Those wanted, by id or by name; all by default. A block holds all of them on a tile
            at once, so ask for some, or for a small region.
        reach: Metres within which a water cell takes the prediction of the nearest land cell; by
            default that of the grid's settings.
        settings: Storage floor and block of species; the defaults are those of a run.
        device: Where workers compute, and what blocks they return: ``cpu``, ``cuda`` (NumPy blocks)
            or ``cupy`` (CuPy blocks, which stay on the GPU). A model in memory stays where it is.

    Returns:
        ``probability`` ``(species, y, x)`` uint8 in 250ths with 0 below the floor, ``valid``
        ``(y, x)`` uint8 and ``displacement`` ``(y, x)`` float32 in metres, one Dask chunk for each
        tile, with the coordinates of ``species.zarr``.

    Raises:
        InputError: There is no such model, cube or species, or the region lies outside the grid.
    """
    if not isinstance(model, SpeciesModel):
        model = Path(model)
    if not isinstance(covariates, Covariates):
        covariates = Covariates.open(Path(covariates), grid_of(Path(covariates)))
    card = model.card if isinstance(model, SpeciesModel) else _card(model)
    rows = _rows_of(card, species)
    window = _window_of(covariates.grid, region)
    work = Prediction(
        model=model,
        weights=card.weights_sha256,
        covariates=covariates,
        rows=rows,
        reach=GridSettings().max_displacement if reach is None else reach,
        settings=settings or MapSettings(),
        device=device,
    )
    template = _template(covariates.grid, window, len(rows))
    blank = template["valid"].copy(data=_blank(template["valid"].data, device))
    found = xr.map_blocks(predict_block, blank, kwargs={"work": work}, template=template)
    labelled = found.assign_coords(_coordinates(card, covariates.grid, window, rows))
    return labelled.assign_attrs(_provenance(card, covariates))


def _provenance(card: ModelCard, covariates: Covariates) -> dict[str, str | float]:
    """Say what a prediction comes from: the sources' licence goes with it."""
    group = covariates.groups[0]
    attributes = covariates.dataset(group).attrs
    kept = {name: str(attributes[name]) for name in PROVENANCE if name in attributes}
    known = card.thresholds
    limit = {"threshold_f_global": known.f_score_global} if known else {}
    return {"Conventions": "CF-1.11", "model": card.weights_sha256, **limit, **kept}


def predict_block(blank: xr.DataArray, work: Prediction) -> xr.Dataset:
    """Predict one block: the kernel of `predict`, run on a worker.

    Args:
        blank: ``(y, x)`` of the block; its coordinates say where it lies, and the kind of its array
            is that of the result.
        work: Model, covariates and settings.

    Returns:
        ``probability`` ``(species, y, x)``, ``valid`` and ``displacement`` ``(y, x)``.
    """
    device = "cuda" if work.device == "cuda" else _device_of(blank.data)
    model = work.model
    model = model if isinstance(model, SpeciesModel) else _loaded(model, work.weights, device)
    window = _window_at(work.covariates.grid, blank)
    embedding = embed_window(model, work.covariates, window, reach=work.reach)
    place = f"at {float(blank['x'][0]):.0f}, {float(blank['y'][0]):.0f}"
    valid = torch.from_numpy(embedding.valid).to(model.device)
    shape = (len(work.rows), *window.shape)
    levels = torch.zeros(shape, dtype=torch.uint8, device=model.device)
    floor = model.card.floor(work.settings.floor)
    for part, probability in species_blocks(model, embedding, work.settings.block, work.rows):
        levels[part, valid] = quantise(probability, floor, place=place)
    found = {
        "probability": (("species", "y", "x"), levels),
        "valid": (("y", "x"), valid.to(torch.uint8)),
        "displacement": (("y", "x"), torch.from_numpy(embedding.displacement).to(model.device)),
    }
    like = blank.data
    return xr.Dataset(
        {name: (dims, _as_kind_of(like, tensor)) for name, (dims, tensor) in found.items()},
        coords={name: blank[name] for name in ("y", "x")},
    )


def grid_of(store: Path) -> Grid:
    """Return the grid of the map's cells that a covariates cube was gathered for.

    Args:
        store: The cube; its masks lie on the map's cells, a tile to a shard.

    Raises:
        InputError: It is no covariates cube.
    """
    dataset = open_cube(store, "masks")
    shards = Covariates(store, Grid(dataset.odc.geobox, 1)).array("masks", "land").shards
    tile = shards[0] if shards else dataset.sizes["y"]
    return Grid(dataset.odc.geobox, tile)


@lru_cache(maxsize=2)
def _loaded(folder: Path, weights: str, device: str) -> SpeciesModel:
    """Open a model once per process; ``weights`` tells a model that was trained anew."""
    model = load_model(folder, device)
    if model.card.weights_sha256 != weights:
        raise InputError(
            f"{folder} holds weights {model.card.weights_sha256[:12]}, expected {weights[:12]}: "
            "the model was replaced after predict was called; call it again"
        )
    return model


def _card(folder: Path) -> ModelCard:
    """Read the card alone; the weights are opened on the workers.

    Raises:
        InputError: There is no readable card.
    """
    try:
        return ModelCard.model_validate_json((folder / CARD).read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{folder} is no saved model: {error}; expected a folder with {CARD}: give the path "
            "that training wrote"
        ) from error


def _rows_of(card: ModelCard, species: Species | None) -> NDArray[np.int64]:
    """Rows of the head of the species wanted.

    Raises:
        InputError: The model does not know one of them.
    """
    if species is None:
        return np.arange(len(card.species_id))
    places: dict[Any, int] = {name: row for row, name in enumerate(card.species)}
    places |= {number: row for row, number in enumerate(card.species_id)}
    missing = [one for one in species if one not in places]
    if missing:
        raise InputError(
            f"species {missing[0]!r} is not among the model's {len(card.species_id)}, such as "
            f"{card.species[0]!r} (id {card.species_id[0]}); choose from its card"
        )
    return np.array([places[one] for one in species], dtype=np.int64)


def _window_of(grid: Grid, region: Extent | None) -> Window:
    """Rows and columns of the cells that a region touches.

    Raises:
        InputError: It touches none.
    """
    rows, columns = grid.shape
    if region is None:
        return Window(slice(0, rows), slice(0, columns))
    box, size = grid.geobox.boundingbox, grid.resolution
    top = np.floor((box.top - region.y_max) / size)
    bottom = np.ceil((box.top - region.y_min) / size)
    left = np.floor((region.x_min - box.left) / size)
    right = np.ceil((region.x_max - box.left) / size)
    window = Window(
        slice(max(int(top), 0), min(int(bottom), rows)),
        slice(max(int(left), 0), min(int(right), columns)),
    )
    if min(window.shape) <= 0:
        raise InputError(
            f"the region {region} lies outside the grid, which spans x {box.left:.0f} to "
            f"{box.right:.0f} and y {box.bottom:.0f} to {box.top:.0f}; give metres in {grid.crs}"
        )
    return window


def _window_at(grid: Grid, block: xr.DataArray) -> Window:
    """The window of a block by its coordinates, for they travel with it whatever the chunks are."""
    corner = Points(block["x"].to_numpy()[:1], block["y"].to_numpy()[:1])
    first = grid.cells_of(corner)
    row, column = int(first.row[0]), int(first.column[0])
    return Window(slice(row, row + block.sizes["y"]), slice(column, column + block.sizes["x"]))


def _template(grid: Grid, window: Window, species: int) -> xr.Dataset:
    """What the prediction will be: dims, types and chunks, and no values.

    With a template the kernel is never tried on the client, which may have no GPU and no model.
    """
    chunks = {
        "species": -1,
        "y": _cut(window.rows, grid.tile_cells),
        "x": _cut(window.columns, grid.tile_cells),
    }
    sizes = {"species": species, "y": window.shape[0], "x": window.shape[1]}
    places = grid.geobox[window.rows, window.columns].coordinates
    return xr.Dataset(
        {
            variable.name: (
                variable.dims,
                da.zeros(
                    [sizes[dim] for dim in variable.dims],
                    dtype=variable.dtype,
                    chunks=tuple(chunks[dim] for dim in variable.dims),
                ),
                {"grid_mapping": "spatial_ref", **variable.attributes},
            )
            for variable in species_variables()
        },
        coords={dim: (dim, places[dim].values) for dim in ("y", "x")},
    )


def _coordinates(
    card: ModelCard, grid: Grid, window: Window, rows: NDArray[np.int64]
) -> dict[Any, Any]:
    """Coordinates as ``species.zarr`` has them: places with their CRS, species and thresholds."""
    coordinates: dict[Any, Any] = {
        **xr_coords(grid.geobox[window.rows, window.columns], dims=("y", "x")),
        "species": np.array(card.species)[rows],
        "species_id": ("species", np.array(card.species_id, dtype=np.int64)[rows]),
    }
    if card.thresholds is not None:
        for name, values in (
            ("threshold_f", card.thresholds.f_score),
            ("threshold_conformal", card.thresholds.conformal),
        ):
            coordinates[name] = ("species", np.array(values, dtype=np.float32)[rows])
    return coordinates


def _cut(part: slice, tile: int) -> tuple[int, ...]:
    """Lengths of a run of cells between the borders of tiles.

    >>> _cut(slice(30, 95), 40)
    (10, 40, 15)
    """
    inner = range((part.start // tile + 1) * tile, part.stop, tile)
    edges = [part.start, *inner, part.stop]
    return tuple(int(step) for step in np.diff(edges))


def _blank(data: da.Array, device: Device) -> da.Array:
    """A canvas with the template's chunks, whose blocks are of the kind wanted."""
    if device != "cupy":
        return data
    return da.map_blocks(_on_gpu, data, dtype=data.dtype, meta=np.empty((0, 0), data.dtype))


def _on_gpu(block: NDArray[Any]) -> Any:
    """A block as CuPy array on the worker's GPU."""
    import cupy  # noqa: PLC0415  an optional extra, on GPU workers only

    return cupy.asarray(block)


def _device_of(block: Any) -> str:
    """Where a NumPy or CuPy block lies, as torch calls it."""
    return "cpu" if isinstance(block, np.ndarray) else f"cuda:{block.device.id}"


def _as_kind_of(like: Any, tensor: torch.Tensor) -> Any:
    """A tensor as NumPy array, or without a copy as the CuPy array of a GPU block (DLPack)."""
    if isinstance(like, np.ndarray):
        return tensor.cpu().numpy()
    import cupy  # noqa: PLC0415  an optional extra, on GPU workers only

    return cupy.from_dlpack(tensor.to(_device_of(like)))
