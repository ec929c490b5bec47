"""Fits of a formation's learners without some folds, each kept as soon as it is made."""

import hashlib
import io
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.folds.blocks import Folds, balance_of
from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.ensemble.learners.arrays import (
    file_of,
    json_from_bytes,
)
from biomap_xr.habitats.ensemble.learners.fitting import (
    CARD,
    FittedLearner,
    fit_learner,
    learner_from_files,
)
from biomap_xr.habitats.ensemble.learners.protocol import ONE_THREAD, Means, Rows
from biomap_xr.habitats.ensemble.learners.settings import LearnerSettings
from biomap_xr.habitats.ensemble.settings import SelectionSettings, VoteSettings
from biomap_xr.habitats.ensemble.tuning import set_aside
from biomap_xr.habitats.eunis import number_of
from biomap_xr.run.arrays import array_to_bytes
from biomap_xr.run.fingerprint import fingerprint_of
from biomap_xr.run.folder import write_folder
from biomap_xr.run.kept import KeptFolder, kept

VERSION = 1
"""Raised when equal rows and settings would give other learners: stored ones are then not used."""
SAID = "said.npy"
"""Beside a learner's files: what it depends on, and what it says of the rows that it never saw."""
DIGITS = 16
"""Of a digest in the name of a folder."""
LeftOut = tuple[int, ...]
"""Folds that a fit does not see."""


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

    @cached_property
    def digest(self) -> str:
        """SHA-256 of rows, folds and blocks."""
        digest = hashlib.sha256(np.ascontiguousarray(self.rows.values).tobytes())
        digest.update("\n".join(self.rows.codes.tolist()).encode())
        digest.update(self.folds.fold.astype(np.int64).tobytes())
        digest.update("\n".join(self.folds.unit.tolist()).encode())
        return digest.hexdigest()

    def keep(self, place: Path) -> Path:
        """Write them once for the workers, and return the folder, which bears their digest."""
        folder = place / self.digest[:DIGITS]
        if not folder.exists():
            values, codes, fold, unit = (
                self.rows.values, self.rows.codes, self.folds.fold, self.folds.unit
            )  # fmt: skip
            arrays = {"values": values, "codes": codes, "fold": fold, "unit": unit}
            write_folder(
                {f"{name}.npy": array_to_bytes(each) for name, each in arrays.items()}, folder
            )
        return folder

    @classmethod
    def kept(cls, folder: Path) -> Self:
        """Read what `keep` wrote; workers of one machine share the predictors' pages.

        Raises:
            InputError: A file is missing or no array.
        """
        try:
            values = np.load(folder / "values.npy", mmap_mode="r", allow_pickle=False)
            codes, fold, unit = (
                np.load(folder / f"{name}.npy", allow_pickle=False)
                for name in ("codes", "fold", "unit")
            )
        except (OSError, ValueError) as error:
            raise InputError(
                f"{folder} holds no rows of a formation ({error}); remove it and run the recipe "
                "again"
            ) from error
        label = np.unique(codes, return_inverse=True)[1].reshape(-1)
        number = int(fold.max()) + 1
        found = cls(
            Rows(values, codes),
            Folds(fold, unit, balance_of(fold, label, int(label.max()) + 1, number)),
        )
        if found.digest[:DIGITS] != folder.name:
            raise CorruptError(
                f"{folder} has rows of the digest {found.digest[:DIGITS]}, expected the one that "
                "it bears as its name; remove it and run the recipe again"
            )
        return found


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
        self._made: dict[tuple[str, LeftOut], FittedLearner] = {}

    @property
    def needed(self) -> tuple[tuple[str, LeftOut], ...]:
        """Every fit that choosing, scoring and joining will ask for: learner and left-out folds."""
        left_out: list[LeftOut] = [(fold,) for fold in range(self.folds)]
        if self.options.selection.nested:
            # A fit without two folds serves both of them as the outer one.
            left_out += combinations(range(self.folds), 2)
        return tuple((name, folds) for name in self.members for folds in left_out)

    def learner(self, name: str, left_out: LeftOut) -> FittedLearner:
        """Return a learner that never saw some folds."""
        if self.folder is None:
            if (name, left_out) not in self._made:
                self._made[name, left_out] = self._fit(name, left_out)
            return self._made[name, left_out]
        # Kept on disk, not in memory as well: boosters of 50 classes are large.
        files = self._kept(self.folder, name, left_out)
        files.pop(SAID, None)
        return learner_from_files(files, threads=self.options.means.threads)

    def said(self, name: str, left_out: LeftOut) -> tuple[tuple[str, ...], NDArray[np.float32]]:
        """Return what a learner says of the rows that it never saw.

        Returns:
            Its classes, and probabilities ``(row of a fold left out, class)``.
        """
        files = self._kept(self.folder, name, left_out) if self.folder else {}
        if SAID in files:
            card = json_from_bytes(file_of(files, CARD), CARD)
            return tuple(card["classes"]), np.load(io.BytesIO(files[SAID]), allow_pickle=False)
        # In memory, or kept by an earlier version.
        learner = self.learner(name, left_out)
        return learner.classes, self._ask(learner, left_out)

    def make(self, name: str, left_out: LeftOut) -> Path:
        """Fit a learner unless it is there, ask it about the rows left out, and keep both.

        Returns:
            The folder of both.

        Raises:
            InputError: Fits are kept nowhere, or rows cannot train it.
        """
        if self.folder is None:
            raise InputError(f"fit {name!r} without {left_out} is kept nowhere; expected a folder")
        self._kept(self.folder, name, left_out)
        return place_of(self.folder, name, left_out)

    def _kept(self, folder: Path, name: str, left_out: LeftOut) -> dict[str, bytes]:
        """Return the files of a fit, made now where none is there of equal rows and settings."""
        place = place_of(folder, name, left_out)
        checkpoint = place.with_name(f"{place.name}.checkpoint")

        def fit() -> dict[str, bytes]:
            learner = self._fit(name, left_out, checkpoint)
            return {**learner.to_files(), SAID: array_to_bytes(self._ask(learner, left_out))}

        files = kept(KeptFolder(place), self.fingerprint(name, left_out), fit)
        shutil.rmtree(checkpoint, ignore_errors=True)
        return files

    def _ask(self, learner: FittedLearner, left_out: LeftOut) -> NDArray[np.float32]:
        unseen = np.isin(self.observations.folds.fold, left_out)
        return learner.predict_proba(self.observations.rows.values[unseen]).astype(np.float32)

    def fingerprint(self, name: str, left_out: LeftOut) -> str:
        """Name all that a fit depends on."""
        return fingerprint_of(
            {
                "version": VERSION,
                "data": self.observations.digest,
                "settings": self.members[name].model_dump(mode="json"),
                "table": self.table.model_dump(mode="json"),
                "left_out": list(left_out),
                "stopping_share": self.options.stopping_share,
                "seed": self.options.means.seed,
            }
        )

    def _fit(self, name: str, left_out: LeftOut, checkpoint: Path | None = None) -> FittedLearner:
        settings = self.members[name]
        means = replace(self.options.means, checkpoint=checkpoint)
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


def place_of(folder: Path, name: str, left_out: LeftOut) -> Path:
    """Return where a fit is kept.

    >>> place_of(Path("members"), "wrf", (0, 2)).as_posix()
    'members/wrf_0_2'
    """
    return folder / f"{name}_{'_'.join(map(str, left_out))}"
