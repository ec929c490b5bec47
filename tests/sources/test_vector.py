from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from biomap_xr.errors import InputError
from biomap_xr.sources.vector import Layer, describe_layer, rasterise, read_page

GRID = GeoBox.from_bbox((4_300_000, 3_000_000, 4_302_000, 3_001_000), "EPSG:3035", resolution=50)


@pytest.fixture
def two_regions(tmp_path: Path) -> Path:
    """Two triangles on the grid, in latitude and longitude, with codes 7 and 9."""
    corners = [[(0, 0), (990, 0), (0, 990)], [(1100, 100), (1900, 100), (1900, 900)]]
    shapes = [shapely.Polygon([(4_300_000 + x, 3_000_000 + y) for x, y in c]) for c in corners]
    frame = gpd.GeoDataFrame(
        {"code": [7, 9], "name": ["west", "east"], "share": [0.5, 2.0]}, geometry=shapes
    ).set_crs("EPSG:3035")
    path = tmp_path / "regions.gpkg"
    frame.to_file(path, driver="GPKG")
    return path


def point_in_polygon(layer: Layer, box: GeoBox, column: str | None) -> NDArray[np.uint16]:
    """Ask of every cell's centre, in the layer's own CRS, which polygon holds it."""
    polygons = gpd.read_file(layer.path, layer=layer.name)
    x, y = np.meshgrid(*(box.coordinates[name].values for name in "xy"))
    x, y = Transformer.from_crs(str(box.crs), layer.crs, always_xy=True).transform(x, y)
    codes = np.zeros(box.shape.yx, np.uint16)
    values = np.ones(len(polygons)) if column is None else polygons[column]
    window = shapely.box(x.min(), y.min(), x.max(), y.max())
    for shape, value in zip(polygons.geometry, values, strict=True):
        if shape.intersects(window):
            shapely.prepare(shape)
            codes[shapely.contains_xy(shape, x, y)] = int(value)
    return codes


def test_a_cell_takes_the_code_of_the_polygon_at_its_centre(two_regions: Path) -> None:
    layer = describe_layer(two_regions)
    assert layer.columns == ("code", "name", "share")
    found = rasterise(layer, GRID, column="code")
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, point_in_polygon(layer, GRID, "code"))
    assert set(np.unique(found)) == {0, 7, 9}
    # Centres at 25, 75, ... whose x + y is below 990: 19 in the lowest row, one less in each other.
    assert (found == 7).sum() == sum(range(20))


def test_without_a_column_inside_is_one(two_regions: Path) -> None:
    found = rasterise(describe_layer(two_regions), GRID)
    assert set(np.unique(found)) == {0, 1}


def test_names_become_codes_by_the_recipe(two_regions: Path) -> None:
    layer = describe_layer(two_regions)
    found = rasterise(layer, GRID, column="name", codes={"west": 3, "east": 4, "unused": 5})
    assert set(np.unique(found)) == {0, 3, 4}
    with pytest.raises(InputError, match=r"\['east'\] have no code"):
        rasterise(layer, GRID, column="name", codes={"west": 3})


@pytest.mark.parametrize(
    ("column", "message"),
    [("cod", "no column 'cod'"), ("name", "holds text"), ("share", r"holds \[0.5\]")],
)
def test_columns_that_are_no_codes_are_refused(two_regions: Path, column, message) -> None:
    with pytest.raises(InputError, match=message):
        rasterise(describe_layer(two_regions), GRID, column=column)


def test_a_window_without_polygons_is_empty(two_regions: Path) -> None:
    far = GeoBox.from_bbox((5_000_000, 2e6, 5_001_000, 2_001_000), "EPSG:3035", resolution=100)
    layer = describe_layer(two_regions)
    assert not rasterise(layer, far, column="code").any()
    assert not rasterise(layer, far, column="name", codes={"west": 3, "east": 4}).any()


