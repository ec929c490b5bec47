"""Sites with their raw inputs and species: what training and calibration read, batch by batch."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor

from biomap_xr.errors import InputError
from biomap_xr.folds.roles import Roles
from biomap_xr.species.settings import Modality

_READ_AT_ONCE = 256
"""Sites of a memory map that are read to fingerprint it."""


@dataclass(frozen=True)
class SpeciesTable:
    """Species in the order of the presence matrix's columns."""

    ids: tuple[int, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Samples:
    """Sites x species with raw inputs, checked when made."""

    inputs: Mapping[Modality, NDArray[Any]]
    """Raw values (n, ...) by modality, arrays or memory maps."""
    presence: csr_array
    """``(n, species)``, 1 present, 0 absent."""
    roles: Roles
    """Who trains, and who decides when to stop; other roles play no part."""
    species: SpeciesTable

    def __post_init__(self) -> None:
        sites, species = self.presence.shape
        sizes = {name: len(values) for name, values in self.inputs.items()}
        if any(size != sites for size in sizes.values()):
            raise InputError(
                f"samples: inputs have {sizes} sites, the presence matrix has {sites}; cut the "
                "inputs at the sites of the matrix, in its order"
            )
        if species != len(self.species.ids) or species != len(self.species.names):
            raise InputError(
                f"samples: the presence matrix has {species} species, the table has "
                f"{len(self.species.ids)} ids and {len(self.species.names)} names; expected one "
                "each per column; take both from the same sites"
            )
        self._check_roles(sites)

    def _check_roles(self, sites: int) -> None:
        train, validation = self.roles.train, self.roles.validation
        for role, indices in (("train", train), ("validation", validation)):
            if len(indices) == 0:
                raise InputError(
                    f"samples: 0 sites have the role {role!r}, expected at least 1; give this role "
                    "more blocks"
                )
            if indices.min() < 0 or indices.max() >= sites:
                raise InputError(
                    f"samples: role {role!r} has index {indices.max()}, expected 0..{sites - 1}; "
                    "take roles and samples from the same sites"
                )
        shared = np.intersect1d(train, validation)
        if len(shared):
            raise InputError(
                f"samples: {len(shared)} sites train and validate (first {shared[0]}), expected "
                "none; give each site one role"
            )

    def only(self, modalities: Sequence[Modality]) -> Self:
        """Keep some modalities."""
        return replace(self, inputs={name: self.inputs[name] for name in modalities})

    def fingerprint(self) -> str:
        """Return the SHA-256 of inputs, presences, roles and species, read a part at a time."""
        found = hashlib.sha256(repr(self.species).encode())
        for name in sorted(self.inputs):
            values = self.inputs[name]
            found.update(f"{name} {values.shape} {values.dtype}".encode())
            for start in range(0, len(values), _READ_AT_ONCE):
                found.update(values[start : start + _READ_AT_ONCE].tobytes())
        for array in (
            self.presence.indptr.astype(np.int64),
            self.presence.indices.astype(np.int64),
            self.roles.train,
            self.roles.validation,
        ):
            found.update(f"{array.shape}".encode() + array.tobytes())
        return found.hexdigest()

    def labels(self, indices: NDArray[np.int64]) -> Tensor:
        """Give presences as a dense float32 tensor ``(sites, species)``."""
        return torch.from_numpy(self.presence[indices].toarray().astype(np.float32))

    def prevalence(self) -> NDArray[np.float64]:
        """Give each species' share of the training sites, kept off 0 and 1 by half a presence."""
        count = np.asarray(self.presence[self.roles.train].sum(axis=0), np.float64).ravel()
        return (count + 0.5) / (len(self.roles.train) + 1.0)


def read(inputs: Mapping[Modality, NDArray[Any]], indices: NDArray[np.int64]) -> dict[str, Tensor]:
    """Read some sites of every modality into memory.

    Args:
        inputs: Raw values (n, ...) by modality, arrays or memory maps.
        indices: Sites, in any order.

    Returns:
        Raw tensors (sites, ...) in the order of ``indices``.
    """
    return {
        name: torch.from_numpy(np.ascontiguousarray(values[indices]))
        for name, values in inputs.items()
    }


def batches(indices: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    """Cut indices into runs of equal size; a last run of a single site joins the one before.

    Batch normalisation needs at least two sites.

    >>> [len(batch) for batch in batches(np.arange(9), 4)]
    [4, 5]
    """
    starts = list(range(0, len(indices), size))
    if len(starts) > 1 and len(indices) - starts[-1] == 1:
        starts.pop()
    for start, stop in zip(starts, [*starts[1:], len(indices)], strict=True):
        yield indices[start:stop]
