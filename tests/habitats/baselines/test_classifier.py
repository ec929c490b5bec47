import numpy as np
import pytest
from scipy.sparse import csr_array

from biomap_xr.errors import InputError
from biomap_xr.habitats.assemblages import Assemblages, Samples
from biomap_xr.habitats.baselines.classifier import require_labelled

ASSEMBLAGES = Assemblages(np.zeros((4, 1), np.int32), csr_array(np.ones((4, 1))), ("poa annua",))


def test_only_labelled_rows_are_given() -> None:
    samples = Samples(ASSEMBLAGES, np.array([0, -1, 1, 1]), ("R1A", "R22"))
    assert require_labelled(samples, np.array([2, 1, 0])).tolist() == [0, 2]


def test_one_habitat_is_too_few() -> None:
    samples = Samples(ASSEMBLAGES, np.array([0, -1, 1, 1]), ("R1A", "R22"))
    with pytest.raises(InputError, match="3 training plots have 2 labels of 1 habitats"):
        require_labelled(samples, np.array([1, 2, 3]))
