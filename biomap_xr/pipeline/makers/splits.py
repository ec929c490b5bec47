"""The same learners scored under other splits than blocks, where a recipe asks for them.

Random cross-validation has the neighbours of a plot in training and so flatters (paper 2, "Spatial
Block-CV"); whole countries or ecoregions say how far an ensemble carries to another one. Members
are those of the ensemble, tuned as they are, so that the split alone differs: the rows that stop a
training early, and the blocks that intervals resample, are the ensemble's spatial blocks, too.
"""

import json
import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.folds.blocks import Folds, group_folds
from biomap_xr.folds.settings import RANDOM, SITE, BlockSettings
from biomap_xr.habitats.ensemble.artefact import CARD
from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.ensemble.learners.protocol import Rows
from biomap_xr.habitats.ensemble.learners.settings import LearnerSettings
from biomap_xr.habitats.ensemble.plots import FormationPlots
from biomap_xr.habitats.ensemble.training import Observations, Options, TrainedFormation
from biomap_xr.habitats.ensemble.voters import ENSEMBLE
from biomap_xr.habitats.eunis import number_of
from biomap_xr.observations.plots import Plots
from biomap_xr.pipeline.makers.ensemble_scores import formation_scores
from biomap_xr.pipeline.records import SCORES, SPLIT
from biomap_xr.pipeline.scores import HabitatScores
from biomap_xr.programs.fits import MEMBERS, Training
from biomap_xr.run import fingerprint_of

logger = logging.getLogger(__name__)

KERNEL = 1
"""Raised when the same ensemble and split give other scores."""
FITS, ROWS = "splits", "rows"


@dataclass(frozen=True, eq=False)
class Split:
    """Another split of a formation's plots."""

    name: str
    rows: NDArray[np.int64]
    """``(kept,)`` the formation's rows that belong to a group."""
    folds: Folds
    """Of these rows; no group is on both sides."""
    groups: int
    """Plots, sites or values of the column."""
    lost: int
    """Plots without a value in the column: they neither train nor count."""

    @property
    def note(self) -> str:
        """How plots were split, for a report."""
        if self.groups == self.folds.number:
            how = f"each of {self.groups} groups is held out in turn"
        else:
            how = f"{self.folds.number} folds of {self.groups:,} groups"
        left = f"; {self.lost:,} plots without a value are left out" if self.lost else ""
        return how + left


def split_plots(
    name: str, plots: FormationPlots, given: Plots, blocks: Folds, settings: BlockSettings
) -> Split:
    """Deal a formation's plots out to folds by other groups than blocks.

    All rows of a plot are in one fold, and plots without a value in the column are left out.

    Args:
        name: ``random``, ``site`` or a field of the plots' header (see `Plots.header`).
        plots: Of the formation.
        given: All plots, among which the formation's are.
        blocks: The ensemble's own folds of the plots' rows.
        settings: Number of folds and seed; of fewer groups, each is held out in turn.

    Raises:
        InputError: There is no such field, or fewer than two groups.
    """
    group = _groups(name, plots, given)
    known = group >= 0
    groups = len(np.unique(group[known]))
    if groups < 2:
        raise InputError(
            f"formation {plots.formation}, compared_splits {name!r}: {int(known.sum())} of "
            f"{len(plots)} plots have a value, in {groups} groups; expected two groups at least: "
            "leave it out of habitats.by_environment.compared_splits, or complete the column"
        )
    rows = np.flatnonzero(known[plots.plot])
    classes, label = np.unique(plots.codes[rows], return_inverse=True)
    if groups <= settings.folds:
        # By frequency no fold stays empty, so that each group is held out alone.
        settings = settings.model_copy(update={"folds": groups, "count": "frequency"})
    try:
        folds = group_folds(group[plots.plot][rows], label.reshape(-1), len(classes), settings)
    except InputError as error:
        raise InputError(
            f"formation {plots.formation}, compared_splits {name!r}: {error}"
        ) from error
    return Split(name, rows, replace(folds, unit=blocks.unit[rows]), groups, int((~known).sum()))


