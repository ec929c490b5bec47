import numpy as np
from scipy.sparse import csr_array

from biomap_xr.folds.roles import Roles
from biomap_xr.habitats.assemblages import Assemblages, Samples, ranked
from biomap_xr.habitats.baselines.linear import LinearClassifier, reciprocal_ranks

NONE = np.array([], np.int64)


def samples() -> Samples:
    """Habitats that differ in which of two species comes first, not in which are there."""
    generator = np.random.default_rng(0)
    cover = generator.uniform(1, 10, (80, 5))
    label = np.arange(80) % 2
    cover[np.arange(80), label] = 50
    amounts = csr_array(cover.astype(np.float32))
    species = tuple(f"species {number}" for number in range(5))
    return Samples(Assemblages(ranked(amounts, 5), amounts, species), label, ("R1A", "R22", "T17"))


def test_ranks_count_by_their_reciprocals() -> None:
    sentences = np.array([[3, 1, 0], [2, -1, -1]])
    expected = [[1 / 3, 1 / 2, 0, 1], [0, 0, 1, 0]]
    np.testing.assert_allclose(reciprocal_ranks(sentences, 4).toarray(), expected, rtol=1e-6)


def test_it_learns_from_ranks_and_knows_no_habitat_that_it_never_saw() -> None:
    given = samples()
    rows = np.arange(80)
    fitted = LinearClassifier().fit(given, Roles(rows[:60], NONE, NONE, rows[60:], NONE))
    probability = fitted.predict_proba(given.assemblages.select(rows[60:]))
    assert (probability.argmax(axis=1) == given.label[60:]).all()
    np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-5)
    assert (probability[:, 2] == 0).all()