def test_tiles_have_no_seams_and_share_what_is_read(two_regions: Path) -> None:
    layer = describe_layer(two_regions)
    whole = rasterise(layer, GRID, column="code")
    read_page.cache_clear()
    parts = [rasterise(layer, GRID[:, k : k + 8], column="code") for k in range(0, 40, 8)]
    np.testing.assert_array_equal(np.concatenate(parts, 1), whole)
    assert read_page.cache_info().misses <= 2


def test_straight_edges_bend_with_the_projection(tmp_path: Path) -> None:
    # One parallel of 20 degrees: taken straight in EPSG:3035 it would be off by kilometres.
    band = shapely.Polygon([(0, 50), (20, 50), (20, 60), (0, 60)])
    path = tmp_path / "band.gpkg"
    gpd.GeoDataFrame(geometry=[band], crs="EPSG:4326").to_file(path, driver="GPKG")
    layer = describe_layer(path)
    box = GeoBox.from_bbox(
        (4_250_000, 2_950_000, 4_400_000, 3_050_000), "EPSG:3035", resolution=500
    )
    found = rasterise(layer, box)
    np.testing.assert_array_equal(found, point_in_polygon(layer, box, None))
    assert 0 < found.mean() < 1


def test_bad_layers_are_refused(tmp_path: Path, two_regions: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        describe_layer(tmp_path / "missing.gpkg")
    text = tmp_path / "a.gpkg"
    text.write_text("no polygons")
    with pytest.raises(InputError, match="cannot be read as polygons"):
        describe_layer(text)
    table = tmp_path / "a.csv"
    table.write_text("a,b")
    with pytest.raises(InputError, match=r"'\.csv'; expected one of"):
        describe_layer(table)
    points = tmp_path / "points.gpkg"
    gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs="EPSG:4326").to_file(points)
    with pytest.raises(InputError, match="holds Point; expected polygons"):
        describe_layer(points)
    with pytest.raises(InputError, match="not 'other'"):
        describe_layer(two_regions, "other")


def test_a_layer_must_be_named_among_several(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    frame = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs="EPSG:4326")
    frame.to_file(path, layer="first")
    frame.to_file(path, layer="second")
    with pytest.raises(InputError, match=r"\['first', 'second'\], not None"):
        describe_layer(path)
    assert describe_layer(path, "second").name == "second"


def test_a_missing_crs_is_an_error_unless_stated(tmp_path: Path) -> None:
    path = tmp_path / "a.shp"
    with pytest.warns(UserWarning, match="'crs' was not provided"):
        gpd.GeoDataFrame({"a": [1]}, geometry=[shapely.box(0, 0, 1, 1)]).to_file(path)
    with pytest.raises(InputError, match="has no CRS"):
        describe_layer(path)
    assert describe_layer(path, crs="EPSG:4326").crs == "EPSG:4326"


def test_a_crs_that_does_not_reach_the_cells_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    other_side = "+proj=ortho +lat_0=0 +lon_0=180 +type=crs"
    gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)], crs=other_side).to_file(path)
    box = GeoBox.from_bbox((0, 0, 10, 10), "EPSG:4326", resolution=1)
    with pytest.raises(InputError, match="does not reach"):
        rasterise(describe_layer(path), box)


@pytest.mark.parametrize(
    ("file", "column"), [("land10m_europe.gpkg", None), ("ecoregions2017_epsg25832.gpkg", "ECO_ID")]
)
def test_real_polygons_equal_point_in_polygon(data: Path, file: str, column: str | None) -> None:
    layer = describe_layer(data / "vectors" / file)
    box = GeoBox.from_bbox(
        (3_750_000, 2_250_000, 3_775_000, 2_275_000), "EPSG:3035", resolution=100
    )
    found = rasterise(layer, box, column=column)
    np.testing.assert_array_equal(found, point_in_polygon(layer, box, column))
    assert 0 < (found > 0).mean() < 1
