"""A multinomial linear model on reciprocal ranks: the first species counts 1, the second 1/2.

The "reciprocal rank encoding" of paper 1, section 4, under the plainest of models.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from biomap_xr.folds.roles import Roles
from biomap_xr.habitats.assemblages import Assemblages, Samples
from biomap_xr.habitats.baselines.classifier import require_labelled
from biomap_xr.habitats.sentences import END


@dataclass(frozen=True)
class LinearClassifier:
    """Logistic regression with a penalty on the squares of its weights."""

    name: str = "linear on reciprocal ranks"
    strength: float = 10.0
    """Inverse of the penalty (``C``)."""
    iterations: int = 1000

    def fit(self, samples: Samples, roles: Roles) -> "FittedLinear":
        """Learn from the labelled training rows.

        Raises:
            InputError: Fewer than two habitats occur in them.
        """
        rows = require_labelled(samples, roles.train)
        features = reciprocal_ranks(
            samples.assemblages.sentences[rows], len(samples.assemblages.species)
        )
        model = LogisticRegression(C=self.strength, max_iter=self.iterations)
        return FittedLinear(model.fit(features, samples.label[rows]), len(samples.habitats))


@dataclass(frozen=True, eq=False)
class FittedLinear:
    """Weights of the linear model."""

    model: LogisticRegression
    habitats: int

    def predict_proba(self, assemblages: Assemblages) -> NDArray[np.float32]:
        """Return probabilities ``(n, habitat)``; 0 for habitats that did not occur in training."""
        return self.of_sentences(assemblages.sentences)

    def of_sentences(self, sentences: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return probabilities ``(n, habitat)`` of sentences ``(n, K)``."""
        features = reciprocal_ranks(sentences, self.model.n_features_in_)
        probability = np.zeros((len(sentences), self.habitats), np.float32)
        probability[:, self.model.classes_] = self.model.predict_proba(features)
        return probability


def reciprocal_ranks(sentences: NDArray[np.integer], species: int) -> csr_array:
    """Return 1 over the rank of each species, 0 where it is absent.

    Args:
        sentences: ``(n, K)`` indices of species, -1 behind the last.
        species: How many there are.

    Returns:
        ``(n, species)`` float32, 0 to 1.

    >>> reciprocal_ranks(np.array([[2, 0], [1, -1]]), 3).toarray()
    array([[0.5, 0. , 1. ],
           [0. , 1. , 0. ]], dtype=float32)
    """
    row, place = np.nonzero(sentences != END)
    value = (1 / (place + 1)).astype(np.float32)
    return csr_array((value, (row, sentences[row, place])), shape=(len(sentences), species))
