"""Which sites train, and which are held out: whole spatial blocks, 10 km wide as GeoPlant's.

Sites near each other are alike, so a random hold-out flatters a model. Here a role belongs
to a square block of the grid's CRS, and every site in it, surveyed or not, takes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.folds.blocks import blocks_of
from biomap_xr.folds.settings import ROLES, FoldSettings
from biomap_xr.grid import Points

BUFFERED = len(ROLES)


def _nobody() -> NDArray[np.int64]:
    return np.array([], np.int64)


@dataclass(frozen=True, eq=False)
class Roles:
    """The sites of each role: sorted indices, disjoint; of a whole split, together all sites."""

    train: NDArray[np.int64]
    """Whom weights are fitted on."""
    validation: NDArray[np.int64] = field(default_factory=_nobody)
    """Who says when to stop."""
    calibration: NDArray[np.int64] = field(default_factory=_nobody)
    test: NDArray[np.int64] = field(default_factory=_nobody)
    buffered: NDArray[np.int64] = field(default_factory=_nobody)
    """Sites of training blocks that are used for nothing: a test block is within the buffer."""

    def indices(self) -> Mapping[str, NDArray[np.int64]]:
        """Return the index arrays by name of role, ``buffered`` last."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def labels(self) -> NDArray[np.str_]:
        """Return the name of each site's role, shape ``(sites,)``.

        >>> Roles(np.array([0, 2]), np.array([1]), test=np.array([3])).labels().tolist()
        ['train', 'validation', 'train', 'test']
        """
        labels = np.empty(sum(map(len, self.indices().values())), "U11")
        for name, index in self.indices().items():
            labels[index] = name
        return labels


@dataclass(frozen=True)
class RoleBalance:
    """What one role holds."""

    role: str
    blocks: int
    sites: int
    share: float
    """Share of all sites, 0 to 1."""
    surveys: int
    """Surveyed sites."""
    presences: int
    """Pairs of a site and a species present there."""
    species: int
    """Species present at least once."""


def split(
    points: Points, settings: FoldSettings, surveyed: NDArray[np.bool_] | None = None
) -> Roles:
    """Give every site the role of its block.

    Args:
        points: Sites in metres in the grid's CRS, arrays of shape ``(sites,)``.
        settings: Block size, shares, seed and buffer.
        surveyed: Which sites hold a survey, shape ``(sites,)``; where given, blocks with surveys
            are dealt out apart from the others, since only they can be scored. None treats all
            alike.

    Raises:
        InputError: There are fewer blocks than roles, or a role with a share got no site.
    """
    where = blocks_of(points, settings.block_m)
    if not len(where):
        raise InputError(
            "there are 0 sites to split; expected at least one per role: check filters and extent"
        )
    blocks, block = np.unique(where, axis=0, return_inverse=True)
    block = block.reshape(-1)
    flags = np.ones(len(where), bool) if surveyed is None else np.asarray(surveyed, bool)
    scored = np.bincount(block, weights=flags, minlength=len(blocks)) > 0
    # Where nothing was surveyed no block can be scored, and all are alike.
    role_of_block = _deal(blocks, scored if scored.any() else ~scored, settings)
    role = role_of_block[block]
    near = _near_test(points, blocks[role_of_block == ROLES.index("test")], settings)
    # The test sites stay as they are whatever the buffer, so that scores with and without compare.
    role[(role == ROLES.index("train")) & near] = BUFFERED
    for code, (name, share) in enumerate(zip(ROLES, settings.fractions.shares, strict=True)):
        if share and not (role == code).any():
            raise InputError(
                f"role {name!r} has a share of {share:g} and got no site of {len(role)} in "
                f"{len(blocks)} blocks (method {settings.method!r}, seed {settings.seed}); "
                "expected 1: use method 'shuffle', another seed, a smaller block_m or buffer_m, "
                "or set the fraction to 0"
            )
    return Roles(*(np.flatnonzero(role == code) for code in range(BUFFERED + 1)))


