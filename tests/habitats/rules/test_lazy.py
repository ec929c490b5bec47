import dask.array as da
import numpy as np
import pytest
import xarray as xr

from biomap_xr.errors import InputError
from biomap_xr.habitats.rules import landcover, lazy, priority, regional
from biomap_xr.habitats.rules.matching import match_models
from biomap_xr.habitats.rules.regional import RegionTable

SHAPE = (8, 10)


@pytest.fixture
def matched(crosswalk, models, settings):
    return match_models(crosswalk, models, settings)


@pytest.fixture
def maps(matched, random):
    codes = matched.covers["T"].codes
    coordinates = {"y": 100.0 - np.arange(8), "x": np.arange(10.0)}
    probability = xr.DataArray(
        random.integers(0, 101, (len(codes), *SHAPE)).astype(np.uint8),
        dims=("eunis", "y", "x"),
        coords={
            **coordinates,
            "eunis": list(codes),
            "spatial_ref": 0,
        },
        attrs={"units": "percent"},
    )
    covers = random.choice([1, 23, 26, 255], SHAPE).astype(np.uint8)
    cover = xr.DataArray(covers, dims=("y", "x"), coords=coordinates, name="land_cover")
    return probability, cover


@pytest.mark.parametrize("chunks", [None, {"eunis": 1, "y": 4, "x": 5}])
def test_maps_are_those_of_the_arrays(maps, matched, chunks):
    probability, cover = maps
    if chunks:
        probability = probability.chunk(chunks)
        cover = cover.chunk({"y": 8, "x": 5})
    table = matched.covers["T"]
    tops = lazy.top_habitats(probability, cover, table)
    expected = landcover.top_habitats(maps[0].to_numpy(), maps[1].to_numpy(), table)
    final = lazy.wall_to_wall({"T": tops}, cover, matched.priority)
    found = priority.wall_to_wall({"T": expected}, maps[1].to_numpy(), matched.priority)
    assert isinstance(final["rule"].data, da.Array) == bool(chunks)
    np.testing.assert_array_equal(tops["habitat"], expected.habitat)
    np.testing.assert_array_equal(tops["confidence"], expected.confidence)
    for name in ("habitat", "confidence", "rule"):
        np.testing.assert_array_equal(final[name], getattr(found, name))
        assert final[name].dtype == getattr(found, name).dtype
    assert final["habitat"].dims == ("rank", "y", "x")
    assert final["rank"].to_numpy().tolist() == [1, 2, 3]
    assert "priority_1" in final["rule"].attrs["flag_meanings"]
    assert "spatial_ref" in final.coords


def test_regions_are_filtered_lazily(maps, random):
    probability, cover = maps
    region = cover.copy(data=random.choice([686, 664], SHAPE).astype(np.uint16)).rename("ecoregion")
    table = RegionTable(
        "ecoregion",
        ("T11", "T17", "T31"),
        np.array([664, 686]),
        np.array([[1, 0], [0, 1], [1, 1]], bool),
        frozenset(),
    )
    kept = lazy.filter_regions(probability.chunk({"y": 4}), region, table)
    assert isinstance(kept.data, da.Array)
    expected = regional.filter_regions(probability.to_numpy(), region.to_numpy(), table)
    np.testing.assert_array_equal(kept, expected)
    assert (kept.dims, kept.dtype) == (("eunis", "y", "x"), np.uint8)
    assert kept.attrs["units"] == "percent"
    np.testing.assert_array_equal(kept.sel(eunis="T17"), expected[1])


def test_misaligned_land_cover_is_refused(maps, matched):
    probability, cover = maps
    moved = cover.assign_coords(x=cover["x"] + 0.5)
    with pytest.raises(InputError, match=r"land_cover is misaligned along x: 10 cells from 0\.5"):
        lazy.top_habitats(probability, moved, matched.covers["T"])
    with pytest.raises(InputError, match="misaligned along y: 7 cells"):
        lazy.top_habitats(probability, cover[1:], matched.covers["T"])
    tops = lazy.top_habitats(probability, cover, matched.covers["T"])
    with pytest.raises(InputError, match="misaligned along x"):
        lazy.wall_to_wall({"T": tops}, moved, matched.priority)


def test_other_classes_are_refused(maps, matched):
    probability, cover = maps
    with pytest.raises(InputError, match="eunis of 2 classes"):
        lazy.top_habitats(probability, cover, matched.covers["R"])
    renamed = probability.assign_coords(eunis=["T11", "T17", "T32"])
    with pytest.raises(InputError, match="'T32'"):
        lazy.top_habitats(renamed, cover, matched.covers["T"])
