from io import BytesIO

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from biomap_xr.report.drawing import (
    canvases,
    colour_bar,
    entitle,
    paint,
    png,
    round_up,
    scale_of,
)
from biomap_xr.report.palette import AMOUNT, DARK, LIGHT
from biomap_xr.report.thinning import Frame

FRAME = Frame((4000.0, 4050.0, 2800.0, 2825.0), "km", "EPSG:3035", "50 m cell")


@pytest.mark.parametrize(
    ("top", "expected"), [(0.73, 0.8), (17.3, 20.0), (1.0, 1.0), (101.0, 150.0), (0.0012, 0.0015)]
)
def test_scales_end_at_round_numbers(top: float, expected: float) -> None:
    assert round_up(np.array([0.0, top, top])) == pytest.approx(expected)


@pytest.mark.parametrize("values", [[], [np.nan], [0.0, 0.0]])
def test_a_map_of_nothing_has_a_scale_all_the_same(values: list[float]) -> None:
    assert round_up(np.array(values)) == 1.0


def test_the_same_picture_has_the_same_bytes_and_the_colour_of_the_page() -> None:
    assert _map() == _map()
    corner = Image.open(BytesIO(_map())).convert("RGB").getpixel((0, 0))
    assert corner == tuple(int(LIGHT.paper[i : i + 2], 16) for i in (1, 3, 5))


def test_nodata_is_drawn_in_its_own_grey() -> None:
    colours = {
        colour for _, colour in Image.open(BytesIO(_map())).convert("RGB").getcolors(1 << 20) or []
    }
    assert tuple(int(LIGHT.nodata[i : i + 2], 16) for i in (1, 3, 5)) in colours


def _map() -> bytes:
    values = np.linspace(0, 5, 200).reshape(10, 20)
    values[2:5, 3:9] = np.nan
    scale = scale_of(values, AMOUNT, LIGHT)
    figure, (axes,) = canvases(LIGHT, FRAME)
    paint(axes, FRAME, values, scale, LIGHT)
    colour_bar(figure, [axes], scale, "species", LIGHT)
    return png(figure)


def test_maps_beside_each_other_share_the_width() -> None:
    figure, axes = canvases(DARK, FRAME, 3)
    assert len(axes) == 3
    width, height = figure.get_size_inches()
    assert width > 2 * height


def test_a_title_is_no_formula() -> None:
    figure = Figure()
    axes = figure.subplots()
    entitle(axes, r"$\frac{1}{0$", "a $ sign", LIGHT)
    assert png(figure).startswith(b"\x89PNG")


def test_a_map_in_degrees_has_no_scale_bar() -> None:
    figure, (axes,) = canvases(LIGHT, FRAME)
    frame = Frame((3.0, 4.0, 43.0, 44.0), "°", "EPSG:4326", "0.01° cell")
    paint(axes, frame, np.ones((4, 4)), scale_of(np.ones(1), AMOUNT, LIGHT), LIGHT)
    assert not axes.artists
    assert axes.get_xlabel() == "Longitude (°, EPSG:4326)"
    assert figure.axes == [axes]


def test_the_scale_bar_is_a_round_length_of_at_most_a_quarter_of_the_map() -> None:
    figure, (axes,) = canvases(LIGHT, FRAME)
    paint(axes, FRAME, np.ones((4, 4)), scale_of(np.ones(1), AMOUNT, LIGHT), LIGHT)
    png(figure)
    (bar,) = axes.artists
    assert bar.info.scale_text == "10 km"
    assert bar.info.length_px <= axes.get_window_extent().width / 4
    assert axes.get_xlim() == (4000, 4050)
