"""Probabilities in 250ths, and the cube that holds them."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import PARTS
from biomap_xr.errors import InputError
from biomap_xr.species.cube import quantise, species_cube, species_variables
from biomap_xr.species.thresholds import Thresholds

CHANCES = arrays(np.float32, (3, 5), elements=st.floats(0, 1, width=32))


# The first call compiles.
@settings(deadline=None)
@given(CHANCES)
def test_a_stored_probability_is_right_to_half_a_level(probability: np.ndarray) -> None:
    levels = quantise(probability, 0.0, place="here")
    assert levels.dtype == np.uint8
    assert np.abs(levels / PARTS - probability).max() <= 0.5 / PARTS + 1e-6


@settings(deadline=None)
@given(CHANCES)
def test_tensors_are_rounded_as_arrays_are(probability: np.ndarray) -> None:
    found = quantise(torch.from_numpy(probability), 0.002, place="here")
    np.testing.assert_array_equal(found.numpy(), quantise(probability, 0.002, place="here"))


def test_below_the_floor_is_nothing() -> None:
    probability = np.array([0.0, 0.0099, 0.01, 0.9999, 1.0])
    assert quantise(probability, 0.01, place="here").tolist() == [0, 0, 2, 250, 250]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.01, 1.02])
def test_what_is_no_probability_names_its_tile(bad: float) -> None:
    probability = np.array([[0.5, bad]], np.float32)
    with pytest.raises(InputError, match="tile 25kmE4000N2800: probabilities from"):
        quantise(probability, 0.002, place="25kmE4000N2800")


def test_no_cells_are_no_error() -> None:
    assert quantise(np.zeros((2, 0), np.float32), 0.002, place="here").shape == (2, 0)


def test_the_declaration_is_that_of_the_design(
    card: Callable[..., object], landscape: Covariates
) -> None:
    found = {(each.name, each.dims, each.dtype, str(each.fill)) for each in species_variables()}
    assert found == {
        ("probability", ("species", "y", "x"), "uint8", "0"),
        ("valid", ("y", "x"), "uint8", "0"),
        ("displacement", ("y", "x"), "float32", "nan"),
    }
    thresholds = Thresholds(
        f_score_global=0.3,
        f_score=(0.2, 0.3),
        conformal=(0.1, 0.1),
        conformal_pooled=0.1,
        pooled=(True, True),
        omission=0.1,
        minimum_presences=20,
        surveys=9,
        method="by hand",
    )
    cube = species_cube(landscape.grid, card(species=2, thresholds=thresholds), {})
    assert list(cube.coordinates) == ["species", "species_id", "threshold_f", "threshold_conformal"]
    np.testing.assert_allclose(cube.coordinates["threshold_f"].values, [0.2, 0.3])
    with pytest.raises(InputError, match="no thresholds"):
        species_cube(landscape.grid, card(species=2), {})
