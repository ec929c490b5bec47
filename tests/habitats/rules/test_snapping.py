import geopandas as gpd
import numpy as np
import pytest
import shapely

from biomap_xr.errors import InputError
from biomap_xr.habitats.rules.snapping import (
    place_cells,
    read_region_codes,
)


@pytest.fixture
def layer(tmp_path):
    path = tmp_path / "regions.gpkg"
    squares = [shapely.box(4_000_000, 2_800_000, 4_050_000, 2_850_000)]
    frame = gpd.GeoDataFrame({"ECO_ID": [686], "ECO_NAME": ["Plain"]}, geometry=squares, crs=3035)
    frame.to_file(path)
    return path


def test_cells_join_the_nearest_region():
    codes = np.array([[7, 0, 0, 0], [0, 0, 0, 9]], np.uint16)
    placed = place_cells(codes, {0}, 100.0, 150.0)
    assert placed.region.tolist() == [[7, 7, 9, 9], [7, 7, 9, 9]]
    assert placed.distance[1, 1] == pytest.approx(100 * 2**0.5)
    far = place_cells(codes, {0}, 100.0, 100.0)
    assert far.region.tolist() == [[7, 7, 0, 9], [7, 0, 9, 9]]
    assert np.isnan(far.distance[0, 2])
    nothing = place_cells(np.zeros((2, 2), np.uint8), {0}, 100.0, 500.0)
    assert nothing.lost == 4


def test_names_and_codes_of_a_table_or_a_layer(layer, tmp_path):
    assert read_region_codes(layer, "ECO_NAME", "ECO_ID") == {"Plain": 686}
    with pytest.raises(InputError, match="NAME"):
        read_region_codes(layer, "NAME", "ECO_ID")
    table = tmp_path / "codes.csv"
    table.write_text("name,code\nPlain,686\nPlain,687\n")
    with pytest.raises(InputError, match=r"'Plain' has the codes \[686, 687\]"):
        read_region_codes(table, "name", "code")
