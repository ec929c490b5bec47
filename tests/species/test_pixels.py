"""Raw pixels around cells equal the inputs cut for each of them."""

import numpy as np
import pytest

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.inputs import cut_inputs
from biomap_xr.covariates.slots import InputSettings
from biomap_xr.grid import Cells
from biomap_xr.species.pixels import Image, read_image, read_pixels

SETTINGS = InputSettings(window=34)
CELLS = Cells(np.array([3, 3, 40, 79, 20]), np.array([70, 0, 41, 79, 50]))


def cut(covariates: Covariates, name: str) -> np.ndarray:
    years = np.full(len(CELLS), SETTINGS.reference_year)
    return cut_inputs(covariates, CELLS, years, [name], SETTINGS)[name]


@pytest.mark.parametrize("name", ["landsat", "climate", "predictors"])
def test_inputs_of_cells_are_those_that_training_cuts(landscape: Covariates, name: str) -> None:
    pixels = read_pixels(landscape, name, CELLS, SETTINGS)
    np.testing.assert_array_equal(pixels.at(CELLS), cut(landscape, name))


def test_windows_of_cells_are_those_that_training_cuts(landscape: Covariates) -> None:
    image = read_image(landscape, CELLS, SETTINGS.window)
    np.testing.assert_array_equal(image.at(CELLS), cut(landscape, "sentinel2"))


def test_only_what_is_missing_altogether_has_no_data(landscape: Covariates) -> None:
    for name, expected in (
        ("landsat", [False, True, True, True, True]),
        ("climate", [True, True, True, False, True]),
        ("predictors", [True] * 5),
    ):
        assert read_pixels(landscape, name, CELLS, SETTINGS).has_data(CELLS).tolist() == expected
    image = read_image(landscape, CELLS, SETTINGS.window)
    by_window = (image.at(CELLS) != 0).any(axis=(1, 2, 3))
    np.testing.assert_array_equal(image.has_data(CELLS), by_window)


def test_a_pixel_under_many_cells_is_one(landscape: Covariates) -> None:
    cells = Cells(np.array([0, 9, 10, 1]), np.array([0, 9, 0, 5]))
    pixels = read_pixels(landscape, "climate", cells, SETTINGS)
    places, index = pixels.distinct(cells)
    assert len(places) == 2
    assert index.tolist() == [0, 0, 1, 0]
    np.testing.assert_array_equal(pixels.values_at(places)[index], pixels.at(cells))


@pytest.mark.parametrize(("ratio", "step"), [(5.0, 1), (10.0, 2), (2.5, 0), (4.0, 0)])
def test_the_lattice_hits_cells_of_whole_steps_only(ratio: float, step: int) -> None:
    zero = Cells(np.zeros(1, np.int64), np.zeros(1, np.int64))
    assert Image(np.zeros((4, 9, 9), np.uint16), zero, zero, 9, ratio).step == step
