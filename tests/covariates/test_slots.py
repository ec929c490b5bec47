import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from biomap_xr.covariates.slots import InputSettings, fill_slots, slot_weights, slot_years
from biomap_xr.errors import InputError


def test_calendar_slots_are_the_published_years_whatever_the_observation():
    settings = InputSettings()
    assert slot_years("landsat", 2012, settings) == list(range(2000, 2021))
    assert slot_years("climate", 2021, settings) == list(range(2000, 2019))


def test_relative_slots_end_with_the_year_of_the_observation():
    settings = InputSettings(slots="relative")
    assert slot_years("landsat", 2012, settings) == list(range(1992, 2013))
    assert slot_years("climate", settings.reference_year, settings)[-3:] == [2019, 2020, 2021]


@pytest.mark.parametrize(
    ("beyond", "rows"),
    [
        ("nearest", [[1, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 1]]),
        ("mean", [[1 / 3] * 3, [1, 0, 0], [0, 0, 1], [1 / 3] * 3]),
        ("missing", [[0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]]),
    ],
)
def test_slots_without_a_year_of_the_record(beyond, rows):
    weights = slot_weights([2000, 2001, 2002], [1999, 2000, 2002, 2021], beyond)
    np.testing.assert_allclose(weights, rows)


def test_of_two_equally_near_years_the_later_is_taken():
    assert slot_weights([2000, 2004], [2002], "nearest").tolist() == [[0, 1]]


def test_a_record_without_years_is_an_error():
    with pytest.raises(InputError, match="no year is available"):
        slot_weights([], [2000], "nearest")


def test_training_in_2010_and_inference_in_2021_on_a_record_to_2002():
    values = np.array([[10, 20, 255]], np.uint8)
    relative = InputSettings(slots="relative", landsat_years=(2000, 2002))
    for year, beyond, expected in [
        (2001, "nearest", [10, 10, 20]),
        (2001, "missing", [255, 10, 20]),
        (2021, "nearest", [255, 255, 255]),
        (2021, "mean", [15, 15, 15]),
    ]:
        weights = slot_weights([2000, 2001, 2002], slot_years("landsat", year, relative), beyond)
        assert fill_slots(values, weights, axis=1, fill=255).tolist() == [expected]


@given(st.integers(0, 10_000), st.sampled_from(["nearest", "mean", "missing"]))
def test_equals_a_slow_loop(seed, beyond):
    random = np.random.default_rng(seed)
    values = random.integers(0, 6, (2, 3, 4)).astype(np.uint16)
    wanted = random.integers(1995, 2006, 5)
    weights = slot_weights([2000, 2001, 2002], wanted, beyond)
    found = fill_slots(values, weights, axis=1, fill=5)
    assert found.shape == (2, 5, 4)
    for i, s, j in np.ndindex(found.shape):
        line, weight = values[i, :, j], weights[s]
        use = (line != 5) & (weight > 0)
        expected = np.rint((line * weight)[use].sum() / weight[use].sum()) if use.any() else 5
        assert abs(int(found[i, s, j]) - expected) <= (0 if beyond != "mean" else 1)


def test_years_in_the_wrong_order_are_refused():
    with pytest.raises(ValidationError, match="years"):
        InputSettings(landsat_years=(2020, 2000))
