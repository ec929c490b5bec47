"""Fits of ensembles, and searches for their hyperparameters: each one is a task on some worker."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from pydantic import JsonValue, TypeAdapter

from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.ensemble.fits import (
    VERSION,
    Fits,
    LeftOut,
    Observations,
    Options,
    place_of,
)
from biomap_xr.habitats.ensemble.learners.settings import LearnerSettings
from biomap_xr.habitats.ensemble.settings import TuningSettings
from biomap_xr.habitats.ensemble.spaces import SPACES
from biomap_xr.habitats.ensemble.training import TrainedFormation, train_formation
from biomap_xr.habitats.ensemble.tuning import STAGES, Bench, Tuned, tune
from biomap_xr.run import Outcome, Task, fingerprint_of, recorded
from biomap_xr.run.durable import publish

MEMBERS: TypeAdapter[dict[str, LearnerSettings]] = TypeAdapter(dict[str, LearnerSettings])
FITS, TUNING = "fits", "tuning"
TUNED: TypeAdapter[Tuned] = TypeAdapter(Tuned)


@dataclass(frozen=True, eq=False)
class Training:
    """The learners of one formation under one split of its plots."""

    formation: str
    observations: Observations
    table: FeatureTable
    members: Mapping[str, LearnerSettings]
    options: Options
    folder: Path
    """Where each fit is kept; equal rows and settings take what is there."""
    rows: Path
    """Where workers find the observations."""
    split: str = ""
    """Of another split than the ensemble's own blocks, its name."""

    @cached_property
    def fits(self) -> Fits:
        """All of them, as they are read once they are made."""
        return Fits(self.observations, self.table, self.members, self.options, self.folder)

    def tasks(self) -> Iterator[Task]:
        """Yield a task for every fit that `join` will ask for, the observations written first."""
        rows = self.observations.keep(self.rows)
        prefix = "-".join(filter(None, (self.formation, self.split)))
        for name, left_out in self.fits.needed:
            place = place_of(self.folder, name, left_out)
            fit = Fit(
                rows, name, left_out, self.members[name], self.table, self.options, self.folder
            )
            yield Task(f"{prefix}-{place.name}", fit, self.fits.fingerprint(name, left_out))

    def searches(self, tuning: TuningSettings, folder: Path) -> "tuple[Search, ...]":
        """Return a search for the hyperparameters of each member; trials are kept in a folder."""
        rows = self.observations.keep(self.rows)
        return tuple(
            Search(rows, name, each, self.table, tuning, self.options, folder)
            for name, each in self.members.items()
        )

    def join(self) -> TrainedFormation:
        """Choose, weigh and score the learners once all fits are there."""
        return train_formation(
            self.formation,
            self.observations,
            self.table,
            self.members,
            self.options,
            folder=self.folder,
        )


@dataclass(frozen=True)
class Fit:
    """One learner without some folds, as it travels: paths and small tables only."""

    rows: Path
    learner: str
    left_out: LeftOut
    settings: LearnerSettings
    table: FeatureTable
    options: Options
    folder: Path


@dataclass(frozen=True)
class FitProgram:
    """Fits learners; what each depends on is the key of its task."""

    root: Path
    fingerprint: str = fingerprint_of({"program": FITS})
    name: str = FITS
    unit: str = "fits"
    timeout: float | None = None
    """Boosters of many classes and plots may grow for hours."""

    def __call__(self, task: Task) -> Outcome:
        """Fit one learner and ask it about the rows left out, unless an earlier run has done so.

        Raises:
            InputError: Rows cannot train it.
        """
        fit: Fit = task.arguments
        fits = Fits(
            _observations(fit.rows), fit.table, {fit.learner: fit.settings}, fit.options, fit.folder
        )
        return Outcome(recorded(self.root, fits.make(fit.learner, fit.left_out)))


@dataclass(frozen=True)
class Search:
    """The trials of one learner of one formation, as they travel."""

    rows: Path
    learner: str
    settings: LearnerSettings
    table: FeatureTable
    tuning: TuningSettings
    options: Options
    folder: Path
    """Of the formation's trials: each learner has a journal and, in the end, a result."""

    @property
    def result(self) -> Path:
        """What the search ended with."""
        return self.folder / f"{self.learner}.json"

    def task(self, formation: str) -> Task:
        """Return the task of it; the key names all that trials and their choice depend on."""
        spaces = [repr(SPACES[self.settings.algorithm, stage]) for stage in STAGES]
        parts: dict[str, JsonValue] = {
            "version": VERSION,
            "rows": self.rows.name,
            "settings": self.settings.model_dump(mode="json"),
            "spaces": [*spaces],
            "table": self.table.model_dump(mode="json"),
            "tuning": self.tuning.model_dump(mode="json"),
            "seed": self.options.means.seed,
        }
        return Task(f"{formation}-{self.learner}", self, fingerprint_of(parts))

    def found(self) -> Tuned:
        """Read what the search ended with."""
        return TUNED.validate_json(self.result.read_bytes())


@dataclass(frozen=True)
class TuningProgram:
    """Searches for hyperparameters; a search that was killed goes on at its last trial."""

    root: Path
    fingerprint: str = fingerprint_of({"program": TUNING})
    name: str = TUNING
    unit: str = "searches"
    timeout: float | None = None

    def __call__(self, task: Task) -> Outcome:
        """Try settings of one learner and keep the best.

        Raises:
            InputError: Rows lie in too few blocks to be set aside.
            CorruptError: The journal of an earlier run is none of trials.
        """
        search: Search = task.arguments
        observations, tuning = _observations(search.rows), search.tuning
        unit = np.unique(observations.folds.unit, return_inverse=True)[1].reshape(-1)
        bench = Bench.of(search.table, observations.rows, unit, tuning, search.options.means)
        # A journal for each learner: two workers would mend one of both at the same time.
        tuned = tune(search.settings, bench, tuning, search.folder / f"{search.learner}.journal")
        publish(search.result, TUNED.dump_json(tuned))
        return Outcome(recorded(self.root, search.result))


@lru_cache(maxsize=2)
def _observations(folder: Path) -> Observations:
    """Read the rows of a formation once for the fits that follow each other on a worker."""
    return Observations.kept(folder)
