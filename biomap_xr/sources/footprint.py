"""Where the cells of a grid lie in the CRS of a file."""

from functools import lru_cache

import numpy as np
from odc.geo.geobox import GeoBox
from pyproj import Transformer

# Edges of a rectangle bend in another CRS: points on each edge that say how far.
POINTS_ON_EDGE = 100


@lru_cache(maxsize=64)
def transformer(source: str, target: str) -> Transformer:
    """Return the transformation from one CRS to another, x (east) before y (north) in both."""
    return Transformer.from_crs(source, target, always_xy=True)


def bounds_in(geobox: GeoBox, crs: str) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top of a grid's cells in another CRS.

    Where the other CRS does not reach all of them, the bounds are infinite.

    >>> cells = GeoBox.from_bbox((0, 0, 20, 10), "EPSG:3035", resolution=10)
    >>> bounds_in(cells, "EPSG:3035")
    (0.0, 0.0, 20.0, 10.0)
    """
    box = geobox.boundingbox.bbox
    if geobox.crs == crs:
        return box
    bounds = transformer(str(geobox.crs), crs).transform_bounds(*box, densify_pts=POINTS_ON_EDGE)
    infinite = (-np.inf, -np.inf, np.inf, np.inf)
    return bounds if np.isfinite(bounds).all() else infinite
