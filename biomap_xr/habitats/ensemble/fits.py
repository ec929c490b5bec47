"""Fits of a formation's learners without some folds, each kept as soon as it is made."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.folds.blocks import Folds
from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.ensemble.learners.arrays import json_to_bytes
from biomap_xr.habitats.ensemble.learners.fitting import (
    FittedLearner,
    fit_learner,
    learner_from_files,
)
from biomap_xr.habitats.ensemble.learners.protocol import ONE_THREAD, Means, Rows
from biomap_xr.habitats.ensemble.learners.settings import LearnerSettings
from biomap_xr.habitats.ensemble.settings import SelectionSettings, VoteSettings
from biomap_xr.habitats.ensemble.tuning import set_aside
from biomap_xr.habitats.eunis import number_of
from biomap_xr.run.fingerprint import fingerprint_of
from biomap_xr.run.folder import read_folder, write_folder

VERSION = 1
"""Raised when equal rows and settings would give other learners: stored ones are then not used."""
STAMP = "fingerprint.json"


@dataclass(frozen=True, eq=False)
class Observations:
    """The plots of one formation, a row for each habitat of a plot, and the fold of each."""

    rows: Rows
    folds: Folds
    """Of the rows, in their order."""

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.folds.fold):
            raise InputError(
                f"{len(self.rows)} rows and the folds of {len(self.folds.fold)} observations; "
                "expected one fold a row: make the folds of these rows"
            )

    @property
    def classes(self) -> tuple[str, ...]:
        """Level-3 codes, sorted by their number on the map."""
        return tuple(sorted(np.unique(self.rows.codes).tolist(), key=number_of))


@dataclass(frozen=True)
class Options:
    """How a formation's ensemble is trained."""

    selection: SelectionSettings = field(default_factory=SelectionSettings)
    vote: VoteSettings = field(default_factory=VoteSettings)
    stopping_share: float = 0.1
    """Of a voter's training rows, by whole blocks, held out for early stopping and temperature."""
    means: Means = ONE_THREAD


class Fits:
    """Fits by learner and left-out folds, from memory, from disk or made now."""

    def __init__(
        self,
        observations: Observations,
        table: FeatureTable,
        members: Mapping[str, LearnerSettings],
        options: Options,
        folder: Path | None,
    ) -> None:
        self.observations, self.table, self.members = observations, table, members
        self.options, self.folder = options, folder
        self.folds = observations.folds.number
        self.classes = observations.classes
        self.data = _digest(observations)
        self._made: dict[tuple[str, tuple[int, ...]], FittedLearner] = {}

    def learner(self, name: str, left_out: tuple[int, ...]) -> FittedLearner:
        """Return a learner that never saw some folds."""
        if self.folder is None:
            if (name, left_out) not in self._made:
                self._made[name, left_out] = self._fit(name, left_out)
            return self._made[name, left_out]
        # Kept on disk, not in memory as well: boosters of 50 classes are large.
        place = self.folder / f"{name}_{'_'.join(map(str, left_out))}"
        stamp = json_to_bytes({"fingerprint": self._fingerprint(name, left_out)})
        files = read_folder(place) if place.exists() else {}
        if files.pop(STAMP, b"") == stamp:
            return learner_from_files(files, threads=self.options.means.threads)
        learner = self._fit(name, left_out)
        write_folder({**learner.to_files(), STAMP: stamp}, place)
        return learner

    def _fit(self, name: str, left_out: tuple[int, ...]) -> FittedLearner:
        settings, means = self.members[name], self.options.means
        seen = np.flatnonzero(~np.isin(self.observations.folds.fold, left_out))
        rows = self.observations.rows.select(seen)
        # A forest never stops early, so that all its rows can train.
        if settings.family == "bagging":
            return fit_learner(name, settings, self.table, rows, means=means)
        aside = self._stopping(rows, self.observations.folds.unit[seen])
        training, held_out = rows.select(~aside), rows.select(aside)
        return fit_learner(name, settings, self.table, training, held_out, means=means)

    def _stopping(self, rows: Rows, unit: NDArray[np.str_]) -> NDArray[np.bool_]:
        """Return the rows that say when to stop ``(row,)``: whole blocks, of classes that train."""
        number = np.unique(unit, return_inverse=True)[1].reshape(-1)
        share, seed = self.options.stopping_share, self.options.means.seed
        aside = set_aside(rows.codes, number, share, seed)
        # A class all of whose blocks were set aside would be lost: its rows train instead.
        return aside & np.isin(rows.codes, rows.codes[~aside])

    def _fingerprint(self, name: str, left_out: tuple[int, ...]) -> str:
        settings = self.members[name]
        return fingerprint_of(
            {
                "version": VERSION,
                "data": self.data,
                "settings": settings.model_dump(mode="json"),
                "table": self.table.model_dump(mode="json"),
                "left_out": list(left_out),
                "stopping_share": self.options.stopping_share,
                "seed": self.options.means.seed,
            }
        )


def _digest(observations: Observations) -> str:
    """Return the SHA-256 of rows, folds and blocks."""
    digest = hashlib.sha256()
    for part in _parts(observations):
        digest.update(part)
    return digest.hexdigest()


def _parts(observations: Observations) -> Iterator[bytes]:
    yield np.ascontiguousarray(observations.rows.values).tobytes()
    yield "\n".join(observations.rows.codes.tolist()).encode()
    yield observations.folds.fold.astype(np.int64).tobytes()
    yield "\n".join(observations.folds.unit.tolist()).encode()
