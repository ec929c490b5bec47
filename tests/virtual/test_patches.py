from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
import torch
from PIL import Image
from pyproj import Transformer

from biomap_xr.grid import Points
from biomap_xr.sources.geoplant.patches import open_patches
from biomap_xr.sources.geoplant.tensors import open_cubes
from biomap_xr.virtual import Simulated, climate, landsat
from biomap_xr.virtual.assemblage import Assemblage
from biomap_xr.virtual.patches import gamma_coded, nested
from biomap_xr.virtual.rasters import geobox_of, pixels_of
from biomap_xr.virtual.sentinel2 import composite_at


def surveys_with_patches(simulated: Simulated) -> dict[int, Points]:
    ids = [int(path.stem.split("_")[0]) for path in cubes_of(simulated, "Landsat")]
    table = pd.read_csv(simulated.surveys).drop_duplicates("surveyId").set_index("surveyId")
    to_metres = Transformer.from_crs("EPSG:4326", "EPSG:3035", always_xy=True)
    return {
        each: Points(
            *(np.atleast_1d(v) for v in to_metres.transform(*table.loc[each, ["lon", "lat"]]))
        )
        for each in ids
    }


def cubes_of(simulated: Simulated, kind: str) -> list[Path]:
    return sorted((simulated.folder / "TimeSeries" / kind / "cubes").glob("*_cube.pt"))


def test_cubes_have_the_published_shapes_strides_and_values(
    simulated: Simulated, assemblage: Assemblage
) -> None:
    places = surveys_with_patches(simulated)
    assert len(places) == simulated.settings.patches
    expected = {"Landsat": ((6, 4, 21), (84, 1, 4)), "Bioclim": ((4, 19, 12), (1, 48, 4))}
    for kind, (shape, strides) in expected.items():
        for path in cubes_of(simulated, kind):
            cube = torch.load(path, weights_only=True)
            assert (cube.shape, cube.stride(), cube.dtype) == (shape, strides, torch.float32)
            point = places[int(path.stem.split("_")[0])]
            module = landsat if kind == "Landsat" else climate
            values = module.series_at(assemblage.world, point)[0].astype(np.float32)
            values[values == module.NODATA] = np.nan
            np.testing.assert_array_equal(cube.numpy(), values)


def test_images_are_nested_and_show_the_composite(
    simulated: Simulated, assemblage: Assemblage
) -> None:
    survey, point = next(iter(surveys_with_patches(simulated).items()))
    root = simulated.folder / "SatelliteData" / "Sentinel2Patches-jpeg"
    images = [
        np.asarray(
            Image.open(
                nested(
                    root / f"PA_Train_SatellitePatches_{k.upper()}" / f"pa_train_patches_{k}",
                    survey,
                    "jpeg",
                )
            )
        )
        for k in ("rgb", "nir")
    ]
    assert [image.shape for image in images] == [(128, 128, 3), (128, 128)]
    extent = simulated.settings.grid_settings().extent
    left = int(np.floor((point.x[0] - extent.x_min) / 10 + 0.5)) - 64
    top = int(np.floor((extent.y_max - point.y[0]) / 10 + 0.5)) - 64
    pixels = pixels_of(geobox_of(extent, 10), slice(top, top + 128), slice(left, left + 128))
    composite = composite_at(assemblage.world, pixels)
    difference = images[1].astype(float) - gamma_coded(composite)[3]
    assert np.abs(difference).mean() < 4
    tiff = nested(
        simulated.folder / "SatelliteData" / "Sentinel2Patches-tiff" / "PA-train", survey, "tiff"
    )
    with rasterio.open(tiff) as file:
        assert (file.dtypes[0], file.nodata, file.shape) == ("int16", -1, (64, 64))
        assert file.descriptions == ("red", "green", "blue", "nir")
        assert file.crs.to_epsg() is None
        inner = composite[:, 32:96, 32:96].astype(int)
        np.testing.assert_array_equal(file.read(), np.where(inner == 0, -1, inner))
        column, row = ~file.transform * (point.x[0], point.y[0])
        assert abs(column - 32) <= 0.5
        assert abs(row - 32) <= 0.5


def test_gamma_is_geoplants() -> None:
    """u8 = 255 * (clip(x, 0, 10000) / 10000) ** (1 / 2.5)."""
    assert gamma_coded(np.array([10_000, 1_000], np.uint16)).tolist() == [255, int(255 * 0.1**0.4)]


def test_the_project_s_readers_take_them(simulated: Simulated) -> None:
    survey = str(next(iter(surveys_with_patches(simulated))))
    images = simulated.folder / "SatelliteData"
    jpeg = open_patches(images / "Sentinel2Patches-jpeg").read(survey)
    assert (jpeg.shape, jpeg.dtype) == ((4, 128, 128), np.uint8)
    tiff = open_patches(images / "Sentinel2Patches-tiff").read(survey)
    assert (tiff.shape, tiff.dtype) == ((4, 64, 64), np.int16)
    series = simulated.folder / "TimeSeries"
    assert open_cubes(series / "Landsat", "landsat").read(survey).shape == (6, 4, 21)
    assert open_cubes(series / "Bioclim", "climate").read(survey).shape == (4, 19, 12)
