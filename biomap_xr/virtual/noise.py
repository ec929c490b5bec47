"""Random numbers that belong to a place: no value depends on how a map is cut."""

import hashlib

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtri

Hashes = NDArray[np.uint64]

# Constants of the SplitMix64 finaliser (Steele, Lea and Flood 2014).
GOLDEN, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
ROW = 0xD6E8FEB86659FD93
MASK = (1 << 64) - 1


def salt_of(seed: int, *names: object) -> int:
    """Return 64 bits that stand for a seed and a purpose.

    >>> salt_of(0, "openness") == salt_of(0, "openness"), salt_of(0, "a") == salt_of(1, "a")
    (True, False)
    """
    text = "/".join(map(str, (seed, *names)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def generator_of(seed: int, name: str) -> np.random.Generator:
    """Return the random generator of one purpose, for what has no place on the map."""
    return np.random.default_rng(salt_of(seed, name))


def mixed(values: Hashes) -> Hashes:
    """Scramble 64-bit numbers of any shape: the SplitMix64 finaliser."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(FIRST)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(SECOND)
    return values ^ (values >> np.uint64(31))


def hashes_of(salt: int, row: NDArray[np.int64], column: NDArray[np.int64]) -> Hashes:
    """Return one hash a place; ``row`` and ``column`` are broadcast against each other."""
    base = mixed(np.asarray(row).astype(np.uint64) * np.uint64(ROW) + np.uint64(salt))
    return mixed(base + np.asarray(column).astype(np.uint64) * np.uint64(GOLDEN))


def uniforms(hashes: Hashes) -> NDArray[np.float64]:
    """Turn hashes of any shape into uniform numbers strictly between 0 and 1."""
    return ((hashes >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def normals(hashes: Hashes) -> NDArray[np.float64]:
    """Turn hashes of any shape into standard normal numbers."""
    return np.asarray(ndtri(uniforms(hashes)))


def _mix(value: np.uint64) -> np.uint64:
    """Scramble one 64-bit number: `mixed` for compiled loops."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(FIRST)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(SECOND)
    return value ^ (value >> np.uint64(31))


mix = njit(inline="always", cache=True)(_mix)
