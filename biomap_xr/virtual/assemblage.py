"""Which species live where: probabilities, and presences with residual correlation.

Presences follow a Gaussian copula. Species s lives in a cell if ``u < probit(p)`` for a standard
normal ``u = loadings[s] @ factors + sqrt(1 - |loadings[s]|^2) * e``, where the factors are shared
by all species (one changes over about 1 km, one over 250 m, one from cell to cell) and ``e`` is the
species' own. Every presence therefore has exactly the chance p, and species of one assemblage occur
together more often than their niches say.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import expit, ndtr, ndtri

from biomap_xr.virtual.drivers import World
from biomap_xr.virtual.fields import Places, broadcast_y
from biomap_xr.virtual.formations import HABITATS_OF
from biomap_xr.virtual.habitats import Habitat
from biomap_xr.virtual.niches import Floats, Niches, features_in, features_of, niches_of
from biomap_xr.virtual.noise import GOLDEN, hashes_of, mix, normals, salt_of
from biomap_xr.virtual.settings import VirtualSettings
from biomap_xr.virtual.shore import Shore

STEPS = 64
"""Entries of the tables for each unit of their argument."""
LOGIT_BOUND, NORMAL_BOUND = 18, 8
"""The tables reach from minus to plus this."""
BLOCK = 1_024
"""Cells that are worked on at once, so that they stay in the fastest memory."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Species in places, arrays ``(species, n)``."""

    probability: Floats
    """Chance that the species lives in the cell, 0 to 1."""
    present: NDArray[np.uint8]
    """1 where it does."""

    @classmethod
    def empty(cls, species: int, count: int) -> Self:
        """Return arrays ``(species, count)`` that are yet to be filled."""
        shape = species, count
        return cls(np.empty(shape, np.float32), np.empty(shape, np.uint8))


@dataclass(frozen=True, eq=False)
class Assemblage:
    """A world and the niches of its species."""

    world: World
    niches: Niches

    @classmethod
    def of(cls, settings: VirtualSettings) -> Self:
        """Make the world and the species of some settings."""
        world = World.of(settings)
        return cls(world, niches_of(world, len(HABITATS_OF[settings.formations])))

    @property
    def habitats(self) -> tuple[Habitat, ...]:
        """The habitats that there are."""
        return HABITATS_OF[self.world.settings.formations]

    @cached_property
    def shore(self) -> Shore:
        """How far the sea is."""
        return Shore.of(self.world)

    def features(self, centres: Places) -> Floats:
        """Return the features ``(feature, n)`` at cell centres, off their means over the land.

        The cells of a raster are put in one row, line by line from its first.
        """
        drivers = self.world.drivers(centres)
        return features_of(drivers.reshape(len(drivers), -1)) - self.niches.centre[:, None]

    def draw(
        self,
        centres: Places,
        features: Floats,
        species: slice = slice(None),
        into: Drawn | None = None,
    ) -> Drawn:
        """Return what lives in cells.

        Args:
            centres: Centres of the cells in metres.
            features: What `features` returns for them, ``(feature, n)``.
            species: Which species.
            into: Arrays ``(species, n)`` to fill; new ones if left out.
        """
        niches = self.niches
        weights, loadings = niches.weights[species], niches.loadings[species]
        # Fresh memory costs about as much as the arithmetic, so a caller may bring its own.
        drawn = into or Drawn.empty(len(weights), features.shape[1])
        # Neighbouring cells have more in common than their drivers, as real vegetation has.
        smooth = [self.world.field(name, centres).ravel() for name in ("factor_near", "factor_far")]
        cell = normals(self._hashes("factor_cell", centres))
        cells = _Cells(
            np.ascontiguousarray(features),
            np.stack([*smooth, cell.astype(np.float32)]),
            self._hashes("presence", centres),
        )
        stretch = 1 / np.sqrt(1 - (loadings**2).sum(axis=1))
        rows = _Species(weights, niches.offset[species], loadings, stretch, self._salts[species])
        draw(cells, rows, TABLES, drawn.probability, drawn.present)
        return drawn

    def part(self, features: Floats, modality: str) -> Floats:
        """Return probabilities ``(species, n)`` with other modalities at their means."""
        chosen, niches = features_in(modality), self.niches
        logit = niches.weights[:, chosen] @ features[chosen] + niches.offset[:, None]
        return expit(logit)

    @cached_property
    def _salts(self) -> NDArray[np.uint64]:
        # Spread by the golden ratio, as SplitMix64 does with its counter.
        count = self.world.settings.species
        return np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN)

    def _hashes(self, purpose: str, centres: Places) -> NDArray[np.uint64]:
        """Return one hash a cell ``(n,)``; cells are counted from the origin of the CRS."""
        resolution = self.world.settings.resolution
        column = np.floor(centres.x / resolution).astype(np.int64)
        row = np.floor(broadcast_y(centres) / resolution).astype(np.int64)
        return hashes_of(salt_of(self.world.settings.seed, purpose), row, column).ravel()


