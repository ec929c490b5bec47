"""Specialists: present somewhere, very improbable elsewhere (paper 1, section 3).

Whether a species is one can only be said of the whole map, so the set is frozen from a sample of
tiles before the pass, and kept with the run.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.indicators.settings import SpecialistSettings
from biomap_xr.run.durable import publish


def sample_tiles(names: Sequence[str], settings: SpecialistSettings) -> tuple[str, ...]:
    """Draw the tiles of the sample: the same ones whatever the order of the names, on any machine.

    Args:
        names: of all tiles with land.
        settings: how many, and the seed.

    Returns:
        Names in the order in which they were drawn; all of them where there are fewer than wanted.

    >>> sample_tiles(["a", "b", "c"], SpecialistSettings(tiles=2)) == sample_tiles(
    ...     ["c", "b", "a"], SpecialistSettings(tiles=2)
    ... )
    True
    """

    def lot(name: str) -> str:
        """A name's place in the draw."""
        return hashlib.sha256(f"{settings.seed}:{name}".encode()).hexdigest()

    return tuple(sorted(names, key=lot)[: settings.tiles])


def sample_cells(valid: NDArray[np.bool_], settings: SpecialistSettings) -> NDArray[np.bool_]:
    """The cells of a tile that are looked at: one every stride rows and columns, where valid.

    Args:
        valid: ``(y, x)`` bool.
        settings: the stride.

    Returns:
        ``(y, x)`` bool.
    """
    chosen = np.zeros_like(valid)
    half, stride = settings.stride // 2, settings.stride
    chosen[half::stride, half::stride] = True
    return chosen & valid


@dataclass(frozen=True, eq=False)
class Prevalence:
    """How probable each species is over some cells; mergeable over cells in any cutting."""

    cells: int
    """Cells looked at."""
    total: NDArray[np.float64]
    """``(species,)`` sum of probabilities."""
    highest: NDArray[np.float32]
    """``(species,)`` highest probability, 0 where no cell was looked at."""

    @classmethod
    def zero(cls, species: int) -> Self:
        """Nothing looked at yet."""
        return cls(0, np.zeros(species), np.zeros(species, dtype=np.float32))

    @classmethod
    def of(cls, probability: NDArray[np.floating[Any]]) -> Self:
        """Statistics of the cells of one tile.

        Args:
            probability: ``(species, cells)``, 0 to 1.

        >>> Prevalence.of(np.array([[0.25, 0.75]])).total
        array([1.])
        """
        return cls(
            cells=probability.shape[1],
            total=probability.sum(axis=1, dtype=np.float64),
            highest=probability.max(axis=1, initial=0.0).astype(np.float32),
        )

    def __add__(self, other: Self) -> Self:
        """Statistics over the cells of both."""
        return type(self)(
            cells=self.cells + other.cells,
            total=self.total + other.total,
            highest=np.maximum(self.highest, other.highest),
        )

    def elsewhere(self) -> NDArray[np.float64]:
        """Mean probability over all cells but the likeliest one of each species, ``(species,)``.

        1 where fewer than two cells were looked at: nothing is known of elsewhere.
        """
        if self.cells < 2:
            return np.ones_like(self.total)
        return (self.total - self.highest) / (self.cells - 1)


@dataclass(frozen=True, eq=False)
class Specialists:
    """The frozen set, and why each species is or is not in it."""

    table: pd.DataFrame
    """One row a species: `species_id`, `highest`, `threshold`, `elsewhere` and `specialist`
    bool."""
    tiles: tuple[str, ...]
    """The sample."""
    cells: int
    """Cells looked at."""
    settings: SpecialistSettings
    """The definition."""

    @classmethod
    def freeze(
        cls,
        prevalence: Prevalence,
        species_id: Sequence[int] | NDArray[np.int64],
        threshold: NDArray[np.floating[Any]],
        tiles: Sequence[str],
        settings: SpecialistSettings,
    ) -> Self:
        """Decide which species are specialists.

        Args:
            prevalence: statistics of the sample.
            species_id: ``(species,)`` ids.
            threshold: ``(species,)`` probability from which a species counts as present.
            tiles: names of the tiles of the sample.
            settings: how low the mean probability elsewhere is to be.

        Raises:
            InputError: No cell was looked at, or the numbers of species differ.
        """
        _check_sample(prevalence, len(species_id), len(threshold), tiles)
        elsewhere = prevalence.elsewhere()
        present = prevalence.highest >= threshold
        table = pd.DataFrame(
            {
                "species_id": np.asarray(species_id, dtype=np.int64),
                "highest": prevalence.highest,
                "threshold": np.asarray(threshold, dtype=np.float64),
                "elsewhere": elsewhere,
                "specialist": present & (elsewhere < settings.rarity * elsewhere.mean()),
            }
        )
        return cls(table, tuple(tiles), prevalence.cells, settings)

    @property
    def species_id(self) -> NDArray[np.int64]:
        """Ids of the specialists."""
        return self.table.loc[self.table["specialist"], "species_id"].to_numpy(np.int64)

    def write(self, path: Path) -> None:
        """Write the set as JSON, with the sample and the definition."""
        content = {
            "settings": self.settings.model_dump(mode="json"),
            "tiles": list(self.tiles),
            "cells": self.cells,
            # A threshold that a species does not have is null: JSON has no NaN.
            "species": self.table.astype(object)
            .where(self.table.notna(), None)
            .to_dict(orient="records"),
        }
        publish(path, json.dumps(content, indent=1, default=float, allow_nan=False))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a set that `write` wrote.

        Raises:
            InputError: The file is not there or is not such a set.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            table = pd.DataFrame(content["species"]).astype(
                {
                    "species_id": np.int64,
                    "highest": np.float32,
                    "threshold": float,
                    "elsewhere": float,
                    "specialist": bool,
                }
            )
            settings = SpecialistSettings.model_validate(content["settings"])
            return cls(table, tuple(content["tiles"]), int(content["cells"]), settings)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{path} is no frozen set of specialists: {error!r}. Delete it, and the run "
                "freezes the set again."
            ) from error


def _check_sample(
    prevalence: Prevalence, species: int, thresholds: int, tiles: Sequence[str]
) -> None:
    """Refuse a sample that says nothing, or tables of different lengths.

    Raises:
        InputError: It does.
    """
    if prevalence.cells == 0:
        raise InputError(
            f"The sample of tiles for specialist species {list(tiles)} has no valid cell. "
            "Raise specialists.tiles or lower specialists.stride."
        )
    if not len(prevalence.total) == species == thresholds:
        raise InputError(
            f"The sample has {len(prevalence.total)} species, but there are {species} ids and "
            f"{thresholds} "
            "thresholds. Give those of the model that made the sample."
        )