def check_splits(names: Sequence[str], given: Plots) -> None:
    """Make sure that plots can be split at all, before their formations are known.

    Args:
        names: ``random``, ``site`` or fields of the plots' header.
        given: All plots.

    Raises:
        InputError: There is no such field, or fewer than two values in it.
    """
    for name in (each for each in names if each != RANDOM):
        groups = _values(name, given).nunique()
        if groups < 2:
            raise InputError(
                f"compared_splits {name!r}: {len(given)} plots have {groups} different values of "
                "it; expected two at least: leave it out of "
                "habitats.by_environment.compared_splits, or complete the plots' table"
            )


def _groups(name: str, plots: FormationPlots, given: Plots) -> NDArray[np.int64]:
    """Return the number of each plot's group ``(plot,)``, -1 where it has no value."""
    if name == RANDOM:
        return np.arange(len(plots))
    own = _values(name, given).iloc[plots.source]
    return np.asarray(pd.factorize(own)[0], np.int64)


def _values(name: str, given: Plots) -> "pd.Series[Any]":
    """Return a field of all plots ``(plot,)``, NaN where it is empty."""
    columns = given.header.columns
    if name != SITE and name not in columns:
        raise InputError(
            f"compared_splits names {name!r}, which is no field of the plots; expected "
            f"{RANDOM}, {SITE} or one of {', '.join(columns)}: correct "
            "habitats.by_environment.compared_splits, or name the table's column as one of these "
            "in header_columns"
        )
    values = pd.Series(given.site) if name == SITE else given.header[name]
    empty = values.isna() | (values.astype(str).str.strip() == "")
    return values.mask(empty)


def check_fits(split: Split, plots: FormationPlots, *, nested: bool) -> None:
    """Make sure that every training of a split has something to learn, and some score.

    Args:
        split: Of the formation's plots.
        plots: Of the formation.
        nested: Whether learners are chosen on folds within the others.

    Raises:
        InputError: A training would have fewer than two habitats or blocks, or no fold a score.
    """
    outer = range(split.folds.number) if nested else (None,)
    for each in outer:
        # All folds are looked at, not only those up to the first that has a score.
        if not any(list(_scorable(split, plots, each))):
            raise InputError(
                f"formation {plots.formation}, compared_splits {split.name!r}: no fold has plots "
                f"of two habitats that the others have, too, in {split.groups} groups; expected "
                "habitats that several groups share: leave it out of "
                "habitats.by_environment.compared_splits"
            )


def _scorable(split: Split, plots: FormationPlots, outer: int | None) -> Iterator[bool]:
    """Say of every fold whether it holds out two habitats that the others train."""
    codes, fold = plots.codes[split.rows], split.folds.fold
    for held_out in range(split.folds.number):
        if held_out == outer:
            continue
        seen = (fold != held_out) & (fold != outer)
        habitats, blocks = np.unique(codes[seen]), np.unique(split.folds.unit[seen])
        if min(len(habitats), len(blocks)) < 2:
            raise InputError(
                f"formation {plots.formation}, compared_splits {split.name!r}: a training would "
                f"have {int(seen.sum())} plots of {len(habitats)} habitats in {len(blocks)} "
                f"spatial blocks ({split.groups} groups in {split.folds.number} folds); expected "
                "two habitats and two blocks at least: leave it out of "
                "habitats.by_environment.compared_splits, or name finer groups"
            )
        yield len(np.intersect1d(codes[fold == held_out], habitats)) > 1


