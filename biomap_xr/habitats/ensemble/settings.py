"""What a recipe says about paper 2's ensemble: predictors, members, folds, tuning and votes."""

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from biomap_xr.folds.settings import RANDOM, SITE, BlockSettings
from biomap_xr.habitats.ensemble.features import Feature
from biomap_xr.habitats.ensemble.learners.settings import LearnerSettings
from biomap_xr.habitats.ensemble.published import Members, published_members, read_published
from biomap_xr.habitats.eunis import FORMATIONS
from biomap_xr.observations.plot_settings import FURTHER
from biomap_xr.settings import Settings, refuse_device

MEMBER = re.compile(r"[a-z0-9][a-z0-9_.]*")
Weights = Literal["rank", "equal"]
Denominator = Literal["knowing", "all"]


class VoteSettings(Settings):
    """How the voters of an ensemble are joined."""

    weights: Weights = "rank"
    """Of learners: by rank of their cross-validated score (paper), or equal (published code)."""
    denominator: Denominator = "knowing"
    """What committee averaging is a share of: the voters that know the class, or all of them."""


class SelectionSettings(Settings):
    """How learners are chosen by cross-validated adjusted balanced accuracy."""

    keep: Literal["family", "algorithm", "all"] = "family"
    """The best of each family (bagging, boosting, perceptrons), the best imbalance strategy of each
    algorithm, or every learner: for a recipe that names the published winners."""
    margin: float = Field(0.0, ge=0)
    """Others of the family are kept, too, when they are at most so much worse than its best."""
    least: float | None = None
    """Learners below this score do not vote; none: no such requirement."""
    nested: bool = False
    """Choose for each fold on folds within the others, so that no score is of rows that chose; of
    five folds this takes ten more fits a learner. Without it, the report says so."""


class TuningSettings(Settings):
    """How much is tried; without any trial the settings given are used as they are."""

    share: float = Field(0.1, gt=0, lt=1)
    """Of the rows set aside to score trials, by whole blocks; paper 2 has 10%."""
    optimiser_trials: int = Field(0, ge=0)
    """Of a learner without regularisation; of a perceptron's grid at most so many points."""
    regularisation_trials: int = Field(0, ge=0)
    """Of the learner with the best optimiser."""
    random_trials: int = Field(10, ge=1)
    """Trials by chance before the estimator takes over, in each stage."""
    seed: int = Field(0, ge=0)

    @property
    def trials(self) -> int:
        """Trials in all; 0 where nothing is tuned."""
        return self.optimiser_trials + self.regularisation_trials


class EnsembleSettings(Settings):
    """The ensemble of each formation.

    >>> list(EnsembleSettings().members_of("MA2"))
    ['wrf', 'wxgb', 'mlp3_wldam']
    """

    formations: tuple[str, ...] = ("MA2", "N", "Q", "R", "S", "T", "U", "V")
    """Level-1 codes that are modelled; inland water, P, is mapped when named, too."""
    smallest_class: int = Field(5, ge=1)
    """A habitat with fewer plots is dropped, and listed."""
    feature_table: Path | None = None
    """CSV of predictors and their types in the published form; or else:"""
    features: tuple[Feature, ...] = ()
    """Predictors and their types."""
    predictors: tuple[str, ...] = ()
    """Those of the table that are used, in their order; empty: all."""
    members: dict[str, LearnerSettings] = Field(default_factory=dict)
    """Learners of every formation, by name; empty: the published ones of each formation."""
    by_formation: dict[str, dict[str, LearnerSettings]] = Field(default_factory=dict)
    """Learners of single formations, instead of those above."""
    configurations: Path | None = None
    """Folder of published configuration files, instead of the ones built in."""
    blocks: BlockSettings = BlockSettings()
    compared_splits: tuple[str, ...] = ()
    """Other splits under which the report scores the same learners: ``random`` (single plots),
    ``site``, or fields of a plot: ``country``, ``ecoregion``, ``dataset``, ``year``, ``coast``,
    ``dunes``, ``cover_scale``, ``area_m2``, ``uncertainty_m`` or ``altitude_m``. Other columns of
    a table are not kept; ``header_columns`` says which one a field is read from. Each split trains
    all learners again."""
    tuning: TuningSettings = TuningSettings()
    stopping_share: float = Field(0.1, gt=0, lt=1)
    """Of a voter's training rows, by whole blocks, held out for early stopping and temperature."""
    weights: Literal["rank", "equal"] = "rank"
    """Of votes: by rank of predictive performance (paper), or equal (published code)."""
    denominator: Denominator = "knowing"
    """What committee averaging is a share of: the voters that know the class, or all of them."""
    selection: SelectionSettings | None = None
    """Which learners vote; none: all where they are the published winners, else the best of each
    family."""
    seed: int = Field(0, ge=0)
    """Of learners; members and folds of one seed are equal on one machine."""
    threads: int = Field(1, ge=1)
    """Of one fit or prediction; libraries' own defaults would take all cores in each worker."""

    _profile = model_validator(mode="before")(refuse_device)

    @field_validator("formations")
    @classmethod
    def _known(cls, formations: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [each for each in formations if each not in FORMATIONS]
        if unknown or len(set(formations)) < len(formations) or not formations:
            raise ValueError(
                f"formations: {formations}, expected some of {', '.join(FORMATIONS)}, each once; "
                f"correct {unknown or 'the list'}"
            )
        return formations

    @field_validator("compared_splits")
    @classmethod
    def _named(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [name for name in names if name not in (RANDOM, SITE, *FURTHER)]
        if wrong or len(set(names)) < len(names):
            raise ValueError(
                f"compared_splits: {names}, expected {RANDOM}, {SITE} or fields of a plot, which "
                f"are {', '.join(FURTHER)}, each once; correct {wrong or 'the list'}, or name the "
                "column in header_columns of the plots' table as one of these fields"
            )
        return names

    @model_validator(mode="after")
    def _check(self) -> Self:
        strange = sorted(set(self.by_formation) - set(FORMATIONS))
        if strange:
            raise ValueError(
                f"by_formation: {strange} are no formations, expected some of "
                f"{', '.join(FORMATIONS)}; correct them"
            )
        if self.feature_table is not None and self.features:
            raise ValueError(
                f"feature_table {str(self.feature_table)!r} and {len(self.features)} features; "
                "expected one of the two: leave one out"
            )
        if self.configurations is not None and self.members:
            raise ValueError(
                f"configurations {str(self.configurations)!r} and members "
                f"{sorted(self.members)}; expected one of the two: leave one out"
            )
        for members in (self.members, *self.by_formation.values()):
            _check_names(members)
        return self

    def members_of(self, formation: str) -> Members:
        """Return the learners of a formation: its own, else everyone's, else the published ones.

        Raises:
            InputError: It is no formation, or the folder of configurations has none.
        """
        if formation in self.by_formation:
            return dict(self.by_formation[formation])
        if self.members:
            return dict(self.members)
        if self.configurations is not None:
            return read_published(self.configurations).get(formation, published_members(formation))
        return published_members(formation)


def _check_names(members: Members) -> None:
    # A name becomes a folder of the artefact.
    wrong = [name for name in members if not MEMBER.fullmatch(name)]
    if wrong:
        raise ValueError(
            f"members: {wrong} are no names, expected lower-case letters, digits and underscores, "
            "such as wrf; rename them"
        )
