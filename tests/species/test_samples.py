import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from biomap_xr.errors import InputError
from biomap_xr.folds.roles import Roles
from biomap_xr.species.samples import Samples, SpeciesTable, batches, read

PRESENCE = csr_array(np.array([[1, 0], [1, 1], [0, 0], [1, 0], [0, 1]], np.uint8))
TABLE = SpeciesTable((4, 9), ("a", "b"))
ROLES = Roles(np.array([0, 1, 2]), np.array([3]))


def _samples(**changes) -> Samples:
    values = {
        "inputs": {"predictors": np.arange(5.0, dtype=np.float32)[:, None]},
        "presence": PRESENCE,
        "roles": ROLES,
        "species": TABLE,
    }
    return Samples(**{**values, **changes})


def test_prevalence_is_of_training_sites_and_never_0_or_1() -> None:
    np.testing.assert_allclose(_samples().prevalence(), [2.5 / 4, 1.5 / 4])


def test_labels_and_inputs_keep_the_asked_order(tmp_path) -> None:
    np.save(tmp_path / "x.npy", np.arange(5, dtype=np.uint16)[:, None])
    inputs = {"predictors": np.load(tmp_path / "x.npy", mmap_mode="r")}
    indices = np.array([4, 1])
    assert read(inputs, indices)["predictors"].flatten().to(torch.int64).tolist() == [4, 1]
    assert _samples().labels(indices).tolist() == [[0, 1], [1, 1]]


@given(count=st.integers(2, 60), size=st.integers(2, 20))
def test_batches_hold_each_site_once_and_never_one_alone(count: int, size: int) -> None:
    parts = list(batches(np.arange(count), size))
    assert np.concatenate(parts).tolist() == list(range(count))
    assert all(2 <= len(part) <= size + 1 for part in parts)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": {"predictors": np.zeros((4, 1))}}, "'predictors': 4"),
        ({"species": SpeciesTable((4,), ("a",))}, "2 species, the table has 1 ids"),
        ({"roles": Roles(np.array([0]), np.array([], int))}, "0 sites have the role 'validation'"),
        (
            {"roles": Roles(np.array([0, 9]), np.array([1]))},
            r"'train' has index 9, expected 0\.\.4",
        ),
        (
            {"roles": Roles(np.array([0, 1]), np.array([1]))},
            r"1 sites train and validate \(first 1\)",
        ),
    ],
)
def test_samples_that_contradict_themselves_are_refused(changes, message) -> None:
    with pytest.raises(InputError, match=message):
        _samples(**changes)
