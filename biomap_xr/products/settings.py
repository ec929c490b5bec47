"""How published files are written."""

from typing import Literal

from pydantic import Field

from biomap_xr.settings import Settings


class RasterSettings(Settings):
    """Layout of GeoTIFF files."""

    block: Literal[256, 512] = 256
    """Cells along a side of an inner tile; paper 2's files have 256."""
    compression: Literal["DEFLATE", "ZSTD"] = "DEFLATE"
    """DEFLATE opens everywhere; ZSTD writes faster, and needs GDAL 2.3 or later."""
    window_blocks: int = Field(4, ge=1)
    """Inner tiles along a side of a window: as much as is in memory at a time, of all bands."""
    overviews: bool = True
    """Whether coarser versions are kept inside the file, so that all of a map shows at once."""
    cache_megabytes: int = Field(256, ge=16)
    """Memory of GDAL for inner tiles."""


class ProductSettings(Settings):
    """Which files of a run are published, and how."""

    by_environment: bool = True
    """Probabilities, habitats and the map from wall to wall, as in paper 2's data set."""
    by_species: bool = True
    """Habitats of predicted assemblages."""
    rasters: RasterSettings = RasterSettings()
