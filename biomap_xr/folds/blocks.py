"""Square blocks of ground, and folds of whole blocks in which every habitat has its share.

Observations near each other are alike, so a fold holds whole cells of 100 km (paper 2, "Spatial
Block-CV"); finer cells are tried where a fold would hold disproportionately few observations.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from biomap_xr.errors import InputError
from biomap_xr.folds.dealing import by_frequency, by_presence
from biomap_xr.folds.settings import BlockSettings
from biomap_xr.grid import Points, cell_code


@dataclass(frozen=True)
class Balance:
    """How evenly folds share observations and classes."""

    observations: tuple[int, ...]
    """``(fold,)`` observations in each."""
    smallest: float
    """Observations of the smallest fold over the mean, 0 to 1."""
    deviation: float
    """Mean over classes and folds of abs(share of the class in the fold - 1 / folds), 0 to 1."""
    absent: tuple[tuple[int, ...], ...]
    """``(fold,)`` classes without an observation in each: nothing scores them there."""
    unlearnt: tuple[tuple[int, ...], ...]
    """``(fold,)`` classes of this fold alone: its voters never saw one and cannot name it."""


@dataclass(frozen=True)
class Trial:
    """One size of cell and what it gave."""

    side_m: int
    units: int
    balance: Balance


@dataclass(frozen=True, eq=False)
class Folds:
    """The fold of every observation, and how it was found."""

    fold: NDArray[np.int64]
    """``(observation,)`` from 0."""
    unit: NDArray[np.str_]
    """``(observation,)`` name of the cell or group that stays together."""
    balance: Balance
    trials: tuple[Trial, ...] = ()
    """Sizes of cell in the order tried, the one that was taken last; none for groups."""

    @property
    def number(self) -> int:
        """Number of folds."""
        return len(self.balance.observations)

    def record(self, classes: tuple[str, ...]) -> dict[str, JsonValue]:
        """Describe the folds for the card of a model, classes by their names."""
        described: dict[str, JsonValue] = _described(self.balance, classes)
        described["units"] = len(np.unique(self.unit))
        described["tried"] = [
            {"side_m": trial.side_m, "units": trial.units, **_described(trial.balance, classes)}
            for trial in self.trials
        ]
        return described


def blocks_of(points: Points, block_m: float) -> NDArray[np.int64]:
    """Return the (east, north) number of the block that each point lies in, shape ``(sites, 2)``.

    Blocks count from the origin of the CRS, not of the grid, so neither extent nor tiles matter; in
    EPSG:3035 with 10 km they are the EEA reference grid's.

    Raises:
        InputError: A coordinate is not finite.

    >>> blocks_of(Points(np.array([3_984_000.0]), np.array([2_469_999.0])), 10_000)
    array([[398, 246]])
    """
    xy = np.stack([np.asarray(points.x, float), np.asarray(points.y, float)], axis=-1)
    if not np.isfinite(xy).all():
        bad = np.flatnonzero(~np.isfinite(xy).all(axis=-1))
        raise InputError(
            f"{len(bad)} sites have no finite coordinates, first {xy[bad[0]].tolist()} at index "
            f"{bad[0]}; drop them before they are split"
        )
    return np.floor(xy / block_m).astype(np.int64)


def block_names(blocks: NDArray[np.int64]) -> NDArray[np.str_]:
    """Return ``east_north`` of each block ``(n, 2)``, shape ``(n,)``."""
    return np.array([f"{east}_{north}" for east, north in blocks.tolist()], str)


def block_folds(
    points: Points, label: NDArray[np.int64], classes: int, settings: BlockSettings
) -> Folds:
    """Deal spatial cells out to folds; observations follow their cell.

    Where no size of cell is balanced, the last one is taken and its balance says so.

    Args:
        points: Places ``(observation,)`` in metres in EPSG:3035.
        label: ``(observation,)`` class, 0 to classes - 1.
        classes: Number of classes.
        settings: Number of folds, sizes of cell, what balanced means.

    Raises:
        InputError: Labels do not fit, or even the finest cells are fewer than the folds.
    """
    _check(label, classes)
    trials: list[Trial] = []
    for side in settings.sides_m:
        cells, unit = np.unique(blocks_of(points, side), axis=0, return_inverse=True)
        # Too few coarse cells may still be enough fine ones.
        if len(cells) < settings.folds:
            continue
        names = np.array([cell_code(side, x * side, y * side) for x, y in cells])
        found = _of_units(unit.reshape(-1), names, label, classes, settings)
        trials.append(Trial(side, len(cells), found.balance))
        if found.balance.smallest >= settings.smallest:
            break
    if not trials:
        raise InputError(
            f"{len(label)} observations lie in {len(cells)} cells of {side} m; expected at least "
            f"one for each of {settings.folds} folds: gather more, or set fewer folds or finer "
            "sides_m"
        )
    return replace(found, trials=tuple(trials))


def group_folds(
    group: NDArray[Any], label: NDArray[np.int64], classes: int, settings: BlockSettings
) -> Folds:
    """Deal groups such as polygons or regions out to folds: none is on both sides of a split.

    Args:
        group: ``(observation,)`` name or number of the group that each belongs to.
        label: ``(observation,)`` class, 0 to classes - 1.
        classes: Number of classes.
        settings: Number of folds and seed; as many folds as groups leave one group out at a time.

    Raises:
        InputError: Labels do not fit, or there are fewer groups than folds.

    >>> folds = group_folds(np.array(list("aabbc")), np.array([0, 1, 0, 1, 1]), 2,
    ...                     BlockSettings(folds=3))
    >>> bool(folds.fold[0] == folds.fold[1] != folds.fold[2]), folds.balance.unlearnt
    (True, ((), (), ()))
    """
    _check(label, classes)
    names, unit = np.unique(group, return_inverse=True)
    if len(names) < settings.folds:
        raise InputError(
            f"{len(names)} groups ({', '.join(map(str, names[:3]))} ...) for {settings.folds} "
            f"folds; expected at least one each: set folds to {len(names)} or name finer groups"
        )
    return _of_units(unit.reshape(-1), names.astype(np.str_), label, classes, settings)


def balance_of(
    fold: NDArray[np.int64], label: NDArray[np.int64], classes: int, folds: int
) -> Balance:
    """Measure how evenly folds share observations and classes.

    Args:
        fold: ``(observation,)`` 0 to folds - 1.
        label: ``(observation,)`` 0 to classes - 1.
        classes: Number of classes.
        folds: Number of folds.

    >>> balance_of(np.array([0, 0, 1]), np.array([0, 1, 0]), 2, 2).unlearnt
    ((1,), ())
    """
    counts = np.zeros((folds, classes), np.int64)
    np.add.at(counts, (fold, label), 1)
    total = counts.sum(axis=0)
    # A class that no observation has counts neither for nor against a split.
    share = counts / np.maximum(total, 1)
    observations = counts.sum(axis=1)
    return Balance(
        observations=tuple(observations.tolist()),
        smallest=float(observations.min() / observations.mean()),
        deviation=float(np.abs(share - 1 / folds)[:, total > 0].mean()),
        absent=_members((counts == 0) & (total > 0)),
        unlearnt=_members((counts == total) & (total > 0)),
    )


def _of_units(
    unit: NDArray[np.int64],
    names: NDArray[np.str_],
    label: NDArray[np.int64],
    classes: int,
    settings: BlockSettings,
) -> Folds:
    """Deal units out to folds; observations ``(n,)`` follow theirs, units are named ``(unit,)``."""
    counts = np.zeros((len(names), classes), np.int64)
    np.add.at(counts, (unit, label), 1)
    deal = by_presence if settings.count == "presence" else by_frequency
    fold = deal(counts, settings.folds, settings.seed)[unit]
    return Folds(fold, names[unit], balance_of(fold, label, classes, settings.folds))


def _check(label: NDArray[np.int64], classes: int) -> None:
    if not len(label) or label.min() < 0 or label.max() >= classes:
        seen = f"{label.min()} to {label.max()}" if len(label) else "none"
        raise InputError(
            f"labels of {len(label)} observations are {seen}; expected 0 to {classes - 1}, the "
            "places in the formation's list of classes: number them by it"
        )
    if len(np.unique(label)) < 2:
        raise InputError(
            f"all {len(label)} observations are of class {label[0]}; expected two classes or more: "
            "leave the formation out"
        )


def _members(flags: NDArray[np.bool_]) -> tuple[tuple[int, ...], ...]:
    """Turn flags ``(fold, class)`` into the classes of each fold."""
    return tuple(tuple(np.flatnonzero(row).tolist()) for row in flags)


def _described(balance: Balance, classes: tuple[str, ...]) -> dict[str, JsonValue]:
    return {
        "observations": list(balance.observations),
        "smallest_over_mean": round(balance.smallest, 4),
        "mean_deviation_of_class_shares": round(balance.deviation, 4),
        "absent": [[classes[index] for index in row] for row in balance.absent],
        "unlearnt": [[classes[index] for index in row] for row in balance.unlearnt],
    }
