import pytest
from pydantic import ValidationError

from biomap_xr.products.settings import RasterSettings


def test_paper_2s_blocks_are_the_default():
    assert (RasterSettings().block, RasterSettings().compression) == (256, "DEFLATE")


@pytest.mark.parametrize("wrong", [{"block": 100}, {"compression": "JPEG"}, {"threads": 0}])
def test_other_layouts_are_refused(wrong):
    with pytest.raises(ValidationError):
        RasterSettings(**wrong)
