import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array, random_array

from biomap_xr.errors import InputError
from biomap_xr.habitats.assemblages import (
    Assemblages,
    of_plots,
    ranked,
    samples_of,
)
from biomap_xr.observations.plots import Plots

SPECIES = ("agrostis capillaris", "festuca rubra", "poa annua")


def plots(cover: list[list[float]]) -> Plots:
    number = len(cover)
    return Plots(
        plot_id=np.array([f"P{index}" for index in range(number)], object),
        cover=csr_array(np.array(cover, np.float32)),
        species=SPECIES,
        labels=((),) * number,
        longitude=np.zeros(number),
        latitude=np.zeros(number),
        site=np.array(["S"] * number, object),
        header=pd.DataFrame(index=range(number)),
    )


@given(seed=st.integers(0, 99), k=st.integers(1, 12))
def test_ranks_are_those_of_a_plain_sort(seed: int, k: int) -> None:
    generator = np.random.default_rng(seed)
    dense = np.round(random_array((6, 9), density=0.4, rng=generator).toarray(), 1)
    for row, sentence in zip(dense, ranked(csr_array(dense), k), strict=True):
        names = sorted(np.flatnonzero(row), key=lambda index: (-row[index], index))[:k]
        assert sentence.tolist() == [int(name) for name in names] + [-1] * (k - len(names))


def test_plots_are_ranked_by_cover() -> None:
    made = of_plots(plots([[5, 0, 80], [1, 1, 1]]), 2)
    assert made.sentences.tolist() == [[2, 0], [0, 1]]
    assert made.amounts.toarray().tolist() == [[5, 0, 80], [1, 1, 1]]
    assert len(made.select(np.array([True, False]))) == 1


def test_a_plot_without_species_is_named() -> None:
    with pytest.raises(InputError, match=r"1 of 2 plots have no species: \['P1'\]"):
        of_plots(plots([[5, 0, 80], [0, 0, 0]]), 2)


def test_another_table_leaves_out_what_it_lacks_and_says_so() -> None:
    made = of_plots(plots([[5, 20, 80], [1, 0, 3]]), 2)
    found, unknown = made.in_table(("rosa canina", "festuca rubra", "agrostis capillaris"))
    assert found.sentences.tolist() == [[1, 2], [2, -1]]
    assert found.amounts.toarray().tolist() == [[0, 20, 5], [0, 0, 1]]
    assert unknown.counts == {"poa annua": 2}


def test_only_a_single_code_of_level_3_is_a_label() -> None:
    made = of_plots(plots([[1, 1, 1]] * 6), 3)
    labels = [("R22",), ("R",), (), ("R22", "R1A"), ("T17", "T"), ("R22!", "R22")]
    samples = samples_of(made, labels)
    assert samples.habitats == ("R22", "T17")
    assert samples.label.tolist() == [0, -1, -1, -1, 1, 0]
    assert samples.labelled(np.array([5, 4, 1])).tolist() == [4, 5]
    assert samples_of(made, labels, ["T17", "R1A"]).label.tolist() == [-1, -1, -1, -1, 1, -1]


def test_labels_that_do_not_fit_are_refused() -> None:
    made = of_plots(plots([[1, 1, 1]]), 3)
    with pytest.raises(InputError, match="2 labels for 1 assemblages"):
        samples_of(made, [("R22",), ("R22",)])
    with pytest.raises(InputError, match="'X9' is not in the hierarchy"):
        samples_of(made, [("X9",)])


def test_equal_samples_have_equal_fingerprints() -> None:
    made = of_plots(plots([[5, 20, 80], [1, 0, 3]]), 2)
    one, same = samples_of(made, [("R22",), ()]), samples_of(made, [("R22",), ("R",)])
    other = samples_of(made, [("R22",), ("R1A",)])
    renamed = Assemblages(made.sentences, made.amounts, ("a b", *SPECIES[1:]))
    assert one.fingerprint() == same.fingerprint()
    assert len({s.fingerprint() for s in (one, other, samples_of(renamed, [("R22",), ()]))}) == 3
