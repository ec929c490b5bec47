"""The voters of one formation: learners x folds, and what the vote needs to know of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.ensemble.learners.fitting import FittedLearner
from biomap_xr.habitats.ensemble.preprocessing import Preparation
from biomap_xr.habitats.ensemble.settings import VoteSettings
from biomap_xr.habitats.ensemble.trees.table import TreeTable
from biomap_xr.habitats.ensemble.trees.tables import table_of
from biomap_xr.habitats.ensemble.vote import voter_weights

ENSEMBLE = "ensemble"
"""Name of all voters together; others are learners."""


@dataclass(frozen=True, eq=False)
class Voter:
    """A learner and the fold that it never saw."""

    learner: FittedLearner
    fold: int

    @property
    def name(self) -> str:
        """Of the learner, the same in all folds."""
        return self.learner.name

    @cached_property
    def table(self) -> TreeTable | None:
        """The trees as a table; None where the library itself evaluates the learner."""
        return table_of(self.learner.algorithm, self.learner.model)

    def probabilities(self, columns: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return ``(row, class of the learner)`` of prepared columns ``(row, column)``."""
        if self.table is None:
            # Blocks of cells are spread over threads, so that a library needs none of its own.
            return self.learner.model.probabilities(columns, 1)
        return self.table.probabilities(columns)


@dataclass(frozen=True, eq=False)
class FormationEnsemble:
    """The voters of a formation and how they are joined."""

    formation: str
    """Level-1 code."""
    classes: tuple[str, ...]
    """Level-3 codes, sorted by their number on the map."""
    voters: tuple[Voter, ...]
    weights: Mapping[str, float]
    """Of each learner by name; they sum to 1."""
    vote: VoteSettings = field(default_factory=VoteSettings)
    facts: dict[str, JsonValue] = field(default_factory=dict)
    """What its card tells beside: folds, scores, how learners were chosen, fingerprints."""

    @property
    def features(self) -> FeatureTable:
        """Predictors in the order of the columns of raw values."""
        return self.voters[0].learner.features

    @property
    def learners(self) -> tuple[str, ...]:
        """Name of each voter's learner ``(voter,)``."""
        return tuple(voter.name for voter in self.voters)

    @property
    def folds(self) -> tuple[int, ...]:
        """Fold that each voter never saw ``(voter,)``."""
        return tuple(voter.fold for voter in self.voters)

    @cached_property
    def voter_weights(self) -> NDArray[np.float64]:
        """Weight of each vote ``(voter,)``."""
        return voter_weights(self.learners, self.weights)

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Whether each voter's training had each class ``(voter, class)``."""
        return np.array(
            [[code in voter.learner.classes for code in self.classes] for voter in self.voters]
        )

    @cached_property
    def preparations(self) -> tuple[tuple[Preparation, tuple[int, ...]], ...]:
        """Each distinct pre-processing and the places of the voters that share it."""
        # Those of one algorithm are often equal in all folds, and need to be made only once.
        groups: list[tuple[Preparation, list[int]]] = []
        for place, voter in enumerate(self.voters):
            for preparation, places in groups:
                if preparation == voter.learner.preparation:
                    places.append(place)
                    break
            else:
                groups.append((voter.learner.preparation, [place]))
        return tuple((preparation, tuple(places)) for preparation, places in groups)

    def of_fold(self, fold: int) -> "FormationEnsemble":
        """Return the voters that never saw a fold, which alone may be scored on it."""
        voters = tuple(voter for voter in self.voters if voter.fold == fold)
        return FormationEnsemble(
            self.formation, self.classes, voters, self.weights, self.vote, self.facts
        )

    def of_learner(self, name: str) -> "FormationEnsemble":
        """Return the voters of one learner as an ensemble of its own."""
        voters = tuple(voter for voter in self.voters if voter.name == name)
        return FormationEnsemble(
            self.formation, self.classes, voters, {name: 1.0}, self.vote, self.facts
        )

    def probabilities(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what each voter says ``(voter, row, class)``, 0 for classes that it does not know.

        Args:
            values: Raw predictors ``(row, feature)``, NaN where missing; a block of rows, since the
                result holds all voters at once.
        """
        answer = np.zeros((len(self.voters), len(values), len(self.classes)), np.float32)
        for preparation, places in self.preparations:
            columns = preparation.apply(values)
            for place in places:
                answer[place][:, self.known[place]] = self.voters[place].probabilities(columns)
        return answer
