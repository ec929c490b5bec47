"""Smooth random fields over the whole plane, evaluated where they are asked for.

A field is a sum of octaves. One octave has a standard normal number at every node of a square
lattice (a hash of the node) and joins them by cubic B-splines, scaled so that the value at any
place is standard normal again. It is twice continuously differentiable, has no seams, and costs a
few operations a pixel.
"""

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from biomap_xr.grid import Points
from biomap_xr.virtual.noise import hashes_of, normals, salt_of


@dataclass(frozen=True)
class Lattice:
    """Pixel centres of a raster in metres: x ``(columns,)`` ascending, y ``(rows,)`` either way."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]


Places = Lattice | Points
"""Where a field is asked for: a raster gives values ``(rows, columns)``, points ``(n,)``."""


@dataclass(frozen=True)
class Octave:
    """One standard normal field of a single scale."""

    salt: int
    scale: float
    """Distance between the nodes in metres."""
    weight: float

    def add_to(self, total: NDArray[np.float64], places: Places) -> None:
        """Add the octave times its weight to ``total``, ``(rows, columns)`` or ``(n,)``."""
        columns, rows = _axis(places.x, self.scale), _axis(places.y, self.scale)
        if isinstance(places, Points):
            near = np.arange(4)
            y, x = rows.first[:, None] + near, columns.first[:, None] + near
            nodes = normals(hashes_of(self.salt, y[:, :, None], x[:, None, :]))
            total += self.weight * _folded(
                _folded(nodes, rows.weights[:, :, None]), columns.weights
            )
            return
        top, left = rows.first.min(), columns.first.min()
        y, x = np.arange(top, rows.first.max() + 4), np.arange(left, columns.first.max() + 4)
        nodes = normals(hashes_of(self.salt, y[:, None], x[None, :]))
        shifted = (
            Axis(rows.first - top, rows.weights),
            Axis(columns.first - left, columns.weights),
        )
        interpolate(nodes, *shifted, self.weight, total)


@dataclass(frozen=True)
class Field:
    """A standard normal field: the weighted sum of octaves of several scales."""

    octaves: tuple[Octave, ...]

    @classmethod
    def named(cls, seed: int, name: str, shares: dict[float, float]) -> Self:
        """Make a field from scales in metres and each one's share of the variance."""
        whole = sum(shares.values())
        return cls(
            tuple(
                Octave(salt_of(seed, name, order), scale, (share / whole) ** 0.5)
                for order, (scale, share) in enumerate(shares.items())
            )
        )

    def at(self, places: Places) -> NDArray[np.float32]:
        """Return the field at places: ``(rows, columns)`` for a raster, ``(n,)`` for points.

        >>> field = Field.named(1, "example", {100.0: 1.0})
        >>> raster = field.at(Lattice(np.array([5.0, 15.0]), np.array([25.0])))
        >>> points = field.at(Points(np.array([5.0, 15.0]), np.array([25.0, 25.0])))
        >>> bool((raster[0] == points).all())
        True
        """
        total = np.zeros(shape_of(places))
        for octave in self.octaves:
            octave.add_to(total, places)
        return total.astype(np.float32)


def shape_of(places: Places) -> tuple[int, ...]:
    """Return the shape of a field's values at places: ``(rows, columns)`` or ``(n,)``."""
    if isinstance(places, Lattice):
        return len(places.y), len(places.x)
    return np.shape(places.x)


def broadcast_y(places: Places) -> NDArray[np.float64]:
    """Return y in a shape that is broadcast against the field's values."""
    return places.y[:, None] if isinstance(places, Lattice) else places.y


class Axis(NamedTuple):
    """How the places along one axis lie between the nodes."""

    first: NDArray[np.int64]
    """``(n,)``: the first of the four nodes around a place."""
    weights: NDArray[np.float64]
    """``(n, 4)``: cubic B-spline weights, the squares of each four summing to one."""


def _axis(position: NDArray[np.float64], scale: float) -> Axis:
    """Return where positions ``(n,)`` in metres lie between nodes that are ``scale`` apart."""
    place = position / scale
    node = np.floor(place)
    t = place - node
    pieces = (1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3
    weights = np.stack(pieces, axis=-1)
    return Axis(node.astype(np.int64) - 1, weights / np.sqrt((weights**2).sum(-1, keepdims=True)))


def _folded(nodes: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum nodes times weights, both (n, 4, ...), over the second axis in the compiled order."""
    products = nodes * weights
    return products[:, 0] + products[:, 1] + products[:, 2] + products[:, 3]


def _interpolate(
    nodes: NDArray[np.float64],
    rows: Axis,
    columns: Axis,
    weight: float,
    total: NDArray[np.float64],
) -> None:
    """Add the splines through ``nodes`` to ``total`` ``(rows, columns)``, along y, then along x."""
    line = np.empty(nodes.shape[1])
    for r in range(total.shape[0]):
        first, w = rows.first[r], rows.weights[r]
        for j in range(nodes.shape[1]):
            line[j] = (
                nodes[first, j] * w[0]
                + nodes[first + 1, j] * w[1]
                + nodes[first + 2, j] * w[2]
                + nodes[first + 3, j] * w[3]
            )
        for c in range(total.shape[1]):
            at, v = columns.first[c], columns.weights[c]
            total[r, c] += weight * (
                line[at] * v[0] + line[at + 1] * v[1] + line[at + 2] * v[2] + line[at + 3] * v[3]
            )


# No fast-math: the sums must keep their order, so that a raster and a point agree to the last bit.
interpolate = njit(nogil=True, cache=True)(_interpolate)
