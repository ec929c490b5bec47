from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import bernoulli
from sklearn.naive_bayes import BernoulliNB

from biomap_xr.errors import InputError
from biomap_xr.virtual import (
    Reference,
    Simulated,
    best_from_presence,
    best_from_ranking,
    naive_from_presence,
    open_truth,
    rule_from_ranking,
)


@pytest.fixture(scope="module")
def reference(simulated: Simulated) -> Reference:
    return open_truth(simulated.truth).reference()


@pytest.fixture
def tiny() -> Reference:
    """Three cells of two habitats, two species that plots never overlook."""
    return Reference(
        probability=np.array([[0.9, 0.2], [0.5, 0.4], [0.1, 0.8]], np.float32),
        habitat=np.array([5202, 5202, 7107], np.uint16),
        capture=np.ones(2, np.float32),
        group=np.array([5202, 7107], np.uint16),
        weight=np.array([1.0, 2.0], np.float32),
    )


def test_the_bayes_classifier_of_three_cells(tiny: Reference) -> None:
    found = np.array([[True, False]])
    # 0.9 x 0.8 + 0.5 x 0.6 against 0.1 x 0.2.
    expected = np.array([[1.02, 0.02]]) / 1.04
    np.testing.assert_allclose(best_from_presence(found, tiny), expected, rtol=1e-5)


def test_the_bayes_classifier_is_that_of_scipy(reference: Reference) -> None:
    random = np.random.default_rng(0)
    found = random.random((300, 40)) < 0.15
    likelihood = np.stack(
        [
            bernoulli.logpmf(found[each], reference.chance.astype(float)).sum(axis=1)
            for each in range(3)
        ]
    )
    by_cell = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    expected = np.stack(
        [by_cell[:, reference.habitat == one].sum(axis=1) for one in reference.habitats], axis=1
    )
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(best_from_presence(found, reference)[:3], expected, atol=1e-4)


def test_the_naive_classifier_is_that_of_scikit_learn(reference: Reference) -> None:
    """Trained on weighted rows that have exactly the frequencies of each habitat."""
    sure = replace(reference, probability=(reference.probability > 0.3).astype(np.float32))
    sure = replace(sure, capture=np.ones(40, np.float32))
    model = BernoulliNB(alpha=1e-9, force_alpha=True)
    model.fit(sure.probability, sure.habitat)
    found = sure.probability[::7] == 1
    ours = naive_from_presence(found, sure)
    agreed = reference.habitats[ours.argmax(axis=1)] == model.predict(found)
    assert agreed.mean() > 0.97
    np.testing.assert_allclose(ours.sum(axis=1), 1, rtol=1e-5)


def test_no_plain_reader_beats_the_bayes_classifier(
    simulated: Simulated, reference: Reference
) -> None:
    random = np.random.default_rng(1)
    chosen = random.integers(len(reference.habitat), size=800)
    found = random.random((800, 40)) < reference.chance[chosen]
    right = reference.habitat[chosen]
    accuracy = {
        classifier.__name__: (
            reference.habitats[classifier(found, reference).argmax(axis=1)] == right
        ).mean()
        for classifier in (best_from_presence, naive_from_presence)
    }
    assert accuracy["naive_from_presence"] < accuracy["best_from_presence"] < 1
    assert accuracy["naive_from_presence"] > 1.5 * np.bincount(right).max() / 800


def test_ranks_stand_for_their_mean_chances(tiny: Reference) -> None:
    # Most likely species: 0.9, 0.5, 0.8; the other: 0.2, 0.4, 0.1.
    first, second = (0.9 + 0.5 + 0.8) / 3, (0.2 + 0.4 + 0.1) / 3
    ranked = np.array([[1, 0], [0, -1], [-1, -1]])
    either = (first + second) / 2
    expected = [[second, 2 * first], [first, 2 * second], [either, 2 * either]]
    np.testing.assert_allclose(rule_from_ranking(ranked, tiny), expected, rtol=1e-5)


def test_a_cell_s_own_ranking_tells_its_habitat(tiny: Reference) -> None:
    """Two cells rank the first species first; only the third ranks the second one first."""
    found = best_from_ranking(np.array([[0, 1], [1, 0]]), tiny)
    assert found.argmax(axis=1).tolist() == [0, 1]
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_rankings_are_compared_like_a_kernel_estimate(reference: Reference) -> None:
    """Against distances of SciPy and weights worked out cell by cell."""
    order = np.argsort(-reference.probability, axis=1)[:, :12]
    vectors = np.zeros(reference.probability.shape)
    for row, ranks in enumerate(order):
        vectors[row, ranks] = reference.usual[:12]
    some = vectors[:: max(1, len(vectors) // 256)]
    nearest = np.sort(cdist(some, vectors, "sqeuclidean"), axis=1)[:, 1]
    weight = np.exp(-cdist(vectors[:5], vectors, "sqeuclidean") / (0.6 * np.median(nearest)))
    expected = np.stack(
        [weight[:, reference.habitat == one].sum(axis=1) for one in reference.habitats], axis=1
    )
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(best_from_ranking(order[:5], reference), expected, atol=2e-3)


def test_longer_lists_tell_more(reference: Reference) -> None:
    order = np.argsort(-reference.probability, axis=1)
    right = [
        (
            reference.habitats[best_from_ranking(order[:, :length], reference).argmax(axis=1)]
            == reference.habitat
        ).mean()
        for length in (2, 10, 40)
    ]
    assert right[0] < right[1] <= right[2] + 0.02
    assert right[2] > 0.8


def test_other_species_are_refused(tiny: Reference) -> None:
    with pytest.raises(InputError, match="plots of 3 species, but the truth has 2"):
        best_from_presence(np.zeros((1, 3), bool), tiny)
    with pytest.raises(InputError, match="run from 0 to 2; expected -1"):
        best_from_ranking(np.array([[0, 2]]), tiny)
    with pytest.raises(InputError, match="run from -2 to 1; expected -1"):
        rule_from_ranking(np.array([[-2, 1]]), tiny)
