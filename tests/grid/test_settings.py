import pytest
from pydantic import ValidationError

from biomap_xr.grid import Extent, GridSettings


def extent(**changes):
    square = {"x_min": 4_000_000, "y_min": 2_800_000, "x_max": 4_025_000, "y_max": 2_825_000}
    return Extent(**(square | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crs": "EPSG:4326"}, "need a projected CRS in metres"),
        ({"crs": "EPSG:99999999"}, "not known to PROJ"),
        ({"resolution": 60}, "no whole number of cells of 60 m"),
        ({"resolution": 0}, "greater than 0"),
        ({"extent": extent(x_min=4_000_001)}, "smallest extent of whole tiles"),
        ({"extent": extent(x_max=4_000_000)}, "is empty"),
        ({"cell": 50}, "Extra inputs are not permitted"),
    ],
)
def test_impossible_grids_are_explained(changes, message):
    with pytest.raises(ValidationError, match=message):
        GridSettings(**({"extent": extent()} | changes))
