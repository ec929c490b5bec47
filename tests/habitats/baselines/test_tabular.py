import numpy as np
import torch
from scipy.sparse import csr_array

from biomap_xr.folds.roles import Roles
from biomap_xr.habitats.assemblages import Assemblages, Samples, ranked
from biomap_xr.habitats.baselines.tabular import TabularClassifier, square_roots

NONE = np.array([], np.int64)


def samples(scale: float) -> Samples:
    """Habitats that differ in how much there is of a species that is first in both."""
    generator = np.random.default_rng(0)
    cover = generator.uniform(0, 5, (200, 4))
    label = np.arange(200) % 2
    cover[:, 0] = np.where(label, 80, 20)
    amounts = csr_array((scale * cover).astype(np.float32))
    species = tuple(f"species {number}" for number in range(4))
    return Samples(Assemblages(ranked(amounts, 4), amounts, species), label, ("R1A", "R22"))


def test_amounts_count_by_their_square_roots() -> None:
    features = square_roots(samples(1.0).assemblages)
    assert features.shape == (200, 4)
    assert features[0, 0] == torch.tensor(20.0).sqrt()


def test_it_learns_from_amounts_whatever_their_scale() -> None:
    rows = np.arange(200)
    roles = Roles(rows[:150], NONE, NONE, rows[150:], NONE)
    for scale in (1.0, 0.01):
        given = samples(scale)
        probability = (
            TabularClassifier()
            .fit(given, roles)
            .predict_proba(given.assemblages.select(rows[150:]))
        )
        assert (probability.argmax(axis=1) == given.label[150:]).mean() > 0.95
        np.testing.assert_allclose(probability.sum(axis=1), 1, rtol=1e-5)


def test_one_seed_gives_one_network() -> None:
    given, rows = samples(1.0), np.arange(200)
    roles = Roles(rows, NONE, NONE, NONE, NONE)
    short = TabularClassifier(epochs=2)
    one, two = (short.fit(given, roles).predict_proba(given.assemblages) for _ in range(2))
    other = TabularClassifier(epochs=2, seed=1).fit(given, roles).predict_proba(given.assemblages)
    assert (one == two).all()
    assert (one != other).any()
