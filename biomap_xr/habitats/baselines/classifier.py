"""What every classifier of species assemblages can do, so that they compare on equal terms."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.folds.roles import Roles
from biomap_xr.habitats.assemblages import Assemblages, Samples


class Fitted(Protocol):
    """A classifier that has learned."""

    def predict_proba(self, assemblages: Assemblages) -> NDArray[np.float32]:
        """Return the probability ``(n, habitat)`` of the samples' habitats; rows sum to 1."""
        ...


class Classifier(Protocol):
    """A classifier that can learn, under a name that reports print."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    def fit(self, samples: Samples, roles: Roles) -> Fitted:
        """Learn from the rows of role ``train``; stop by those of ``validation`` if any."""
        ...


def require_labelled(samples: Samples, rows: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the rows with a habitat, of which there must be two kinds at least.

    Args:
        samples: To learn from.
        rows: Of the role ``train``.

    Raises:
        InputError: Fewer than two habitats occur.
    """
    labelled = samples.labelled(rows)
    kinds = np.unique(samples.label[labelled])
    if len(kinds) < 2:
        raise InputError(
            f"{len(rows)} training plots have {len(labelled)} labels of {len(kinds)} habitats; "
            "expected 2 habitats at least: check labels and folds"
        )
    return labelled
