"""The analyst's face equals the tile program's sums, lazily and in memory."""

from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import xarray as xr
import zarr
from scipy import stats

from biomap_xr.cubes import Coordinate, Cube, Variable, declare, open_cube
from biomap_xr.errors import InputError
from biomap_xr.grid import Extent, Grid, GridSettings
from biomap_xr.indicators.assess import assess, count_quantiles
from biomap_xr.indicators.sums import Sums
from biomap_xr.indicators.traits import Traits

DIMS = {
    "expected": ("indicator", "y", "x"),
    "variance": ("indicator", "y", "x"),
    "low": ("indicator", "y", "x"),
    "high": ("indicator", "y", "x"),
    "any": ("indicator", "y", "x"),
    "count": ("indicator", "y", "x"),
    "most_threatened": ("y", "x"),
    "status_any": ("status", "y", "x"),
}


@pytest.mark.parametrize("chunks", [None, {"species": 3, "y": 4, "x": 2}, {"species": -1}])
def test_it_equals_the_sums_of_the_tile_program(
    cube: xr.Dataset, traits: Traits, chunks: dict[str, int] | None
) -> None:
    found = assess(cube if chunks is None else cube.chunk(chunks), traits)
    valid = cube["valid"].to_numpy() == 1
    parts = cube["probability"].to_numpy()[:, valid]
    sums = Sums.of(traits.members(), parts / np.float32(250), parts >= 50, traits.status_code)
    expected = sums.value().on_tile(valid, traits.is_known())
    assert list(found) == list(DIMS)
    for name, values in expected.items():
        assert found[name].dims == DIMS[name]
        assert found[name].dtype == values.dtype
        np.testing.assert_allclose(found[name].to_numpy(), values, rtol=1e-5, atol=1e-6)


def test_nothing_is_computed_before_it_is_asked_for(cube: xr.Dataset, traits: Traits) -> None:
    def forbidden(block: np.ndarray) -> np.ndarray:
        raise AssertionError

    lazy = cube.copy()
    data = da.from_array(cube["probability"].to_numpy(), chunks=(3, 4, 2))
    lazy["probability"] = (
        ("species", "y", "x"),
        data.map_blocks(forbidden, dtype="uint8", meta=data),
    )
    found = assess(lazy, traits)
    assert all(found[name].chunks is not None for name in found)


def test_not_valid_is_nan_and_not_zero(cube: xr.Dataset, traits: Traits) -> None:
    found = assess(cube, traits)
    assert np.isnan(found["expected"].to_numpy()[:, :2, :2]).all()
    assert np.isnan(found["status_any"].to_numpy()[:, :2, :2]).all()
    assert (found["most_threatened"].to_numpy()[:2, :2] == 0).all()
    assert (found["most_threatened"].to_numpy()[2:] >= 1).all()
    assert np.isfinite(found["expected"].to_numpy()[:, 2:]).all()


def test_labels_and_attributes(cube: xr.Dataset, traits: Traits) -> None:
    found = assess(cube, traits)
    assert found["indicator"].to_numpy().tolist()[0] == "richness"
    assert found["status"].to_numpy().tolist() == ["LC", "NT", "VU", "EN", "CR", "unknown"]
    assert found["members"].to_numpy().tolist() == [7, 1, 3, 2, 1, 1]
    assert found["expected"].attrs["grid_mapping"] == "spatial_ref"
    assert found["expected"].attrs["units"] == "1"
    assert found.attrs["assemblage"] == "conformal thresholds"
    xr.testing.assert_equal(found["x"], cube["x"])


def test_the_other_threshold_and_one_by_hand(cube: xr.Dataset, traits: Traits) -> None:
    parts, valid = cube["probability"], cube["valid"] == 1
    by_f = assess(cube, traits, assemblage="f_score")["count"].sel(indicator="richness")
    np.testing.assert_array_equal(by_f, (parts >= 125).sum("species").where(valid, 0))
    by_hand = assess(cube, traits, threshold=0.9)["count"].sel(indicator="richness")
    np.testing.assert_array_equal(by_hand, (parts >= 225).sum("species").where(valid, 0))


def test_one_threshold_for_all_species_is_an_attribute_of_the_cube(
    cube: xr.Dataset, traits: Traits
) -> None:
    described = cube.assign_attrs(threshold_f_global=0.7)
    found = assess(described, traits, assemblage="f_score_global")
    by_hand = assess(cube, traits, threshold=0.7)
    xr.testing.assert_identical(found["count"], by_hand["count"])
    assert found.attrs["assemblage"] == "f_score_global thresholds"
    with pytest.raises(InputError, match="no attribute threshold_f_global"):
        assess(cube, traits, assemblage="f_score_global")


def test_lists_made_up_on_the_spot(cube: xr.Dataset) -> None:
    found = assess(cube, {"oaks": ["quercus robur L."], "by id": [10, 20]} | {})
    assert found["indicator"].to_numpy().tolist() == ["oaks", "by id"]
    assert "most_threatened" not in found
    fractions = cube["probability"].where(cube["valid"] == 1) / 250
    np.testing.assert_allclose(found["expected"].sel(indicator="oaks"), fractions[0], rtol=1e-6)
    np.testing.assert_allclose(
        found["expected"].sel(indicator="by id"), fractions[1] + fractions[2], rtol=1e-5
    )


