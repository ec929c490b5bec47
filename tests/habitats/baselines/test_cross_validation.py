import numpy as np
import pytest
from scipy.sparse import csr_array

from biomap_xr.errors import InputError
from biomap_xr.folds.roles import Roles
from biomap_xr.habitats.assemblages import Assemblages, Samples
from biomap_xr.habitats.baselines.cross_validation import (
    fold_roles,
    out_of_fold,
    out_of_fold_all,
)

AMOUNTS = csr_array(np.arange(1, 31, dtype=np.float32)[:, None])
ASSEMBLAGES = Assemblages(np.zeros((30, 1), np.int32), AMOUNTS, ("poa annua",))
SAMPLES = Samples(ASSEMBLAGES, np.arange(30) % 2, ("R1A", "R22"))
BLOCKS = np.arange(30) // 3
FOLDS = np.where(BLOCKS == 9, -1, BLOCKS % 3)


class Memory:
    """Remembers which amounts it has seen, and says so for each that it judges."""

    name = "memory"

    def fit(self, samples: Samples, roles: Roles) -> "Memory":
        rows = np.concatenate([roles.train, roles.validation])
        self.seen = set(samples.assemblages.amounts.toarray()[rows, 0])
        return self

    def predict_proba(self, assemblages: Assemblages) -> np.ndarray:
        known = [amount in self.seen for amount in assemblages.amounts.toarray()[:, 0]]
        return np.stack([known, np.logical_not(known)], axis=1).astype(np.float32)


def test_nobody_judges_what_it_has_seen() -> None:
    probability = out_of_fold(Memory(), SAMPLES, FOLDS, BLOCKS)
    assert (probability[FOLDS >= 0, 0] == 0).all()
    assert np.isnan(probability[FOLDS < 0]).all()
    assert list(out_of_fold_all([Memory()], SAMPLES, FOLDS)) == ["memory"]


def test_whole_blocks_validate() -> None:
    roles = fold_roles(FOLDS, 1, BLOCKS, validation=0.3)
    assert sorted(np.concatenate([*roles.indices().values()])) == list(range(30))
    assert not set(BLOCKS[roles.train]) & set(BLOCKS[roles.validation])
    assert len(set(BLOCKS[roles.validation])) == 2
    assert (roles.test == np.flatnonzero(FOLDS == 1)).all()
    assert 29 in np.concatenate([roles.train, roles.validation])


def test_progress_is_told() -> None:
    told: list[tuple[str, int, int]] = []
    out_of_fold(Memory(), SAMPLES, FOLDS, progress=lambda *where: told.append(where))
    assert told == [("memory", 0, 3), ("memory", 1, 3), ("memory", 2, 3)]


def test_folds_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="30 samples are in folds \\[0\\], expected 30 in 2 folds"):
        out_of_fold(Memory(), SAMPLES, np.zeros(30, int))
    with pytest.raises(InputError, match="3 samples are in folds"):
        out_of_fold(Memory(), SAMPLES, np.array([0, 1, 2]))