def balance(
    roles: Roles,
    blocks: NDArray[np.int64],
    surveyed: NDArray[np.bool_],
    species_present: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> tuple[RoleBalance, ...]:
    """Count what each role holds, ``buffered`` last.

    Args:
        roles: The split.
        blocks: Block of each site, shape ``(sites, 2)``, from `blocks_of`.
        surveyed: Which sites hold a survey, shape ``(sites,)``.
        species_present: Indices ``(site, species)`` of every presence: ``presence.nonzero()``.
    """
    labels = roles.labels()
    site, species = species_present
    rows = []
    for role, index in roles.indices().items():
        of_role = labels[site] == role
        rows.append(
            RoleBalance(
                role=role,
                blocks=len(np.unique(blocks[index], axis=0)),
                sites=len(index),
                share=len(index) / max(len(labels), 1),
                surveys=int(surveyed[index].sum()),
                presences=int(of_role.sum()),
                species=len(np.unique(species[of_role])),
            )
        )
    return tuple(rows)


def _deal(
    blocks: NDArray[np.int64], scored: NDArray[np.bool_], settings: FoldSettings
) -> NDArray[np.int64]:
    """Return the role of each block, shape ``(blocks,)``."""
    chance = _chance(blocks, settings.seed)
    if settings.method == "hash":
        # The last edge would be 1 but for rounding, and no chance reaches 1.
        edges = np.cumsum(settings.fractions.shares)[:-1]
        role = np.searchsorted(edges, chance, side="right")
    else:
        role = np.zeros(len(blocks), np.int64)
        role[scored] = _shuffled(chance[scored], settings, every_role=True)
        role[~scored] = _shuffled(chance[~scored], settings, every_role=False)
    if settings.unsurveyed == "train":
        role[~scored] = ROLES.index("train")
    return role


def _shuffled(
    chance: NDArray[np.float64], settings: FoldSettings, *, every_role: bool
) -> NDArray[np.int64]:
    """Deal blocks out in the order of their chance, in numbers near the shares: ``(blocks,)``."""
    shares = np.asarray(settings.fractions.shares)
    least = (shares > 0).astype(np.int64) if every_role else np.zeros(len(shares), np.int64)
    if len(chance) < least.sum():
        raise InputError(
            f"only {len(chance)} blocks of {settings.block_m:g} m hold sites to score, for "
            f"{least.sum()} roles; expected at least one a role: choose a smaller block_m or "
            "set a fraction to 0"
        )
    # Largest remainder: floors first, then the roles that lost most by rounding down.
    counts = np.maximum(np.floor(shares * len(chance)).astype(np.int64), least)
    while counts.sum() != len(chance):
        gap = shares * len(chance) - counts
        if counts.sum() < len(chance):
            counts[np.argmax(gap)] += 1
        else:
            counts[np.argmin(np.where(counts > least, gap, np.inf))] -= 1
    role = np.empty(len(chance), np.int64)
    role[np.argsort(chance, kind="stable")] = np.repeat(np.arange(len(shares)), counts)
    return role


def _chance(blocks: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Return a number in [0, 1) per block from its place and the seed alone: ``(blocks,)``."""
    state = np.full(len(blocks), seed, np.uint64)
    for axis in range(2):
        state = _mixed(state ^ blocks[:, axis].astype(np.uint64))
    return (state >> np.uint64(11)).astype(np.float64) / 2.0**53


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit numbers (splitmix64: Steele, Lea and Flood 2014, figure 14)."""
    # Unlike Python's hash or a NumPy generator, this never changes with version, process or order.
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _near_test(
    points: Points, test_blocks: NDArray[np.int64], settings: FoldSettings
) -> NDArray[np.bool_]:
    """Return which sites' windows, ``buffer_m`` to a side, meet a test block: ``(sites,)``."""
    near = np.zeros(len(points.x), bool)
    if not settings.buffer_m or not len(test_blocks):
        return near
    side, width = settings.block_m, settings.buffer_m
    home, forbidden = blocks_of(points, side), _number(test_blocks)
    reach = int(np.ceil(width / side))
    for east in range(-reach, reach + 1):
        for north in range(-reach, reach + 1):
            block = home + np.array([east, north])
            low = block * side
            gap_x = np.maximum(low[:, 0] - points.x, points.x - (low[:, 0] + side))
            gap_y = np.maximum(low[:, 1] - points.y, points.y - (low[:, 1] + side))
            # A window is a square, so its reach is measured along each axis, not as the crow flies.
            reached = (gap_x < width) & (gap_y < width)
            near[reached] |= np.isin(_number(block[reached]), forbidden)
    return near


def _number(blocks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number blocks ``(blocks, 2)``, distinctly while both parts fit 31 bits: ``(blocks,)``."""
    return blocks[:, 0] * 2**32 + blocks[:, 1]
