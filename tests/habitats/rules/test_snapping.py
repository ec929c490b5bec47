import os
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Transformer

from biomap_xr.errors import InputError
from biomap_xr.grid import Points
from biomap_xr.habitats.eunis import normalise
from biomap_xr.habitats.rules.regional import read_association
from biomap_xr.habitats.rules.snapping import (
    place_cells,
    place_in_layer,
    place_points,
    read_region_codes,
)
from biomap_xr.sources.vector import describe_layer

SQUARES = np.array([shapely.box(0, 0, 10, 10), shapely.box(30, 0, 40, 10)], object)
CODES = np.array([686, 664])


def points(*places):
    return Points(np.array([x for x, _ in places], float), np.array([y for _, y in places], float))


def test_points_join_the_nearest_region_within_the_distance():
    placed = place_points(points((5, 5), (12, 5), (27, 5), (20, 60)), SQUARES, CODES, 4, 0)
    assert placed.region.tolist() == [686, 686, 664, 0]
    np.testing.assert_allclose(placed.distance, [0, 2, 3, np.nan])
    assert (placed.inside, placed.moved, placed.lost) == (1, 2, 1)
    assert str(placed) == (
        "1 inside their region, 2 joined the nearest one (at most 3 m away), 1 have none"
    )


def test_without_a_distance_nothing_moves():
    assert place_points(points((12, 5)), SQUARES, CODES, 0, 9).region.tolist() == [9]


def test_the_later_of_two_polygons_holds():
    twice = np.array([shapely.box(0, 0, 10, 10), shapely.box(5, 0, 10, 10)], object)
    assert place_points(points((7, 5), (2, 2)), twice, CODES, 0, 0).region.tolist() == [664, 686]


def test_no_polygons_no_regions():
    none = np.array([], object)
    assert place_points(points((7, 5)), none, CODES[:0], 5, 0).region.tolist() == [0]


@pytest.fixture
def layer(tmp_path):
    path = tmp_path / "regions.gpkg"
    squares = [shapely.box(4_000_000, 2_800_000, 4_050_000, 2_850_000)]
    frame = gpd.GeoDataFrame({"ECO_ID": [686], "ECO_NAME": ["Plain"]}, geometry=squares, crs=3035)
    frame.to_file(path)
    return path


def test_a_layer_gives_regions_and_unknown_places_have_none(layer):
    places = points((4_010_000, 2_810_000), (4_052_000, 2_810_000), (np.nan, np.nan))
    placed = place_in_layer(places, "EPSG:3035", describe_layer(layer), "ECO_ID", 5_000, 65_535)
    assert placed.region.tolist() == [686, 686, 65_535]
    np.testing.assert_allclose(placed.distance, [0, 2_000, np.nan])
    with pytest.raises(InputError, match="no column 'CODE'"):
        place_in_layer(places, "EPSG:3035", describe_layer(layer), "CODE", 5_000, 65_535)


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


def test_real_points_lie_in_regions_that_have_their_habitat(tables):
    root = Path(os.environ["BIOMAP_XR_DATA"])
    surveys = pd.read_csv(
        next((root / "eunis_points").glob("*train*.csv")), usecols=["lon", "lat", "habitatId"]
    )
    x, y = Transformer.from_crs(4326, 3035, always_xy=True).transform(surveys.lon, surveys.lat)
    path = root / "vectors" / "ecoregions2017_epsg25832.gpkg"
    placed = place_in_layer(
        Points(np.array(x), np.array(y)), "EPSG:3035", describe_layer(path), "ECO_ID", 10_000, 0
    )
    counts = read_association(
        tables / "crosswalks" / "ecoregion_habitat_mask.csv",
        read_region_codes(path, "ECO_NAME", "ECO_ID"),
    )
    allowed = {
        (code, int(region))
        for code, row in zip(counts.codes, counts.count, strict=True)
        for region, count in zip(counts.regions, row, strict=True)
        if count
    }
    known = [_spelt(code) in counts.codes for code in surveys.habitatId]
    pairs = {
        (_spelt(code), region)
        for code, region, away, wanted in zip(
            surveys.habitatId, placed.region.tolist(), placed.distance, known, strict=True
        )
        if away == 0 and wanted and not code.startswith(("N", "MA"))
    }
    assert len(pairs) > 500
    assert len(pairs & allowed) / len(pairs) >= 0.99
    assert placed.moved / (placed.moved + placed.lost) > 0.7


def _spelt(code):
    try:
        return normalise(code)
    except InputError:
        return code
