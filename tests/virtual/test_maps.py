import numpy as np
import pytest
import xarray as xr

from biomap_xr.virtual import Simulated
from biomap_xr.virtual.habitats import HABITATS, NO_HABITAT
from biomap_xr.virtual.maps import SCALE, rounded
from biomap_xr.virtual.truth import open_truth


@pytest.fixture(scope="module")
def maps(simulated: Simulated) -> xr.Dataset:
    return open_truth(simulated.folder).open().load()


def test_plain_xarray_reads_chances(simulated: Simulated) -> None:
    dataset = xr.open_zarr(simulated.truth, decode_coords="all")
    assert dataset["probability"].dims == ("species", "y", "x")
    assert 0 <= float(dataset["probability"].min()) < float(dataset["probability"].max()) < 1
    assert {"species_id", "gbif_key", "capture"} <= set(dataset.coords)
    assert 0.85 < dataset.attrs["macro_auc_full"] < 0.97


def test_maps_fit_together(maps: xr.Dataset) -> None:
    land = maps["land"].to_numpy() == 1
    presence, chance = maps["presence"].to_numpy(), maps["probability"].to_numpy() / SCALE
    np.testing.assert_array_equal(presence.sum(axis=0), maps["richness"])
    np.testing.assert_allclose(chance.sum(axis=0), maps["richness_cell"], rtol=0.01, atol=0.01)
    plot = np.tensordot(maps["capture"].to_numpy(), chance, 1)
    np.testing.assert_allclose(plot, maps["richness_plot"], rtol=0.01, atol=0.01)
    assert not presence[:, ~land].any()
    assert not chance[:, ~land].any()


def test_habitats_are_where_the_land_is(maps: xr.Dataset) -> None:
    habitat, land = maps["habitat"].to_numpy(), maps["land"].to_numpy() == 1
    numbers = {one.number for one in HABITATS}
    assert set(np.unique(habitat[land])) <= numbers
    assert len(np.unique(habitat[land])) >= 5
    assert (habitat[~land] == NO_HABITAT).all()


def test_rounding_keeps_nine_bits() -> None:
    values = np.random.default_rng(0).random(5_000).astype(np.float32) ** 4
    found = rounded(values)
    np.testing.assert_allclose(found, values, rtol=2.0**-9)
    assert len(np.unique(found[(found >= 0.5)])) <= 256
