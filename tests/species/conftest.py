"""Tiny raw inputs and cards for every test of this room."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr

from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import Coordinate, Cube, Variable, declare
from biomap_xr.grid import Extent, Grid, GridSettings
from biomap_xr.species.card import ModelCard
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.normalisation import Normalisation
from biomap_xr.species.settings import (
    LatticeSettings,
    PublishedSettings,
    SeriesSettings,
    VectorSettings,
)

WINDOW = 34
ENCODERS = {
    "landsat": SeriesSettings(widths=(5, 6)),
    "climate": PublishedSettings(widths=(3, 4, 4, 5)),
    "sentinel2": LatticeSettings(widths=(3, 4, 5, 6), strip=3),
    "predictors": VectorSettings(widths=(4, 3)),
}
SHAPES = {
    "landsat": (6, 4, 21),
    "climate": (4, 19, 12),
    "sentinel2": (4, WINDOW, WINDOW),
    "predictors": (2,),
}
STATISTICS = {
    "landsat": (100.0, 40.0),
    "climate": (3000.0, 900.0),
    "sentinel2": (0.2, 0.1),
    "predictors": (1.0, 2.0),
}


def make_raw(sites: int, seed: int = 0, window: int = WINDOW) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        "sentinel2": generator.integers(1, 5000, (sites, 4, window, window)).astype(np.uint16),
        "landsat": generator.integers(0, 240, (sites, 6, 4, 21)).astype(np.uint8),
        "climate": generator.integers(1000, 5000, (sites, 4, 19, 12)).astype(np.uint16),
        "predictors": generator.normal(1, 2, (sites, 2)).astype(np.float32),
    }


def make_card(
    modalities: tuple[str, ...] = tuple(ENCODERS), species: int = 7, **changes
) -> ModelCard:
    values = {
        "modalities": {name: ENCODERS[name] for name in modalities},
        "species_id": tuple(range(10, 10 + species)),
        "species": tuple(f"Species {index}" for index in range(species)),
        "normalisation": {
            name: Normalisation(
                shape=SHAPES[name],
                mean=(STATISTICS[name][0],) * SHAPES[name][0],
                deviation=(STATISTICS[name][1],) * SHAPES[name][0],
            )
            for name in modalities
        },
    }
    return ModelCard(**{**values, **changes})


def make_model(card: ModelCard, seed: int = 0) -> SpeciesModel:
    """Random weights and random running statistics, so that folding has something to fold."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = SpeciesModel(card=card)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.3)
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2)
    return model.eval()


@pytest.fixture
def raw() -> Callable[..., dict[str, np.ndarray]]:
    return make_raw


@pytest.fixture
def card() -> Callable[..., ModelCard]:
    return make_card


@pytest.fixture
def model() -> Callable[..., SpeciesModel]:
    return make_model


def make_landscape(store: Path) -> Covariates:
    """A covariates cube of 4 x 4 km in four tiles of 2 km, with a lake, a sea and holes."""
    settings = GridSettings(
        extent=Extent(x_min=4_000_000, y_min=2_800_000, x_max=4_004_000, y_max=2_804_000),
        tile=2_000.0,
    )
    grid = Grid.from_settings(settings)
    generator = np.random.default_rng(5)
    land = np.ones((80, 80), np.uint8)
    land[35:50, 30:48] = 0
    land[60:, :25] = 0
    values = {
        "sentinel2": generator.integers(1, 5000, (4, 400, 400)).astype(np.uint16),
        "landsat": generator.integers(0, 240, (6, 4, 21, 80, 80)).astype(np.uint8),
        "climate": generator.integers(1000, 5000, (4, 19, 12, 8, 8)).astype(np.uint16),
        "predictors": generator.normal(1, 2, (2, 40, 40)).astype(np.float32),
    }
    values["sentinel2"][:, 100:140, 200:300] = 0
    values["landsat"][:, :, :, 3, 70] = 255
    values["climate"][..., 7, 7] = 65535
    values["predictors"][0, 5, 5] = np.nan
    declared = {
        "sentinel2": (10.0, "reflectance", ("band", "y", "x"), {"band": list("rgbn")}),
        "landsat": (
            50.0,
            "reflectance",
            ("band", "quarter", "year", "y", "x"),
            {"band": list("rgbnst"), "quarter": [1, 2, 3, 4], "year": list(range(2000, 2021))},
        ),
        "climate": (
            500.0,
            "climate",
            ("variable", "year", "month", "y", "x"),
            {
                "variable": ["pr", "tas", "tasmax", "tasmin"],
                "year": list(range(2000, 2019)),
                "month": list(range(1, 13)),
            },
        ),
        "predictors": (100.0, "predictors", ("variable", "y", "x"), {"variable": ["a", "b"]}),
        "masks": (50.0, "land", ("y", "x"), {}),
    }
    fills = {"landsat": 255, "climate": 65535, "predictors": float("nan")}
    for group, (resolution, name, dims, labels) in declared.items():
        array = values.get(group, land)
        variable = Variable(name, dims, array.dtype.name, fills.get(group, 0), {})
        coordinates = {dim: Coordinate((dim,), np.array(label)) for dim, label in labels.items()}
        declare(store, Cube(group, grid.with_resolution(resolution), (variable,), coordinates))
        zarr.open_array(store / group / name, mode="r+")[...] = array
    return Covariates.open(store, grid)


@pytest.fixture(scope="session")
def landscape(tmp_path_factory: pytest.TempPathFactory) -> Covariates:
    return make_landscape(tmp_path_factory.mktemp("landscape") / "covariates.zarr")
