from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from odc.geo.xr import xr_coords

from biomap_xr.report.drawing import png
from biomap_xr.report.habitats.panels import (
    READABLE,
    WIDTH,
    confusion_panels,
    uncertainty_maps,
)
from biomap_xr.report.palette import DARK
from biomap_xr.report.thinning import thin


@pytest.fixture
def rasters(grid):
    layers = {}
    for name, value in {"committee": 80, "model_spread": 12, "sampling_spread": 4}.items():
        values = np.full(grid.shape, value, np.uint8)
        values[:5] = 255
        layer = xr.DataArray(values, xr_coords(grid.geobox, dims=("y", "x")), ("y", "x"))
        layers[name] = thin(layer, longest=100, nodata=255)
    return layers


def test_spreads_share_one_scale(rasters):
    figure = uncertainty_maps(rasters, title="Grasslands (R)")
    pictures = [axes.images[0] for axes in figure.axes[:3]]
    assert [picture.norm.vmax for picture in pictures] == [100, 15, 15]
    for picture, value in zip(pictures, (80, 12, 4), strict=True):
        drawn = np.ma.filled(picture.get_array(), np.nan)
        assert np.isnan(drawn[:5]).all()
        assert (drawn[5:] == value).all()
    assert png(figure)[:4] == b"\x89PNG"


def test_maps_of_nothing_can_be_drawn(rasters):
    nothing = {
        name: replace(raster, valid=np.zeros_like(raster.valid)) for name, raster in rasters.items()
    }
    assert png(uncertainty_maps(nothing, title="x", theme=DARK))[:4] == b"\x89PNG"


def test_each_formation_has_a_panel():
    matrices = {
        "Inland habitats with no or little soil (U)": (np.array([[3, 1], [0, 2]]), ["U29", "U32"]),
        "b": (np.array([[1, 0], [0, 0]]), ["R22", "R35"]),
        "c": (np.eye(READABLE + 1, dtype=np.int64), [str(i) for i in range(READABLE + 1)]),
        "d": (np.eye(2, dtype=np.int64), ["x", "y"]),
        "e": (np.eye(2, dtype=np.int64), ["x", "y"]),
    }
    figure = confusion_panels(matrices)
    panels = [axes for axes in figure.axes if axes.images and axes.get_visible()]
    assert len(panels) == 5
    np.testing.assert_allclose(panels[0].images[0].get_array(), [[0.75, 0.25], [0, 1]])
    assert panels[1].images[0].get_array().shape == (1, 1)
    assert panels[2].get_yticklabels() == []
    assert [text.get_text() for text in panels[0].get_yticklabels()] == ["U29", "U32"]
    assert max(map(len, panels[0].get_title("left").split("\n"))) <= WIDTH


def test_no_formation_is_an_empty_figure():
    assert png(confusion_panels({}))[:4] == b"\x89PNG"
