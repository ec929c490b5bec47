"""The expert system: plots in, one habitat each out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array

from biomap_xr.errors import InputError
from biomap_xr.habitats.esy.covers import FULL, Covers, Plan, highest_rivals
from biomap_xr.habitats.esy.header import OPERATORS, compare_field, field_of
from biomap_xr.habitats.esy.kleene import TRUE, UNKNOWN, evaluate, truth
from biomap_xr.habitats.esy.names import Matched, match
from biomap_xr.habitats.esy.priorities import Decision, decide
from biomap_xr.habitats.esy.reading import RuleFile, read_rules
from biomap_xr.habitats.esy.terms import Amount, Comparison, Field, Number, Rivals, Term
from biomap_xr.observations.plots import Plots

BLOCK = 4096
"""Plots at a time; their amounts and truth values take about 60 MB."""


@dataclass(frozen=True)
class Conventions:
    """Where programs that read these rule files differ."""

    merge: bool = True
    """Whether taxa that section 1 calls alike are one species of their joint cover, or count each
    by itself as in the authors' R scripts."""
    count_absent: bool = False
    """Whether species count in every plot of the table that has them anywhere, as they do in the R
    scripts when a wide table is made long without dropping its zeros."""
    descend: bool = True
    """Whether a lower priority may decide where a higher one is tied."""


OURS = Conventions()
SCRIPTS = Conventions(merge=False, count_absent=True, descend=False)
"""Conventions of labels that were made by the R scripts of 2020 from a wide table with zeros."""


@dataclass(frozen=True, eq=False)
class Classification:
    """Habitats of plots."""

    decision: Decision
    """Code, rule and priority of each plot."""
    unknown: NDArray[np.int32]
    """``(plot,)`` rules that neither hold nor fail, as a field of the header is missing."""
    missing: dict[str, int]
    """Plots that lack a field, by the fields that rules ask for; complete ones are left out."""
    over: int
    """Covers above 100 percent, which sums of layers may be; they were taken as 100."""
    names: Matched
    """What the species are called in the rule file, and which it does not know."""
    hits: NDArray[np.bool_] | None
    """``(plot, rule)`` whether each rule holds; only where asked for."""

    @property
    def code(self) -> NDArray[np.object_]:
        """``(plot,)`` code without variant marks; '?' for no habitat, '+' for several."""
        return self.decision.code


@dataclass(frozen=True, eq=False)
class ExpertSystem:
    """A rule file that is ready to classify plots."""

    rules: RuleFile

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a rule file.

        Raises:
            InputError: It is missing or malformed; the message names the line.
        """
        return cls(read_rules(path))

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the habitats, each once, in the order of the file."""
        return tuple(dict.fromkeys(rule.code for rule in self.rules.rules))

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        """Fields of the header that rules ask for, each once."""
        terms = (each.left for each in self.rules.comparisons)
        return tuple(dict.fromkeys(term for term in terms if isinstance(term, Field)))

    @cached_property
    def amounts(self) -> tuple[Amount, ...]:
        """Amounts of plants that rules compare, each once."""
        return tuple(dict.fromkeys(_amounts_in(self.rules.comparisons)))

    @cached_property
    def names(self) -> frozenset[str]:
        """Keys of all names that the rule file knows."""
        named = (amount.species.names for amount in self.amounts)
        groups = (group.species for group in self.rules.groups)
        return frozenset(self.rules.aggregation.values()).union(*named, *groups)

    def classify(
        self, plots: Plots, *, conventions: Conventions = OURS, keep_hits: bool = False
    ) -> Classification:
        """Classify plots by the rules (Bruelheide et al. 2021).

        Covers are percent of the ground, more than 100 taken as 100. The header has the fields of
        `header.COLUMNS`; where one is missing, rules that depend on it are unknown and do not hold.

        Args:
            plots: With species under any spelling.
            conventions: Where programs differ.
            keep_hits: Whether to return which rules hold for each plot.

        Returns:
            One habitat a plot, and what is behind it.

        Raises:
            InputError: A cover is negative or no number.
        """
        cover = _percent(plots)
        matched = match(plots.species, self.rules.aggregation, self.names)
        fields = {field: field_of(plots, field) for field in self.fields}
        hits = np.empty((len(plots) if keep_hits else 0, len(self.rules.rules)), bool)
        unknown = np.empty(len(plots), np.int32)
        decisions = []
        table = _Table.of(self.amounts, matched.keys, conventions)
        for start in range(0, len(plots), BLOCK):
            part = slice(start, min(start + BLOCK, len(plots)))
            values = _Values(table.amounts(cover[part]), table.plan.places)
            truths = self._truths(values, {each: fields[each].iloc[part] for each in fields})
            unknown[part] = (truths == UNKNOWN).sum(axis=0)
            # What is unknown does not hold: a habitat is given on what is known of a plot.
            held = truths == TRUE
            decisions.append(decide(held, self.rules.rules, descend=conventions.descend))
            if keep_hits:
                hits[part] = held.T
        missing = {each.name: int(values.isna().sum()) for each, values in fields.items()}
        return Classification(
            Decision.joined(decisions),
            unknown,
            {name: count for name, count in missing.items() if count},
            int((plots.cover.data > FULL).sum()),
            matched,
            hits if keep_hits else None,
        )

    def _truths(self, values: "_Values", fields: dict[Field, pd.Series]) -> NDArray[np.uint8]:
        """Return the truth of rules ``(rule, plot)``; each distinct comparison is made once."""
        # Amounts are never unknown, only fields of the header are.
        compared = [
            compare_field(each, fields[each.left])
            if isinstance(each.left, Field)
            else values.compare(each)
            for each in self.rules.comparisons
        ]
        return np.stack([evaluate(rule.formula, compared) for rule in self.rules.rules])


