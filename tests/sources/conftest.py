import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray

Writer = Callable[..., Path]


@pytest.fixture(scope="session")
def data() -> Path:
    root = os.environ.get("BIOMAP_XR_DATA")
    if not root:
        pytest.skip("BIOMAP_XR_DATA does not name the folder of real data")
    return Path(root)


@pytest.fixture
def geotiff(tmp_path: Path) -> Writer:
    """Write values (band, y, x) as GeoTIFF: 10 m pixels from the corner (4000000, 3000000)."""

    def write(
        name: str,
        values: NDArray[np.generic],
        *,
        bands: Sequence[str] = (),
        crs: str | None = "EPSG:3035",
        nodata: float | None = None,
        corner: tuple[float, float] = (4_000_000.0, 3_000_000.0),
        size: float = 10.0,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        count, height, width = values.shape
        with rasterio.open(
            path,
            "w",
            driver="GTiff",
            count=count,
            height=height,
            width=width,
            dtype=values.dtype,
            crs=crs,
            nodata=nodata,
            transform=Affine(size, 0, corner[0], 0, -size, corner[1]),
        ) as dataset:
            dataset.write(values)
            for number, band in enumerate(bands, 1):
                dataset.set_band_description(number, band)
        return path

    return write
