import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_rgba

from biomap_xr.cubes import declare, open_cube, write_block
from biomap_xr.grid import Grid, GridSettings
from biomap_xr.habitats.cube import by_species_cube
from biomap_xr.report.drawing import png
from biomap_xr.report.habitats.figures import confidence_map, confusion_chart, habitat_map

COLOURS = {5202: "#44aa44", 7107: "#115522"}
NAMES = {5202: "R22 - Low and medium altitude hay meadow", 7107: "T17 - Fagus forest"}


@pytest.fixture
def cube(tmp_path):
    extent = {"x_min": 4e6, "y_min": 3e6, "x_max": 4.001e6, "y_max": 3.001e6}
    values = {"resolution": 100, "tile": 1000, "extent": extent}
    grid = Grid.from_settings(GridSettings.model_validate(values))
    store = tmp_path / "habitats.zarr"
    declare(store, by_species_cube(grid, ("R22", "T17"), {}, probabilities=False))
    habitat = np.full((3, 10, 10), 65535, np.uint16)
    habitat[0, :5], habitat[0, 5:9] = 5202, 7107
    confidence = np.full((3, 10, 10), 255, np.uint8)
    confidence[0, :9] = 60
    write_block(store, "by_species", "habitat", habitat, {"rank": 0, "y": 0, "x": 0})
    write_block(store, "by_species", "confidence", confidence, {"rank": 0, "y": 0, "x": 0})
    return open_cube(store, "by_species")


def test_a_map_has_the_legends_colours_and_shares(cube):
    figure = habitat_map(cube["habitat"][0], COLOURS, NAMES, title="Habitats")
    axes = figure.axes[0]
    picture = axes.images[0]
    drawn = picture.cmap(picture.norm(picture.get_array()))
    np.testing.assert_allclose(drawn[0, 0], to_rgba("#44aa44"))
    np.testing.assert_allclose(drawn[6, 3], to_rgba("#115522"))
    words = [text.get_text() for text in axes.get_legend().get_texts()]
    assert words[0] == "R22 - Low and medium altitude hay meadow  55.6%"
    assert words[-1] == "no habitat"
    assert png(figure)[:4] == b"\x89PNG"


def test_a_map_of_nothing_can_be_drawn(cube):
    nothing = xr.full_like(cube["habitat"][0], 65535)
    words = [
        text.get_text()
        for text in habitat_map(nothing, COLOURS, NAMES, title="x").axes[0].get_legend().get_texts()
    ]
    assert words == ["no habitat"]


def test_confidence_is_drawn_in_percent(cube):
    figure = confidence_map(cube["confidence"][0], title="Confidence")
    values = figure.axes[0].images[0].get_array()
    assert float(np.nanmax(values)) == 60
    assert np.isnan(np.ma.filled(values, np.nan)).sum() == 10


def test_confusion_is_scaled_by_true_class():
    figure = confusion_chart(
        np.array([[3, 1, 0], [0, 2, 0], [0, 0, 0]]), ["a", "b", "c"], title="x"
    )
    picture = figure.axes[0].images[0]
    np.testing.assert_allclose(picture.get_array(), [[0.75, 0.25], [0, 1]])
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["a", "b"]


def test_too_many_classes_are_not_labelled():
    figure = confusion_chart(np.eye(60, dtype=np.int64), [str(i) for i in range(60)], title="x")
    assert figure.axes[0].get_yticklabels() == []
