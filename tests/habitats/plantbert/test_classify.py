from dataclasses import dataclass, field

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_model import HABITATS, tiny_model

from biomap_xr.errors import InputError
from biomap_xr.habitats import eunis
from biomap_xr.habitats.plantbert import classify as module
from biomap_xr.habitats.plantbert.classify import (
    Classified,
    classify,
    distinct_sentences,
    map_habitats,
)
from biomap_xr.habitats.plantbert.fast import FastClassifier, Reading

CODES = ("MA221", "N1A", "R1A", "R22", "R23", "S35", "T17")


@dataclass
class Scripted:
    """Answers with logits that follow from the species, and remembers what it was asked."""

    asked: list = field(default_factory=list)

    def read(self, sentences):
        self.asked.append(sentences)
        logits = (sentences[:, :1] * np.arange(7) % 5).astype(np.float32)
        return Reading(logits, 2)


rows = st.lists(
    st.sampled_from([(0, 1, 2), (2, 1, 0), (1, -1, -1), (-1, -1, -1), (0, 1, -1)]), max_size=30
)


@settings(deadline=None)
@given(rows)
def test_distinct_sentences_spell_all_sentences(drawn):
    sentences = np.array(drawn, np.int32).reshape(-1, 3)
    found = distinct_sentences(sentences)
    assert len(np.unique(found.sentences, axis=0)) == len(found.sentences)
    there = found.place >= 0
    np.testing.assert_array_equal(found.sentences[found.place[there]], sentences[there])
    assert (sentences[~there] == -1).all()
    assert found.empty == drawn.count((-1, -1, -1))


def test_sentences_that_share_a_mark_are_told_apart(monkeypatch):
    monkeypatch.setattr(module, "_marks", lambda rows: np.zeros(len(rows), np.uint64))
    sentences = np.array([[4, 2], [1, -1], [4, 2]])
    found = distinct_sentences(sentences)
    np.testing.assert_array_equal(found.sentences[found.place], sentences)
    assert len(found.sentences) == 2


def test_marks_of_many_sentences_differ():
    sentences = np.random.default_rng(0).integers(-1, 12_000, (20_000, 5), np.int32)
    assert len(np.unique(module._marks(sentences))) == len(np.unique(sentences, axis=0))


def test_equal_sentences_are_read_once_and_empty_ones_never():
    reader = Scripted()
    sentences = np.array([[3, 1], [-1, -1], [2, -1], [3, 1]])
    classified = classify(reader, sentences)
    assert reader.asked[0].tolist() == [[3, 1], [2, -1]]
    assert (classified.empty, classified.repeated) == (1, 2)
    expected = scipy.special.softmax(sentences[:, :1] * np.arange(7) % 5, axis=1)
    expected[1] = np.nan
    np.testing.assert_allclose(classified.probability, expected, rtol=1e-6)
    assert distinct_sentences(sentences).share == pytest.approx(2 / 3)


def test_a_real_classifier_sees_them_in_its_own_order():
    model = tiny_model()
    fast = FastClassifier.of(model.network, model.tokens, precision="float32")
    sentences = np.array([[3, 1, -1], [2, -1, -1], [5, 4, 0], [3, 1, -1]])
    found = classify(fast, sentences).probability
    np.testing.assert_allclose(found, model.predict_proba(sentences), rtol=1e-5, atol=1e-6)
    assert map_habitats(classify(fast, sentences), HABITATS).habitat.shape == (3, 4)


def drawn_probabilities(count=300):
    generator = np.random.default_rng(1)
    return generator.dirichlet(np.full(7, 0.3), count).astype(np.float32)


def test_ranks_and_levels_are_those_of_the_whole_array():
    probability = drawn_probabilities()
    place = np.random.default_rng(2).permutation(300)
    maps = map_habitats(
        Classified(probability, place, 0), CODES, probabilities=True, levels="summed"
    )
    cells = probability[place]
    order = np.argsort(-cells, axis=1, kind="stable")[:, :3]
    numbers = np.array([eunis.number_of(code) for code in CODES])
    np.testing.assert_array_equal(maps.habitat, numbers[order].T)
    percent = np.rint(100 * cells)
    np.testing.assert_array_equal(maps.confidence, np.take_along_axis(percent, order, axis=1).T)
    np.testing.assert_array_equal(maps.probability, percent.T)
    for level, found, sure in (
        (1, maps.level1, maps.level1_confidence),
        (2, maps.level2, maps.level2_confidence),
    ):
        classes, summed = eunis.roll_up(cells.T, CODES, level)
        expected = [eunis.number_of(classes[index]) for index in summed.argmax(axis=0)]
        np.testing.assert_array_equal(found, expected)
        np.testing.assert_allclose(sure, 100 * summed.max(axis=0), atol=0.51)


