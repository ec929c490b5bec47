"""A tile's predictions: embeddings once per pixel that they depend on, species block by block.

Nothing here depends on where tiles are cut: every cell's inputs come from windows of the whole
covariates cube, so two neighbouring tiles equal one of twice the size (paper 1, section 4, maps
tile by tile).
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.slots import InputSettings
from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Tile, Window
from biomap_xr.grid.land import nearest_land
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.pixels import Image, Pixels, read_image, read_pixels

SHARED_FROM = 4
"""A pixel as large as so many cells is embedded once for all of them, and so is its share of the
head's product: 400 cells for climate at 1 km, 4 for predictors at 100 m."""

SITES = 2048
"""Sites that are embedded at once where a modality has no dense form."""


@dataclass(frozen=True, eq=False)
class Sources:
    """Where each cell of a window takes its inputs from."""

    valid: NDArray[np.bool_]
    """``(y, x)``: cells that are land or near enough to it."""
    displacement: NDArray[np.float32]
    """``(y, x)`` metres to the centre of the land cell taken instead; NaN where not valid."""
    cells: Cells
    """Land cells of the grid, one for each valid cell in row-major order."""

    def only(self, kept: NDArray[np.bool_]) -> "Sources":
        """Drop some of the valid cells; ``kept`` ``(n,)`` says which stay."""
        valid = self.valid.copy()
        valid[self.valid] = kept
        displacement = np.where(valid, self.displacement, np.float32(np.nan))
        return Sources(valid, displacement, self.cells[kept])


@dataclass(frozen=True, eq=False)
class SharedEmbedding:
    """Embeddings of pixels that are larger than a cell."""

    modality: str
    embedding: Tensor
    """``(width, pixels)`` float32."""
    pixel: Tensor
    """``(n,)`` int64: the pixel of each valid cell."""


@dataclass(frozen=True, eq=False)
class TileEmbedding:
    """All that the head needs of a tile's n valid cells."""

    valid: NDArray[np.bool_]
    """``(y, x)``: where there is a prediction."""
    displacement: NDArray[np.float32]
    """``(y, x)`` metres; NaN where not valid."""
    modalities: tuple[str, ...]
    """Those with an embedding per cell, in the order of its rows."""
    own: Tensor
    """(sum of their widths, n) float32, contiguous: species-major products need no transpose."""
    shared: tuple[SharedEmbedding, ...]
    """Those with an embedding per larger pixel."""


def embed_tile(
    model: SpeciesModel, covariates: Covariates, tile: Tile, *, reach: float
) -> TileEmbedding:
    """Embed every cell of a tile that can have a prediction.

    Args:
        model: In inference mode; its card says how inputs are cut.
        covariates: The cube; its windows reach beyond the tile as far as the inputs do.
        tile: Of the covariates' grid.
        reach: Metres within which a water cell takes the prediction of the nearest land cell.

    Returns:
        Embeddings on the model's device.

    Raises:
        InputError: A modality of the model is not in the cube or has other channels.
    """
    return embed_window(model, covariates, tile.window, reach=reach)


@torch.inference_mode()
def embed_window(
    model: SpeciesModel, covariates: Covariates, window: Window, *, reach: float
) -> TileEmbedding:
    """Embed every cell of any window of the grid, as `embed_tile` does for a tile's.

    A cell is valid if it lies on land or within ``reach`` of it, and if no modality of the model is
    missing altogether there: a partly missing input counts as the model's normalisation says.

    Args:
        model: In inference mode.
        covariates: The cube.
        window: Rows and columns of the grid ``(y, x)``.
        reach: Metres within which a water cell takes the prediction of the nearest land cell.

    Raises:
        InputError: A modality of the model is not in the cube or has other channels.
    """
    settings = input_settings(model)
    _require(model, covariates)
    sources = find_sources(covariates, window, reach)
    blocks = {
        name: _read(covariates, name, sources.cells, settings)
        for name in model.modalities
        if len(sources.cells)
    }
    kept = np.ones(len(sources.cells), dtype=bool)
    for block in blocks.values():
        kept &= block.has_data(sources.cells)
    sources = sources.only(kept)
    names = [name for name in model.modalities if _cells_per_pixel(covariates, name) < SHARED_FROM]
    own = torch.empty(
        (sum(model.widths[name] for name in names), len(sources.cells)), device=model.device
    )
    shared: list[SharedEmbedding] = []
    if len(sources.cells):
        _embed_cells(model, {name: blocks[name] for name in names}, sources.cells, own)
        shared = [
            _embed_shared(model, cast("Pixels", blocks[name]), sources.cells)
            for name in model.modalities
            if name not in names
        ]
    return TileEmbedding(sources.valid, sources.displacement, tuple(names), own, tuple(shared))


def species_blocks(
    model: SpeciesModel,
    embedding: TileEmbedding,
    block: int,
    species: Sequence[int] | NDArray[np.integer] | None = None,
) -> Iterator[tuple[slice, Tensor]]:
    """Yield the probabilities of a tile's valid cells, so many species at a time.

    The linear head over concatenated embeddings is a sum of products, one for each modality; that
    of a shared modality is made once per pixel and gathered.

    Args:
        model: The one that made the embedding.
        embedding: Of n valid cells.
        block: Species at a time: memory is n x block x 4 bytes, some three times; a product with
            few rows is slow, 64 run at two thirds of the speed of 256.
        species: Rows of the head that are wanted, in this order; all of them by default.

    Yields:
        The place of the block among the species wanted, and (species of the block, n) float32
        probabilities of presence on the model's device.
    """
    total = len(model.card.species_id) if species is None else len(species)
    for start in range(0, total, block):
        place = slice(start, min(start + block, total))
        rows = torch.arange(place.start, place.stop) if species is None else species[place]
        yield place, _probabilities(model, embedding, torch.as_tensor(rows, device=model.device))