class _Cells(NamedTuple):
    """Cells as the compiled loop reads them."""

    features: Floats
    """``(feature, n)``, off their means over the land."""
    factors: Floats
    """``(factor, n)``."""
    hashes: NDArray[np.uint64]
    """``(n,)``."""


class _Species(NamedTuple):
    """Species as the compiled loop reads them."""

    weights: Floats
    """``(species, feature)``."""
    offset: Floats
    loadings: Floats
    """``(species, factor)``."""
    stretch: Floats
    """One over the share of ``u`` that is the species' own."""
    salts: NDArray[np.uint64]


class _Tables(NamedTuple):
    """Functions at steps of 1/64."""

    expit: Floats
    """Probabilities of logits."""
    probit: Floats
    """Standard normal quantiles of the same probabilities."""
    normal: Floats
    """The standard normal distribution function."""


def _tables() -> _Tables:
    logit = np.arange(-LOGIT_BOUND * STEPS, LOGIT_BOUND * STEPS + 1) / STEPS
    normal = np.arange(-NORMAL_BOUND * STEPS, NORMAL_BOUND * STEPS + 1) / STEPS
    probability = expit(logit)
    # Near one, floating point tells a chance's complement from zero, not the chance from one.
    probit = np.where(logit > 0, -ndtri(expit(-logit)), ndtri(probability))
    return _Tables(
        probability.astype(np.float32), probit.astype(np.float32), ndtr(normal).astype(np.float32)
    )


TABLES = _tables()


def _look_up(table: Floats, value: np.float32, bound: int) -> np.float32:
    """Return a table's value: linear between its entries, the outermost entry beyond them."""
    place = (value + np.float32(bound)) * np.float32(STEPS)
    # The outermost entries hold beyond the table: there chances are 0 or 1 to 1e-7.
    place = min(max(place, np.float32(0)), np.float32(2 * bound * STEPS - 1))
    index = np.int32(place)
    return table[index] + (place - np.float32(index)) * (table[index + 1] - table[index])


look_up = njit(inline="always", cache=True)(_look_up)


def _draw(
    cells: _Cells,
    species: _Species,
    tables: _Tables,
    probability: Floats,
    present: NDArray[np.uint8],
) -> None:
    """Fill ``probability`` and ``present``, both ``(species, n)``."""
    logit, shift = np.empty(BLOCK, np.float32), np.empty(BLOCK, np.float32)
    weights, loadings, stretch = species.weights, species.loadings, species.stretch
    for start in range(0, cells.features.shape[1], BLOCK):
        size = min(BLOCK, cells.features.shape[1] - start)
        for s in range(weights.shape[0]):
            logit[:] = species.offset[s]
            shift[:] = 0
            for k in range(weights.shape[1]):
                for i in range(size):
                    logit[i] += weights[s, k] * cells.features[k, start + i]
            for k in range(loadings.shape[1]):
                for i in range(size):
                    shift[i] += loadings[s, k] * cells.factors[k, start + i]
            for i in range(size):
                # One pass: the three tables and the hash overlap in the processor.
                probability[s, start + i] = look_up(tables.expit, logit[i], LOGIT_BOUND)
                quantile = look_up(tables.probit, logit[i], LOGIT_BOUND)
                reach = (quantile - shift[i]) * stretch[s]
                chance = look_up(tables.normal, reach, NORMAL_BOUND)
                bits = mix(cells.hashes[start + i] ^ species.salts[s]) >> np.uint64(40)
                drawn = (np.float32(bits) + np.float32(0.5)) * np.float32(2.0**-24)
                present[s, start + i] = drawn < chance


draw = njit(nogil=True, cache=True)(_draw)