def test_a_listed_species_that_is_not_there_is_named(cube: xr.Dataset) -> None:
    with pytest.raises(InputError, match="'Rosa canina'"):
        assess(cube, {"roses": ["Rosa canina"]})
    with pytest.raises(InputError, match="no coordinate species_id"):
        assess(cube.drop_vars("species_id"), {"some": [10]})


def test_floats_say_themselves_where_they_are_valid(cube: xr.Dataset, traits: Traits) -> None:
    stored = assess(cube, traits)
    floats = (cube["probability"] / np.float32(250)).where(cube["valid"] == 1)
    found = assess(floats, traits)
    for name in found:
        np.testing.assert_allclose(found[name], stored[name], rtol=1e-5, atol=1e-6)


def test_rounding_loses_no_species_of_the_assemblage(traits: Traits) -> None:
    """A probability at its threshold is stored rounded down; the threshold is rounded down with
    it."""
    probability = np.full((7, 1, 1), 0.3017, dtype=np.float32)
    coords = {"species_id": ("species", traits.table["species_id"].to_numpy())}
    exact = xr.DataArray(probability, dims=("species", "y", "x"), coords=coords)
    stored = exact.copy(data=np.rint(probability * 250).astype(np.uint8))
    for cube in (exact, stored):
        assert assess(cube, traits, threshold=0.3017).sel(indicator="richness")["count"].item() == 7


def test_an_indicator_without_its_list_is_not_zero(cube: xr.Dataset, traits: Traits) -> None:
    unlisted = Traits(traits.table, traits.known - {"invasive"})
    found = assess(cube, unlisted).sel(indicator="invasive")
    assert np.isnan(found["expected"].to_numpy()).all()


def test_species_are_joined_by_id_and_not_by_place(cube: xr.Dataset, traits: Traits) -> None:
    shuffled = assess(cube.isel(species=[3, 1, 6, 0, 2, 5, 4]), traits)
    for name, values in assess(cube, traits).items():
        np.testing.assert_allclose(shuffled[name], values, rtol=1e-5, atol=1e-6)


def test_what_is_no_species_cube_is_refused(cube: xr.Dataset, traits: Traits) -> None:
    with pytest.raises(InputError, match="no variable probability"):
        assess(cube.drop_vars("probability"), traits)
    with pytest.raises(InputError, match="type int16"):
        assess(cube["probability"].astype("int16"), traits)
    with pytest.raises(InputError, match="no coordinate threshold_f"):
        assess(cube.drop_vars("threshold_f"), traits, assemblage="f_score")
    with pytest.raises(InputError, match="traits are of 7 species and the cube has 2"):
        assess(cube.drop_vars("species_id").isel(species=[0, 1]), traits)


@pytest.mark.parametrize("lazy", [False, True])
def test_quantiles_are_exact(cube: xr.Dataset, traits: Traits, *, lazy: bool) -> None:
    source = cube.chunk({"species": 2, "y": 3}) if lazy else cube
    found = count_quantiles(source, traits, levels=(0.1, 0.9))
    assert found.dims == ("quantile", "indicator", "y", "x")
    assert found.dtype == np.float32
    assert np.isnan(found.to_numpy()[..., :2, :2]).all()
    chances = cube["probability"].to_numpy()[:, 4, 3] / 250
    expected = [stats.poisson_binom.ppf(level, chances) for level in (0.1, 0.9)]
    np.testing.assert_array_equal(found.sel(indicator="richness")[:, 4, 3], expected)


def test_a_cube_on_disk_is_opened_and_assessed(
    cube: xr.Dataset, traits: Traits, tmp_path: Path
) -> None:
    """Through Zarr and `open_cube`, with its CRS, in the stored chunks."""
    extent = Extent(x_min=4_000_050, y_min=2_800_050, x_max=4_000_350, y_max=2_800_350)
    grid = Grid.from_settings(GridSettings(extent=extent, tile=150.0))
    names = ("species", "species_id", "threshold_conformal", "threshold_f")
    coordinates = {name: Coordinate(("species",), cube[name].to_numpy()) for name in names}
    probability = Variable(
        "probability", ("species", "y", "x"), "uint8", 0, {}, {"species": 4}, {"species": 1}
    )
    valid = Variable("valid", ("y", "x"), "uint8", 0, {})
    declare(tmp_path / "species.zarr", Cube("", grid, (probability, valid), coordinates))
    for name in ("probability", "valid"):
        stored = zarr.open_array(tmp_path / "species.zarr" / name, mode="r+")
        stored[..., :5] = cube[name].to_numpy()
    opened = open_cube(tmp_path / "species.zarr", chunks={})
    found = assess(opened, traits).load()
    expected = assess(cube, traits)
    for name in expected:
        np.testing.assert_allclose(found[name][..., :5], expected[name], rtol=1e-5, atol=1e-6)
    assert found.odc.crs == grid.crs
    # The last column was never predicted.
    assert np.isnan(found["expected"][..., 5]).all()


def test_no_species_to_assess_is_said(cube: xr.Dataset) -> None:
    with pytest.raises(InputError, match="No list of species"):
        assess(cube, {})
    with pytest.raises(InputError, match="'mine' is empty"):
        assess(cube, {"mine": []})
