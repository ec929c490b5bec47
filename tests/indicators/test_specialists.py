"""Specialists: the definition by hand, any cutting of the sample, and the frozen file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.grid import Cells
from biomap_xr.indicators.settings import SpecialistSettings
from biomap_xr.indicators.specialists import Prevalence, Specialists, sample_cells, sample_tiles
from biomap_xr.virtual import VirtualSettings
from biomap_xr.virtual.truth import Truth

# One cell's species, a widespread one, one never present, one rare but not rare enough.
PROBABILITY = np.array(
    [
        [0.9, 0.0, 0.01, 0.0, 0.0],
        [0.9, 0.8, 0.9, 0.7, 0.9],
        [0.1, 0.0, 0.0, 0.0, 0.0],
        [0.8, 0.2, 0.0, 0.0, 0.0],
    ]
)
# The mean over species of the mean elsewhere is .2194: below .0219 it is very low.
RARITY = SpecialistSettings(rarity=0.1)


def freeze(probability: np.ndarray = PROBABILITY) -> Specialists:
    return Specialists.freeze(
        Prevalence.of(probability),
        [5, 6, 7, 8],
        np.full(4, 0.5),
        ["25kmE4000N2800"],
        RARITY,
    )


def test_the_definition_by_hand() -> None:
    found = freeze()
    np.testing.assert_allclose(found.table["elsewhere"], [0.0025, 0.825, 0.0, 0.05], atol=1e-7)
    assert found.table["specialist"].tolist() == [True, False, False, False]
    assert found.species_id.tolist() == [5]


def test_rarity_does_not_depend_on_how_probable_species_are_on_the_whole() -> None:
    fainter = Specialists.freeze(
        Prevalence.of(PROBABILITY / 50), [5, 6, 7, 8], np.full(4, 0.01), ["a"], RARITY
    )
    assert fainter.species_id.tolist() == freeze().species_id.tolist() == [5]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_at_most_a_tenth_of_a_simulated_europes_species_are_specialists(seed: int) -> None:
    """By the true probabilities, every 2.5 km, whatever the threshold of presence."""
    truth = Truth.of(VirtualSettings(seed=seed, species=320), Path("none"))
    row, column = np.mgrid[25:1000:50, 25:1000:50].reshape(2, -1)
    probability = truth.probability_at(Cells(row, column)).T
    land = probability.any(axis=0)
    found = Specialists.freeze(
        Prevalence.of(probability[:, land]),
        truth.species_id,
        np.zeros(320),
        ["a"],
        SpecialistSettings(),
    )
    assert 0 < len(found.species_id) <= 32


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 20), max_size=4))
def test_any_cutting_of_the_sample_gives_the_same(seed: int, cuts: list[int]) -> None:
    probability = np.random.default_rng(seed).random((3, 20))
    total = Prevalence.zero(3)
    for part in np.split(probability, sorted(cuts), axis=1):
        total = total + Prevalence.of(part)
    whole = Prevalence.of(probability)
    assert total.cells == 20
    np.testing.assert_allclose(total.elsewhere(), whole.elsewhere())
    np.testing.assert_array_equal(total.highest, whole.highest)


def test_one_cell_says_nothing_of_elsewhere() -> None:
    assert Prevalence.of(np.array([[0.9]])).elsewhere().tolist() == [1.0]
    assert Prevalence.zero(1).elsewhere().tolist() == [1.0]


def test_a_species_without_a_threshold_is_no_specialist() -> None:
    thresholds = np.array([np.nan, 0.5, 0.5, 0.5])
    found = Specialists.freeze(Prevalence.of(PROBABILITY), [5, 6, 7, 8], thresholds, ["a"], RARITY)
    assert not found.table["specialist"].any()


def test_the_frozen_set_survives_the_file(tmp_path: Path) -> None:
    path = tmp_path / "specialists.json"
    frozen = freeze()
    frozen.table.loc[2, "threshold"] = np.nan
    frozen.write(path)
    again = Specialists.read(path)
    assert again.table.equals(frozen.table)
    assert again.tiles == ("25kmE4000N2800",)
    assert again.cells == 5
    assert again.settings == RARITY
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ["", "{}", '{"species": 1}', "[]"])
def test_a_broken_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "specialists.json"
    path.write_text(content)
    with pytest.raises(InputError, match="no frozen set of specialists"):
        Specialists.read(path)


def test_an_empty_sample_is_refused() -> None:
    with pytest.raises(InputError, match="has no valid cell"):
        freeze(np.zeros((4, 0)))


def test_tables_of_other_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="sample has 2 species, but there are 4 ids"):
        freeze(PROBABILITY[:2])


def test_the_draw_of_tiles_is_stable_and_grows() -> None:
    names = [f"25kmE{column}N2800" for column in range(4000, 5000, 25)]
    few = sample_tiles(names, SpecialistSettings(tiles=4))
    many = sample_tiles(names[::-1], SpecialistSettings(tiles=8))
    assert many[:4] == few
    assert sample_tiles(names, SpecialistSettings(tiles=4, seed=1)) != few
    assert set(sample_tiles(names[:3], SpecialistSettings())) == set(names[:3])


def test_cells_of_the_sample_are_valid_ones_on_a_stride() -> None:
    valid = np.ones((20, 30), dtype=bool)
    valid[5, 5] = False
    chosen = sample_cells(valid, SpecialistSettings(stride=10))
    assert chosen.sum() == 5
    assert not chosen[5, 5]
    assert chosen[15, 25]
