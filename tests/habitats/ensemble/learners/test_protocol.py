import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.learners.protocol import FAMILIES, ONE_THREAD, Rows


def test_every_algorithm_has_a_family():
    assert set(FAMILIES.values()) == {"bagging", "boosting", "perceptron"}


def test_one_thread_unless_said_otherwise():
    assert (ONE_THREAD.threads, ONE_THREAD.seed, ONE_THREAD.device) == (1, 0, "cpu")


def test_rows_are_selected_together():
    rows = Rows(np.arange(6, dtype=np.float32).reshape(3, 2), np.array(["R11", "R12", "R13"]))
    chosen = rows.select(np.array([True, False, True]))
    assert len(chosen) == 2
    assert chosen.values.tolist() == [[0, 1], [4, 5]]
    assert chosen.codes.tolist() == ["R11", "R13"]


@pytest.mark.parametrize("shape", [(3,), (2, 2)])
def test_codes_that_are_not_one_a_row_are_refused(shape):
    with pytest.raises(InputError, match=r"predictors of shape .* expected \(row, feature\)"):
        Rows(np.zeros(shape, np.float32), np.array(["R11", "R12", "R13"]))