def test_levels_are_the_parents_of_the_named_habitat():
    probability = drawn_probabilities()
    maps = map_habitats(Classified(probability, np.arange(300), 0), CODES)
    other = map_habitats(Classified(probability, np.arange(300), 0), CODES, levels="summed")
    assert (maps.level1 != other.level1).any(), "no case in which the rules differ"
    named = [CODES[index] for index in probability.argmax(axis=1)]
    for level, found, sure in (
        (1, maps.level1, maps.level1_confidence),
        (2, maps.level2, maps.level2_confidence),
    ):
        parents = [eunis.at_level(code, level) for code in named]
        assert found.tolist() == [eunis.number_of(parent) for parent in parents]
        classes, summed = eunis.roll_up(probability.T, CODES, level)
        own = summed[[classes.index(parent) for parent in parents], np.arange(300)]
        np.testing.assert_allclose(sure, 100 * own, atol=0.51)
    assert (maps.level1_confidence >= maps.level2_confidence).all()
    assert (maps.level2_confidence >= maps.confidence[0]).all()


@pytest.mark.parametrize(
    ("levels", "numbers", "percent"),
    [("inferred", (7000, 7100), (40, 40)), ("summed", (5000, 5200), (60, 60))],
)
def test_two_grasslands_that_are_together_more_probable_than_the_forest(levels, numbers, percent):
    classified = Classified(np.float32([[0.4, 0.3, 0.3]]), np.array([0]), 0)
    maps = map_habitats(classified, ("T17", "R22", "R23"), levels=levels)
    assert maps.habitat[:, 0].tolist() == [7107, 5202, 5203]
    assert (maps.level1[0], maps.level2[0]) == numbers
    assert (maps.level1_confidence[0], maps.level2_confidence[0]) == percent
    assert maps.confidence[:, 0].tolist() == [40, 30, 30]
    assert maps.probability is None


def test_fewer_habitats_than_ranks_leave_fills():
    classified = Classified(np.float32([[0.25, 0.75]]), np.array([0]), 0)
    maps = map_habitats(classified, ("R22", "T17"))
    assert maps.habitat[:, 0].tolist() == [7107, 5202, 65535]
    assert maps.confidence[:, 0].tolist() == [75, 25, 255]


def test_cells_without_species_and_cells_that_are_not_valid_are_fills():
    classified = Classified(np.float32([[0.1, 0.2, 0.7]]), np.array([0, -1]), 0)
    maps = map_habitats(classified, ("R22", "R23", "T17"), probabilities=True)
    valid = np.array([[False, True], [True, False]])
    tile = maps.on_tile(valid)
    assert tile["habitat"][0].tolist() == [[65535, 7107], [65535, 65535]]
    assert tile["confidence"][:, 0, 1].tolist() == [70, 20, 10]
    assert tile["level1"].tolist() == [[65535, 7000], [65535, 65535]]
    assert tile["level1_confidence"].tolist() == [[255, 70], [255, 255]]
    assert tile["probability"][:, 0, 1].tolist() == [10, 20, 70]
    assert tile["probability"][2].tolist() == [[255, 70], [255, 255]]
    assert {name: str(values.dtype) for name, values in tile.items()} == {
        "habitat": "uint16",
        "confidence": "uint8",
        "level2": "uint16",
        "level2_confidence": "uint8",
        "level1": "uint16",
        "level1_confidence": "uint8",
        "probability": "uint8",
    }


def test_a_tile_without_cells():
    classified = classify(Scripted(), np.full((0, 3), -1, np.int32))
    tile = map_habitats(classified, CODES).on_tile(np.zeros((2, 2), bool))
    assert (tile["habitat"] == 65535).all()
    assert distinct_sentences(np.full((0, 3), -1)).share == 0


def test_other_codes_than_habitats_are_refused():
    with pytest.raises(InputError, match="2 codes for probabilities of 3 habitats"):
        map_habitats(Classified(np.ones((1, 3), np.float32) / 3, np.array([0]), 0), ("R22", "T17"))


def test_other_cells_than_valid_ones_are_refused():
    maps = map_habitats(Classified(np.float32([[1]]), np.array([0, 0]), 0), ("R22",))
    with pytest.raises(InputError, match="2 cells for a tile with 1 valid ones"):
        maps.on_tile(np.array([[True, False]]))
