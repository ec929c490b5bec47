import re

import numpy as np
import pytest

from biomap_xr.virtual.names import gbif_keys, species_ids, species_names


@pytest.mark.parametrize("count", [1, 640, 11_255])
def test_names_are_unique_and_well_formed(count: int) -> None:
    names = species_names(4, count)
    assert len(set(names)) == count
    assert all(re.fullmatch(r"[A-Z][a-z]+ [a-z]+", name) for name in names)


def test_ids_are_unique_ascending_and_have_gaps() -> None:
    ids = species_ids(4, 640)
    assert (np.diff(ids) > 0).all()
    assert ids[-1] > 640


def test_keys_are_unique_and_have_seven_digits() -> None:
    keys = gbif_keys(4, 640)
    assert len(np.unique(keys)) == 640
    assert {len(str(key)) for key in keys} == {7}


def test_seeds_make_other_species() -> None:
    assert species_names(1, 50) != species_names(2, 50)
    assert species_names(1, 50) == species_names(1, 50)
