"""Real Sentinel-2 scenes without their clouds: dense evaluation equals window by window."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.gather import declare_covariates
from biomap_xr.covariates.inputs import cut_inputs
from biomap_xr.covariates.settings import CovariateSettings
from biomap_xr.covariates.slots import InputSettings
from biomap_xr.grid import Cells, Extent, Grid, GridSettings
from biomap_xr.species.card import ModelCard
from biomap_xr.species.inference import embed_window, species_blocks
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.normalisation import Normalisation
from biomap_xr.species.settings import LatticeSettings

WINDOW, SPECIES = 64, 11


@pytest.fixture(scope="module")
def covariates(tmp_path_factory):
    """The cube of the five Slovenian scenes of 2015, 1 km x 1 km in UTM."""
    if "BIOMAP_XR_DATA" not in os.environ:
        pytest.skip("BIOMAP_XR_DATA is not set: the real Sentinel-2 scenes are needed")
    order = (2, 1, 4, 3, 0)
    scenes = [
        {"path": f"scene{n}_13bands_uint16_x10000.tif", "position": p, "mask_band": p + 1}
        for n, p in enumerate(order)
    ]
    sentinel2 = {
        "scenes": scenes,
        "timestamps": "timestamps.json",
        "mask": {"pattern": "cloudmask_68dates.tif", "valid": (0,)},
        "bands": ("B04", "B03", "B02", "B08"),
        "period": {"start": "2015-07-01", "end": "2015-12-01"},
    }
    settings = CovariateSettings.model_validate(
        {
            "root": Path(os.environ["BIOMAP_XR_DATA"]) / "s2" / "slovenia",
            "sentinel2": sentinel2,
            "valid_share_tolerance": 0.6,
        }
    )
    box = Extent(x_min=465_000, y_min=5_079_000, x_max=466_500, y_max=5_080_500)
    grid = Grid.from_settings(GridSettings(crs="EPSG:32633", tile=1_500, extent=box))
    store = tmp_path_factory.mktemp("slovenia") / "covariates.zarr"
    programs = declare_covariates(store, settings, grid)
    for tile in grid.tiles():
        programs.masks(tile)
        programs.covariates(tile)
    return Covariates.open(store, grid)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(5)
    card = ModelCard(
        modalities={"sentinel2": LatticeSettings(widths=(8, 16, 32, 32), strip=7)},
        species_id=tuple(range(SPECIES)),
        species=tuple(f"Species {index}" for index in range(SPECIES)),
        normalisation={
            "sentinel2": Normalisation(
                shape=(4, WINDOW, WINDOW), mean=(0.05,) * 4, deviation=(0.05,) * 4
            )
        },
        inputs=InputSettings(window=WINDOW).model_dump(mode="json"),
    )
    return SpeciesModel(card=card).eval()


def test_real_scenes_dense_equals_window_by_window(covariates, model):
    grid = covariates.grid
    whole = grid.tile_at(0, 0).window.padded(0)
    rows, columns = grid.shape
    window = type(whole)(slice(0, rows), slice(0, columns))
    embedding = embed_window(model, covariates, window, reach=0)
    dense = torch.cat([block for _, block in species_blocks(model, embedding, 4)]).numpy()
    cells = Cells(*(index.astype(np.int64) for index in np.nonzero(embedding.valid)))
    assert len(cells) > 400
    inputs = cut_inputs(
        covariates, cells, np.full(len(cells), 2015), ["sentinel2"], InputSettings(window=WINDOW)
    )
    with torch.no_grad():
        single = torch.sigmoid(model({"sentinel2": torch.from_numpy(inputs["sentinel2"])})).numpy()
    np.testing.assert_allclose(dense.T, single, atol=1e-5)
    assert np.ptp(dense, axis=1).max() > 1e-3


def test_real_scenes_have_clear_pixels_alone(covariates):
    cube = covariates.dataset("sentinel2")
    scenes = cube.scenes.values
    assert scenes.max() <= 5
    assert (cube.reflectance.values.any(axis=0) == (scenes > 0)).mean() > 0.999