def find_sources(covariates: Covariates, window: Window, reach: float) -> Sources:
    """Find the land cell that each cell of a window takes its inputs from.

    Args:
        covariates: The cube; without a land mask all is land.
        window: Rows and columns of the grid.
        reach: Metres; the land mask is read so much further, so that windows make no difference.
    """
    resolution = covariates.grid.resolution
    margin = math.ceil(reach / resolution)
    around = window.padded(margin)
    land = _land(covariates, around)
    near = nearest_land(land, reach / resolution)
    inner = np.s_[margin : margin + window.shape[0], margin : margin + window.shape[1]]
    distance = near.distance[inner]
    valid = np.isfinite(distance)
    displacement = np.where(valid, distance * np.float32(resolution), np.float32(np.nan))
    cells = Cells(
        near.row[inner][valid].astype(np.int64) + around.rows.start,
        near.column[inner][valid].astype(np.int64) + around.columns.start,
    )
    return Sources(valid, displacement, cells)


def input_settings(model: SpeciesModel) -> InputSettings:
    """Return how the model's inputs are cut, as its card has it.

    >>> # input_settings(model).reference_year -> 2021
    """
    return InputSettings.model_validate(model.card.inputs)


def _require(model: SpeciesModel, covariates: Covariates) -> None:
    """Refuse a cube that cannot feed the model.

    Raises:
        InputError: A modality is missing or has another number of channels.
    """
    for name in model.modalities:
        if name not in covariates.groups:
            raise InputError(
                f"the model reads {name!r}, {covariates.store} has the groups "
                f"{covariates.groups}; gather it, or train a model without it"
            )
        expected, found = model.card.normalisation[name].shape[0], len(covariates.names(name))
        if expected != found:
            raise InputError(
                f"the model reads {expected} channels of {name!r}, {covariates.store} has {found} "
                f"({', '.join(covariates.names(name))}); gather those that it was trained with"
            )


def _read(
    covariates: Covariates, name: str, cells: Cells, settings: InputSettings
) -> Image | Pixels:
    """Read a modality around the cells."""
    if name == "sentinel2":
        return read_image(covariates, cells, settings.window)
    return read_pixels(covariates, name, cells, settings)


def _cells_per_pixel(covariates: Covariates, name: str) -> float:
    """Cells that lie in one pixel of a modality; 1 or less for finer ones."""
    return 1 if name == "sentinel2" else float(covariates.ratio(name) ** -2)


def _land(covariates: Covariates, window: Window) -> NDArray[np.bool_]:
    """``(y, x)``: land; beyond the extent there is none."""
    if "masks" in covariates.groups:
        return covariates.read("masks", "land", window) == 1
    rows, columns = (np.arange(part.start, part.stop) for part in (window.rows, window.columns))
    height, width = covariates.grid.shape
    inside = (rows >= 0) & (rows < height)
    return inside[:, None] & ((columns >= 0) & (columns < width))[None, :]


def _embed_cells(
    model: SpeciesModel, blocks: dict[str, Image | Pixels], cells: Cells, out: Tensor
) -> None:
    """Write the embeddings of the cells, modality below modality, into ``out`` ``(width, n)``."""
    start = 0
    for name, block in blocks.items():
        part = out[start : start + model.widths[name]]
        start += model.widths[name]
        dense = isinstance(block, Image) and block.is_lattice(model)
        if dense:
            _embed_dense(model, cast("Image", block), cells, part)
            continue
        size = block.sites_at_once
        for first in range(0, len(cells), size):
            chosen = slice(first, first + size)
            raw = torch.from_numpy(block.at(cells[chosen])).to(model.device)
            part[:, chosen] = model.embed(name, raw).T


def _embed_dense(model: SpeciesModel, image: Image, cells: Cells, out: Tensor) -> None:
    """Write the embeddings of an image's cells, computed as one convolution, into ``out``."""
    dense = model.embed_dense(torch.from_numpy(image.values).to(model.device))
    step = image.step
    dense = dense[:, ::step, ::step]
    width = dense.shape[2]
    place = (cells.row - image.first.row[0]) * width + (cells.column - image.first.column[0])
    index = torch.from_numpy(place).to(model.device)
    torch.index_select(dense.flatten(1), 1, index, out=out)


def _embed_shared(model: SpeciesModel, block: Pixels, cells: Cells) -> SharedEmbedding:
    """Embed each pixel under the cells once."""
    pixels, index = block.distinct(cells)
    parts = [
        model.embed(block.modality, torch.from_numpy(block.values_at(part)).to(model.device))
        for part in (pixels[start : start + SITES] for start in range(0, len(pixels), SITES))
    ]
    embedding = torch.cat(parts).T.contiguous()
    return SharedEmbedding(block.modality, embedding, torch.from_numpy(index).to(model.device))


@torch.inference_mode()
def _probabilities(model: SpeciesModel, embedding: TileEmbedding, rows: Tensor) -> Tensor:
    """``(rows, n)`` probabilities of some species."""
    cells = embedding.own.shape[1]
    bias = model.head.bias[rows][:, None]
    total = None
    for part in embedding.shared:
        product = model.head_weight(part.modality)[rows] @ part.embedding
        # Per pixel the bias costs nothing.
        gathered = (product + bias if total is None else product).index_select(1, part.pixel)
        total = gathered if total is None else total.add_(gathered)
    if total is None:
        total = bias.expand(-1, cells).clone()
    if embedding.modalities:
        weights = [model.head_weight(name)[rows] for name in embedding.modalities]
        total.addmm_(torch.cat(weights, dim=1), embedding.own)
    return torch.sigmoid_(total)
