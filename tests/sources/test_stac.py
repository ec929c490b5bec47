import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import odc.stac
import pystac
import pytest
import shapely
from odc.geo.geobox import GeoBox

from biomap_xr.errors import InputError
from biomap_xr.sources.footprint import bounds_in
from biomap_xr.sources.raster import describe
from biomap_xr.sources.scenes import MaskRule, read_scene
from biomap_xr.sources.stac import find_items, without_scheme

RANDOM = np.random.default_rng(5)
CLEAR = MaskRule((4, 5, 6))
GRID = GeoBox.from_bbox((4_000_000, 2_999_500, 4_000_700, 3_000_000), "EPSG:3035", resolution=10)


@pytest.fixture
def catalogue(geotiff, tmp_path: Path) -> Path:
    """Three items of 50 x 40 pixels, each 100 m east of the one before; files beside the JSON."""
    everywhere = pystac.Extent(
        pystac.SpatialExtent([[-180, -90, 180, 90]]), pystac.TemporalExtent([[None, None]])
    )
    root, collection = pystac.Catalog("root", "x"), pystac.Collection("s2", "x", everywhere)
    root.add_child(collection)
    for number in (2, 0, 1):
        moment = datetime(2021, 3 + number, 1, 23, 30, tzinfo=UTC)
        paths = {
            band: geotiff(
                f"{number}_{band}.tif",
                RANDOM.integers(*limits, (1, 40, 50)).astype(dtype),
                nodata=0,
                corner=(4_000_000 + 100 * number, 3_000_000),
            )
            for band, limits, dtype in (
                ("red", (1, 9000), np.uint16),
                ("nir", (1, 9000), np.uint16),
                ("scl", (3, 9), np.uint8),
            )
        }
        footprint = shapely.box(*bounds_in(describe(paths["red"]).geobox, "EPSG:4326"))
        item = pystac.Item(
            f"i{number}", shapely.geometry.mapping(footprint), list(footprint.bounds), moment, {}
        )
        for band, path in paths.items():
            media = pystac.MediaType.GEOTIFF
            item.add_asset(band, pystac.Asset(str(path), media_type=media, roles=["data"]))
        collection.add_item(item)
    root.normalize_hrefs(str(tmp_path / "catalogue"))
    root.make_all_asset_hrefs_relative()
    root.save(pystac.CatalogType.SELF_CONTAINED)
    return tmp_path / "catalogue" / "catalog.json"


def test_items_are_scenes_by_date(catalogue: Path) -> None:
    scenes = find_items(catalogue, ["red", "nir"], mask="scl", rule=CLEAR)
    assert [scene.date for scene in scenes] == [date(2021, month, 1) for month in (3, 4, 5)]
    assert [scene.bands["nir"].path.name for scene in scenes] == [f"{k}_nir.tif" for k in range(3)]


def test_checksums_that_the_catalogue_states_come_with_the_files(catalogue: Path) -> None:
    (path,) = catalogue.parent.rglob("i1.json")
    item = json.loads(path.read_text())
    item["assets"]["red"]["file:checksum"] = "1220ab"
    item["assets"]["red"]["etag"] = '"no"'
    item["assets"]["nir"]["ETag"] = '"9f"'
    path.write_text(json.dumps(item))
    scene = find_items(catalogue, ["red", "nir"], mask="scl", rule=CLEAR)[1]
    assert [scene.bands[band].checksum for band in ("red", "nir")] == ["1220ab", '"9f"']
    assert scene.mask.checksum is None


# odc-geo calls a function of shapely that is deprecated; our own readers do not.
@pytest.mark.filterwarnings("ignore:The 'shapely.ops.transform:DeprecationWarning")
def test_values_equal_odc_stac_on_an_aligned_grid(catalogue: Path) -> None:
    scenes = find_items(catalogue, ["red", "nir"], mask="scl", rule=CLEAR)
    items = list(pystac.Catalog.from_file(str(catalogue)).get_items(recursive=True))
    other = odc.stac.load(
        items, bands=["red", "nir", "scl"], geobox=GRID, groupby="id", nodata=0, dtype="uint16"
    ).sortby("time")
    for number, scene in enumerate(scenes):
        reading = read_scene(scene, GRID, ["red", "nir"])
        one = other.isel(time=number)
        np.testing.assert_array_equal(reading.values, [one["red"], one["nir"]])
        good = np.isin(one["scl"], CLEAR.codes) & (one["red"] > 0)
        np.testing.assert_array_equal(reading.valid, good)
        assert 0 < reading.valid.mean() < 1


def test_periods_hold_both_ends(catalogue: Path) -> None:
    spring = (date(2021, 3, 1), date(2021, 4, 1))
    assert len(find_items(catalogue, ["red"], period=spring)) == 2
    with pytest.raises(InputError, match=r"none of its 3 items .*2022-01-01"):
        find_items(catalogue, ["red"], period=(date(2022, 1, 1), date(2022, 2, 1)))


def test_collections_items_and_item_collections_are_read_too(catalogue: Path) -> None:
    folder = catalogue.parent / "s2"
    assert len(find_items(folder / "collection.json", ["red"])) == 3
    assert len(find_items(folder / "i0" / "i0.json", ["red"])) == 1
    items = list(pystac.Catalog.from_file(str(catalogue)).get_items(recursive=True))
    for item in items:
        item.make_asset_hrefs_absolute()
    together = catalogue.parent / "items.json"
    pystac.ItemCollection(items).save_object(str(together))
    assert len(find_items(together, ["red"])) == 3


def test_a_missing_band_is_named(catalogue: Path) -> None:
    with pytest.raises(InputError, match="item 'i0' has no band 'swir'"):
        find_items(catalogue, ["red", "swir"])


@pytest.mark.parametrize(
    "href", ["http://127.0.0.1:1/c.json", "/vsicurl/http://127.0.0.1:1/c.json", "../no/c.json"]
)
def test_links_that_leave_this_machine_are_refused(catalogue: Path, href: str) -> None:
    content = json.loads(catalogue.read_text())
    for link in content["links"]:
        if link["rel"] == "child":
            link["href"] = href
    catalogue.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"no local path|does not exist"):
        find_items(catalogue, ["red"])


@pytest.mark.parametrize("href", ["s3://bucket/red.tif", "../../../gone.tif"])
def test_files_that_are_not_on_this_machine_are_refused(catalogue: Path, href: str) -> None:
    path = catalogue.parent / "s2/i0/i0.json"
    content = json.loads(path.read_text())
    content["assets"]["red"]["href"] = href
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"no local path|does not exist"):
        find_items(catalogue, ["red"])


@pytest.mark.parametrize("text", ["no json", "[1]", "{}", '{"type": "Feature"}'])
def test_other_json_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError, match="cannot be read as STAC"):
        find_items(path, ["red"])


def test_local_links_may_be_written_as_urls() -> None:
    assert without_scheme("file:///data/a%20b.tif") == "/data/a b.tif"
    assert without_scheme("file://host/data/a.tif") == "file://host/data/a.tif"