@dataclass(frozen=True, eq=False)
class _Table:
    """How the species of a table become the amounts that rules compare."""

    plan: Plan
    column: NDArray[np.int64]
    """``(species,)`` place of each one's name."""
    names: int
    counted: NDArray[np.float64] | None

    @classmethod
    def of(cls, amounts: Sequence[Amount], keys: Sequence[str], conventions: Conventions) -> Self:
        """Plan amounts for species that are called by keys ``(species,)``."""
        # Each taxon keeps a column of its own, or shares that of its name.
        names = list(dict.fromkeys(keys)) if conventions.merge else list(keys)
        place = {name: index for index, name in enumerate(names)}
        shared = np.array([place[key] for key in keys], np.int64)
        column = shared if conventions.merge else np.arange(len(keys), dtype=np.int64)
        counted = np.ones(len(names)) if conventions.count_absent else None
        return cls(Plan.of(amounts, names), column, len(names), counted)

    def amounts(self, cover: csr_array) -> NDArray[np.float64]:
        """Return the amounts ``(amount, plot)`` for covers ``(plot, species)``."""
        return self.plan.carry_out(Covers.of(cover, self.column, self.names), self.counted)


class _Values:
    """Values of terms for one block of plots."""

    def __init__(self, amounts: NDArray[np.float64], places: dict[Amount, int]) -> None:
        self.amounts = amounts
        self.places = places
        self.rivals: dict[int, NDArray[np.float64]] = {}

    def compare(self, comparison: Comparison) -> NDArray[np.uint8]:
        """Return the truth ``(plot,)`` of a comparison of amounts, which are always known."""
        operator = OPERATORS[comparison.operator]
        return truth(operator(self.of(comparison.left), self.of(comparison.right)))

    def of(self, term: Term) -> NDArray[np.float64]:
        """Return the value ``(plot,)`` of a term, or one (1,) for all plots."""
        if isinstance(term, Amount):
            return self.amounts[self.places[term]]
        if isinstance(term, Rivals):
            return self._rivals(term)
        return np.array([term.value if isinstance(term, Number) else np.nan])

    def _rivals(self, term: Rivals) -> NDArray[np.float64]:
        """Return the largest amount of the other groups; one set serves all its groups."""
        # By identity: to compare sets of a hundred groups each time would take longer than to sum.
        if id(term.all) not in self.rivals:
            rows = [self.places[amount] for amount in term.all]
            self.rivals[id(term.all)] = highest_rivals(self.amounts[rows])
        return self.rivals[id(term.all)][term.all.index(term.own)]


def _amounts_in(comparisons: Sequence[Comparison]) -> Iterator[Amount]:
    """Yield every amount that comparisons speak of."""
    for comparison in comparisons:
        for term in (comparison.left, comparison.right):
            if isinstance(term, Amount):
                yield term
            elif isinstance(term, Rivals):
                yield from term.all


def _percent(plots: Plots) -> csr_array:
    """Return covers ``(plot, species)`` of at most 100 percent; refuse what is no cover."""
    cover = plots.cover
    wrong = np.flatnonzero(~((cover.data >= 0) & np.isfinite(cover.data)))
    if len(wrong):
        plot = int(np.searchsorted(cover.indptr, wrong[0], side="right")) - 1
        raise InputError(
            f"cover {cover.data[wrong[0]]} in plot {plots.plot_id[plot]!r}, and {len(wrong) - 1} "
            "more; expected percent of the ground, 0 or more: turn scales of cover-abundance into "
            "percent first"
        )
    # Beyond full cover the product over layers would change its sign.
    return csr_array((np.minimum(cover.data, FULL), cover.indices, cover.indptr), cover.shape)
