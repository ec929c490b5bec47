import geopandas as gpd
import numpy as np
import rasterio
from rasterio.features import rasterize

from biomap_xr.grid import Grid
from biomap_xr.virtual import Simulated
from biomap_xr.virtual.assemblage import Assemblage
from biomap_xr.virtual.ground import ECOREGIONS, _slope
from biomap_xr.virtual.rasters import geobox_of, pixels_of


def test_land_polygons_burn_back_into_the_mask(
    simulated: Simulated, assemblage: Assemblage
) -> None:
    table = gpd.read_file(simulated.land)
    geobox = Grid.from_settings(simulated.settings.grid_settings()).geobox
    burnt = rasterize(table.geometry, geobox.shape, transform=geobox.affine)
    pixels = pixels_of(geobox, slice(0, 40), slice(0, 40))
    np.testing.assert_array_equal(burnt == 1, assemblage.world.terrain.at(pixels).land)
    assert table.crs.to_epsg() == 3035


def test_ecoregions_cover_the_map(simulated: Simulated) -> None:
    table = gpd.read_file(simulated.ecoregions)
    extent = simulated.settings.grid_settings().extent
    assert set(table["code"]) <= set(ECOREGIONS)
    assert set(table["name"]) <= {name for name, _ in ECOREGIONS.values()}
    assert table.area.sum() == (extent.x_max - extent.x_min) * (extent.y_max - extent.y_min)


def test_predictors_are_float_and_soil_ends_at_the_water(
    simulated: Simulated, assemblage: Assemblage
) -> None:
    layers = {}
    for name in ("elevation", "slope", "soil_ph"):
        with rasterio.open(simulated.rasters / "predictors" / f"{name}.tif") as file:
            assert (file.descriptions, file.dtypes[0], file.res) == ((name,), "float32", (50, 50))
            layers[name] = file.read(1)
    geobox = geobox_of(simulated.settings.grid_settings().extent, 50)
    land = assemblage.world.terrain.at(pixels_of(geobox, slice(0, 40), slice(0, 40))).land
    np.testing.assert_array_equal(np.isfinite(layers["soil_ph"]), land)
    assert 3 < np.nanmin(layers["soil_ph"]) < np.nanmax(layers["soil_ph"]) < 10
    assert layers["elevation"].min() >= 0
    assert layers["slope"].min() >= 0
    assert layers["slope"].max() < 90


def test_land_cover_has_corine_codes(simulated: Simulated) -> None:
    with rasterio.open(simulated.rasters / "land_cover.tif") as file:
        assert (file.dtypes[0], file.nodata) == ("uint8", 255)
        assert set(np.unique(file.read())) <= set(range(1, 45))


def test_slope_is_the_gradient_of_the_elevation(assemblage: Assemblage) -> None:
    geobox = geobox_of(assemblage.world.settings.grid_settings().extent, 5)
    pixels = pixels_of(geobox, slice(100, 160), slice(100, 160))
    elevation = assemblage.world.terrain.at(pixels).elevation
    down, right = np.gradient(elevation.astype(float), 5.0)
    expected = np.degrees(np.arctan(np.hypot(down, right)))[1:-1, 1:-1]
    found = _slope(assemblage.world, pixels, 5.0)[1:-1, 1:-1]
    assert np.abs(found - expected).mean() < 1
