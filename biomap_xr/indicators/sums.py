"""Indicator sums as mergeable values: any cutting of the species gives the same answer."""

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from array_api_compat import array_namespace, device, is_dask_array, to_device
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.indicators import formulas
from biomap_xr.indicators.declared import NO_SPECIES, NOT_VALID, STATUS_CODES, STATUSES
from biomap_xr.indicators.kernel import sum_block


@dataclass(frozen=True, eq=False)
class IndicatorMaps:
    """The indicators of some cells, in the types in which `indicators.zarr` stores them."""

    expected: Any
    """``(indicator, ...)`` float32, species: expected number of members present."""
    variance: Any
    """``(indicator, ...)`` float32, its variance."""
    low: Any
    """``(indicator, ...)`` float32, lower end of the 2-sigma interval, at least 0."""
    high: Any
    """``(indicator, ...)`` float32, upper end, at most the number of members."""
    any: Any
    """``(indicator, ...)`` float32, 0 to 1: chance of at least one member."""
    count: Any
    """``(indicator, ...)`` uint16, members in the thresholded assemblage."""
    most_threatened: Any
    """``(...)`` uint8 code of the most threatened species of the thresholded assemblage."""
    status_any: Any
    """``(status, ...)`` float32, 0 to 1: chance of at least one species of the status."""

    def on_tile(
        self, valid: NDArray[np.bool_], known: NDArray[np.bool_] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Spread the maps of a tile's valid cells over the tile, NaN or 0 elsewhere.

        Args:
            valid: ``(y, x)`` bool; the maps hold its True cells in row-major order.
            known: ``(indicator,)`` bool; an indicator whose list was not given is NaN, and its
                count 0. None: all are.

        Returns:
            Arrays ``(indicator, y, x)``, ``(status, y, x)`` or ``(y, x)`` by the variable's name.

        Raises:
            InputError: The maps hold another number of cells.
        """
        arrays = {field.name: to_device(getattr(self, field.name), "cpu") for field in fields(self)}
        spread = {name: _spread(np.asarray(values), valid) for name, values in arrays.items()}
        if known is not None:
            for name in spread.keys() - {"most_threatened", "status_any"}:
                spread[name][~known] = _fill(spread[name].dtype)
        return spread


@dataclass(frozen=True, eq=False)
class Sums:
    """Sums over some species of everything that the indicators of some cells need.

    Species may come in blocks of any size and in any order: `Sums.of(block) + Sums.of(rest)` is
    `Sums.of(all)`. Floats are added up in float64.
    """

    members: Any
    """``(indicator,)`` int64, member species seen so far."""
    expected: Any
    """``(indicator, ...)`` float64, species."""
    variance: Any
    """``(indicator, ...)`` float64, squared species."""
    log_none: Any
    """``(indicator, ...)`` float64, at most 0: logarithm of the chance of no member."""
    count: Any
    """``(indicator, ...)`` int32, members present in the thresholded assemblage."""
    most_threatened: Any
    """``(...)`` uint8, highest status code present."""
    status_log_none: Any
    """``(status, ...)`` float64, at most 0."""

    @classmethod
    def zero(cls, indicators: int, shape: tuple[int, ...], xp: Any = np) -> Self:
        """Sums over no species.

        Args:
            indicators: number of indicators.
            shape: of the cells.
            xp: array namespace of the sums.
        """
        return cls(
            members=xp.zeros((indicators,), dtype=xp.int64),
            expected=xp.zeros((indicators, *shape), dtype=xp.float64),
            variance=xp.zeros((indicators, *shape), dtype=xp.float64),
            log_none=xp.zeros((indicators, *shape), dtype=xp.float64),
            count=xp.zeros((indicators, *shape), dtype=xp.int32),
            most_threatened=xp.full(shape, NO_SPECIES, dtype=xp.uint8),
            status_log_none=xp.zeros((len(STATUSES), *shape), dtype=xp.float64),
        )

    @classmethod
    def of(cls, members: Any, probability: Any, present: Any, status: Any) -> Self:
        """Sums over one block of species.

        Args:
            members: ``(indicator, species)`` bool or 0 and 1.
            probability: ``(species, ...)`` float, 0 to 1, unquantised where there is a choice.
            present: ``(species, ...)`` bool, the thresholded assemblage.
            status: ``(species,)`` uint8 codes of `declared.STATUS_CODES`; 1 for a species that no
                status counts.

        Raises:
            InputError: The arrays do not agree on the number of species.

        >>> block = np.array([[0.9], [0.8], [0.1]])
        >>> total = Sums.of(np.ones((1, 3)), block, block > 0.5, np.array([3, 6, 7], "uint8"))
        >>> total.count, total.most_threatened
        (array([[2]], dtype=int32), array([6], dtype=uint8))
        """
        _check_species(members, probability, present, status)
        if _fits_kernel(probability):
            return cls._compiled(members, probability, present, status)
        return cls._by_formulas(members, probability, present, status)

    @classmethod
    def _by_formulas(cls, members: Any, probability: Any, present: Any, status: Any) -> Self:
        """Sums over one block of species, one formula after the other."""
        xp = array_namespace(probability)
        groups = np.concatenate([np.asarray(members, dtype=bool), _status_groups(status)])
        chances = formulas.log_none(groups, probability)
        rows = members.shape[0]
        return cls(
            members=xp.asarray(
                np.asarray(members, dtype=bool).sum(axis=1, dtype=np.int64),
                device=device(probability),
            ),
            expected=xp.astype(formulas.expected(members, probability), xp.float64),
            variance=xp.astype(formulas.variance(members, probability), xp.float64),
            log_none=xp.astype(chances[:rows, ...], xp.float64),
            count=formulas.count_present(members, present),
            most_threatened=formulas.most_threatened(status, present, none=NO_SPECIES),
            status_log_none=xp.astype(chances[rows:, ...], xp.float64),
        )

    @classmethod
    def _compiled(cls, members: Any, probability: Any, present: Any, status: Any) -> Self:
        """Sums over one block of species in one pass, for arrays in a CPU's memory."""
        xp = array_namespace(probability)
        flat = (len(status), -1)
        summed = sum_block(
            np.asarray(members, dtype=bool),
            np.asarray(probability).reshape(flat),
            np.asarray(present).reshape(flat),
            np.asarray(status),
        )
        cells = probability.shape[1:]
        # `count` is a method of tuples, so the kernel has another name for it.
        arrays = {
            "count" if name == "counts" else name: xp.asarray(
                values.reshape(*values.shape[:-1], *cells)
            )
            for name, values in summed._asdict().items()
        }
        counts = np.asarray(members, dtype=bool).sum(axis=1, dtype=np.int64)
        return cls(members=xp.asarray(counts), **arrays)

    def __add__(self, other: Self) -> Self:
        """Sums over the species of both."""
        xp = array_namespace(self.expected)
        return type(self)(
            members=self.members + other.members,
            expected=self.expected + other.expected,
            variance=self.variance + other.variance,
            log_none=self.log_none + other.log_none,
            count=self.count + other.count,
            most_threatened=xp.maximum(self.most_threatened, other.most_threatened),
            status_log_none=self.status_log_none + other.status_log_none,
        )

    def value(self) -> IndicatorMaps:
        """The indicators themselves, in the types in which they are stored."""
        xp = array_namespace(self.expected)
        interval = formulas.interval(self.expected, self.variance, self.members)
        return IndicatorMaps(
            expected=xp.astype(self.expected, xp.float32),
            variance=xp.astype(self.variance, xp.float32),
            low=xp.astype(interval.low, xp.float32),
            high=xp.astype(interval.high, xp.float32),
            any=xp.astype(formulas.at_least_one(self.log_none), xp.float32),
            count=xp.astype(self.count, xp.uint16),
            most_threatened=self.most_threatened,
            status_any=xp.astype(formulas.at_least_one(self.status_log_none), xp.float32),
        )


def _status_groups(status: Any) -> NDArray[np.bool_]:
    """``(status, species)`` bool: the species of each status."""
    codes = np.array([STATUS_CODES[name] for name in STATUSES], dtype=np.uint8)
    return codes[:, None] == np.asarray(status)[None, :]


def _fits_kernel(probability: Any) -> bool:
    """Whether these are float32 numbers in a CPU's memory; Dask and GPUs go by the formulas."""
    if is_dask_array(probability) or str(device(probability)) != "cpu":
        return False
    return probability.dtype == array_namespace(probability).float32


def _check_species(members: Any, probability: Any, present: Any, status: Any) -> None:
    """Refuse arrays that do not agree on the number of species.

    Raises:
        InputError: They do not.
    """
    counts = {
        "members": members.shape[-1],
        "probability": probability.shape[0],
        "present": present.shape[0],
        "status": status.shape[0],
    }
    if len(set(counts.values())) > 1:
        raise InputError(
            f"The arrays of one block hold different numbers of species: {counts}. "
            "Cut members and status with the slice that cut the probabilities."
        )


def _spread(values: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[Any]:
    """Values ``(..., cells)`` over a tile ``(..., y, x)``, NaN or 0 for whole numbers elsewhere.

    Raises:
        InputError: There are not as many cells as valid places.
    """
    cells = int(valid.sum())
    if values.shape[-1] != cells:
        raise InputError(
            f"The maps hold {values.shape[-1]} cells, but {cells} cells of the tile are valid. "
            "Give the mask with which the cells were chosen."
        )
    tile = np.full((*values.shape[:-1], *valid.shape), _fill(values.dtype), dtype=values.dtype)
    tile[..., valid] = values
    return tile


def _fill(dtype: np.dtype[Any]) -> float:
    """NaN for floats; whole numbers have none."""
    return np.nan if np.issubdtype(dtype, np.floating) else NOT_VALID
