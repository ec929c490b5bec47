"""Covariates, models and tile programs with random numbers, of any number of tiles and species.

Covariates are smooth fields with noise, so that they compress and vary as real ones do. Weights are
random; each species' bias is drawn so that about 1.2 % of all species are likely to be present in a
cell, as on the published maps (134 of 11,255).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import zarr
from numpy.typing import NDArray
from scipy.ndimage import zoom

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.declaration import cubes_of
from biomap_xr.covariates.settings import (
    MAIN,
    ClimateSettings,
    CovariateSettings,
    LandsatSettings,
    LayerSettings,
    MaskSettings,
    Sentinel2Settings,
)
from biomap_xr.cubes import declare, write_block
from biomap_xr.grid import Extent, Grid, GridSettings
from biomap_xr.indicators.cube import indicators_cube
from biomap_xr.indicators.declared import INDICATORS
from biomap_xr.programs.species import Assemblage, TileProgram
from biomap_xr.species.artefact import fingerprint, save_model
from biomap_xr.species.card import ModelCard
from biomap_xr.species.cube import species_cube
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.normalisation import Normalisation
from biomap_xr.species.settings import LatticeSettings, MapSettings, SeriesSettings
from biomap_xr.species.thresholds import Thresholds

SHAPES = {"landsat": (6, 4, 21), "climate": (4, 19, 12), "sentinel2": (4, 128, 128)}
RANGES = {"sentinel2": (200, 4000), "landsat": (5, 240), "climate": (1000, 5000)}
STATISTICS = {"sentinel2": (0.2, 0.1), "landsat": (120.0, 60.0), "climate": (3000.0, 1000.0)}
SHARES = (1.0, 0.1, 0.15, 0.1, 0.03, 0.05)
"""Share of the species that each indicator counts, in the order of the cube."""
REACH = 500.0


@dataclass(frozen=True)
class Widths:
    """Channels of the encoders; the defaults are those of the recipes."""

    sentinel2: tuple[int, int, int, int] = (64, 128, 256, 512)
    series: tuple[int, int] = (64, 64)


def square(tiles: int, cells: int = 500) -> Grid:
    """Make a grid of tiles x tiles tiles with so many cells a side."""
    side = cells * 50.0
    x, y = (round(corner / side) * side for corner in (4_000_000, 2_800_000))
    extent = Extent(x_min=x, y_min=y, x_max=x + tiles * side, y_max=y + tiles * side)
    return Grid.from_settings(GridSettings(tile=side, extent=extent))


def make_covariates(store: Path, grid: Grid, seed: int = 0) -> Covariates:
    """Write a covariates cube in the layout of `biomap gather`; all cells are land."""
    settings = CovariateSettings(
        sentinel2=Sentinel2Settings(),
        landsat=LandsatSettings(),
        climate=ClimateSettings(),
        masks=MaskSettings(land=LayerSettings(path="land.tif")),
    )
    generator = np.random.default_rng(seed)
    for name, cube in cubes_of(settings, grid).items():
        declare(store, cube)
        variable = cube.variables[0]
        leading = cube.shape_of(variable)[:-2]
        for tile in grid.tiles():
            window = cube.grid.tile(tile.name).window
            block = (
                _field(generator, (*leading, *window.shape), RANGES[name], variable.dtype)
                if name in MAIN
                else np.ones(window.shape, np.uint8)
            )
            origin = {"y": window.rows.start, "x": window.columns.start}
            write_block(store, name, variable.name, block, origin)
    return Covariates.open(store, grid)


def reopen(store: Path, cells: int) -> Covariates:
    """Open a cube that `make_covariates` wrote on a `square` grid of such tiles."""
    rows = zarr.open_array(store / "masks" / "land", mode="r").shape[0]
    return Covariates.open(store, square(rows // cells, cells))


def _field(
    generator: np.random.Generator, shape: tuple[int, ...], span: tuple[int, int], dtype: str
) -> NDArray[np.generic]:
    """Draw whole numbers (..., rows, columns): one smooth field, layers of it, and some noise."""
    low, high = span
    rows, columns = shape[-2:]
    coarse = generator.uniform(low, high, (9, 9)).astype(np.float32)
    smooth = zoom(coarse, (rows / 9, columns / 9), order=1)[:rows, :columns]
    noise = generator.normal(0, (high - low) / 40, (rows, columns)).astype(np.float32)
    out = np.empty(shape, dtype)
    for index in np.ndindex(*shape[:-2]):
        layer = smooth * generator.uniform(0.7, 1.3) + np.roll(noise, index[-1:], axis=(0,))
        out[index] = np.clip(layer, low, high).astype(dtype)
    return out


def make_model(species: int, widths: Widths, seed: int = 0) -> SpeciesModel:
    """Make a model of three modalities with random weights, in inference mode."""
    torch.manual_seed(seed)
    model = SpeciesModel(card=_card(species, widths))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        model.head.weight.mul_(4.0)
        model.head.bias.copy_(torch.randn(species, generator=generator) * 1.5 - 5.8)
    return model.eval()


def _card(species: int, widths: Widths) -> ModelCard:
    series = SeriesSettings(widths=widths.series, standardise=False)
    return ModelCard(
        modalities={
            "landsat": series,
            "climate": series,
            "sentinel2": LatticeSettings(widths=widths.sentinel2, standardise=False),
        },
        species_id=tuple(range(species)),
        species=tuple(f"Species {index}" for index in range(species)),
        normalisation={
            name: Normalisation(
                shape=shape,
                mean=(STATISTICS[name][0],) * shape[0],
                deviation=(STATISTICS[name][1],) * shape[0],
            )
            for name, shape in SHAPES.items()
        },
        thresholds=Thresholds(
            f_score_global=0.2,
            f_score=(0.2,) * species,
            conformal=(0.1,) * species,
            conformal_pooled=0.1,
            pooled=(True,) * species,
            omission=0.1,
            minimum_presences=20,
            surveys=0,
            method="none: a benchmark",
        ),
    )


def make_assemblage(species: int, seed: int = 0) -> Assemblage:
    """Draw members of each indicator and a status for each species."""
    generator = np.random.default_rng(seed)
    shares = np.array(SHARES)[:, None]
    return Assemblage(
        members=generator.random((len(INDICATORS), species)) < shares,
        known=np.ones(len(INDICATORS), bool),
        status=generator.integers(2, 8, species).astype(np.uint8),
        threshold=np.full(species, 0.1, np.float32),
        widespread=np.full(species, 0.2, np.float32),
    )


def make_program(
    folder: Path, covariates: Covariates, model: SpeciesModel, block: int = 128
) -> TileProgram:
    """Save the model, declare both cubes and make the program that fills them."""
    model = save_model(model, folder / "models" / "species")
    declare(folder / "species.zarr", species_cube(covariates.grid, model.card, {}))
    declare(folder / "indicators.zarr", indicators_cube(covariates.grid, {}))
    return TileProgram(
        covariates=covariates,
        model=folder / "models" / "species",
        weights=fingerprint(model),
        assemblage=make_assemblage(len(model.card.species_id)),
        species_store=folder / "species.zarr",
        indicators_store=folder / "indicators.zarr",
        settings=MapSettings(block=block),
        reach=REACH,
        fingerprint="benchmark",
    )