@dataclass(frozen=True)
class Comparison:
    """One formation's ensemble, and what it takes to score it under other splits."""

    folder: Path
    """Where everything of the formation is kept."""
    data: str
    """Fingerprint of all that the ensemble depends on."""
    table: FeatureTable
    options: Options
    blocks: BlockSettings
    """Number of folds and seed."""

    def missing(self, names: Sequence[str]) -> tuple[str, ...]:
        """Return the splits that have no scores of this ensemble yet."""
        return tuple(name for name in names if not self._scored(name))

    def forget_others(self) -> None:
        """Remove the records of scores of ensembles that were there before."""
        for path in (self.folder / SCORES).glob(f"{SPLIT}*"):
            if not self._scored(path.name.removeprefix(SPLIT)):
                HabitatScores.forget(path.parent, path.name)

    def splits(
        self, names: Sequence[str], plots: FormationPlots, given: Plots, blocks: Folds
    ) -> tuple[Split, ...]:
        """Split a formation's plots, and check that learners can be trained so.

        Args:
            names: Of the splits.
            plots: Of the formation.
            given: All plots, among which the formation's are.
            blocks: The ensemble's own folds of the plots' rows.

        Raises:
            InputError: A split cannot be made, or leaves too little to train on.
        """
        found = tuple(split_plots(each, plots, given, blocks, self.blocks) for each in names)
        for split in found:
            check_fits(split, plots, nested=self.options.selection.nested)
        return found

    def training(
        self,
        split: Split,
        plots: FormationPlots,
        members: Mapping[str, LearnerSettings] | None = None,
    ) -> Training:
        """Return the training of the ensemble's members under another split.

        Args:
            split: Of the plots.
            plots: Of the formation.
            members: As they are tuned for the ensemble; None: as its card has them, also where
                that was long ago.
        """
        if members is None:
            card = json.loads((self.folder / ENSEMBLE / CARD).read_text())
            members = MEMBERS.validate_python(card["facts"]["members"])
        rows = Rows(plots.values[plots.plot[split.rows]], plots.codes[split.rows])
        # A bound on scores that was made for blocks must not stop a comparison.
        selection = self.options.selection.model_copy(update={"least": None})
        return Training(
            plots.formation,
            Observations(rows, split.folds),
            self.table,
            members,
            replace(self.options, selection=selection),
            self.folder / FITS / split.name,
            self.folder / ROWS,
            split.name,
        )

    def score(self, split: Split, plots: FormationPlots, training: Training) -> None:
        """Keep the scores alone of a training whose fits are made; they are kept until then."""
        trained = training.join()
        scores = split_scores(plots, split, trained)
        scores.write(self.folder / SCORES, SPLIT + split.name, self._data_of(split.name))
        shutil.rmtree(training.folder)
        logger.info(
            "formation %s, split %s (%s): adjusted balanced accuracy %.3f",
            plots.formation,
            split.name,
            split.note,
            np.nanmean(trained.validation.ensemble_scores),
        )

    def _scored(self, name: str) -> bool:
        return HabitatScores.exist(self.folder / SCORES, SPLIT + name, self._data_of(name))

    def _data_of(self, name: str) -> str:
        return fingerprint_of({"kernel": KERNEL, "ensemble": self.data, "split": name})


def split_scores(plots: FormationPlots, split: Split, trained: TrainedFormation) -> HabitatScores:
    """Return what voters say of the plots that they never saw under a split.

    Args:
        plots: Of the formation.
        split: Of these plots.
        trained: On the rows of the split.

    Returns:
        Of all voters together; NaN for plots that the split leaves out.
    """
    validation = trained.validation
    known, first = np.unique(plots.plot[split.rows], return_index=True)
    # A habitat whose plots are all left out has a column, too: scores stand beside the ensemble's.
    column = np.searchsorted(
        [number_of(code) for code in plots.classes],
        [number_of(code) for code in validation.classes],
    )
    probability = np.full((len(plots), len(plots.classes)), np.nan, np.float32)
    probability[known] = 0
    probability[np.ix_(known, column)] = validation.probability[first]
    block = np.full(len(plots), "", split.folds.unit.dtype)
    block[known] = split.folds.unit[first]
    learnt = np.unique(plots.plot[split.rows][validation.learnt])
    missed = len(known) - len(learnt)
    told = f"; {missed:,} plots of habitats that one fold alone has are missed" if missed else ""
    return formation_scores(plots, block, {ENSEMBLE: probability}, {ENSEMBLE: split.note + told})
