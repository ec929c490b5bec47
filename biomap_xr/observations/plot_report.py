"""What became of vegetation plots, step by step: plots, species, observations and labels left."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from biomap_xr.observations.plots import Plots

EXAMPLES = 50
"""Most examples of what a step left out; unknown labels and empty plots are to be looked at."""


@dataclass(frozen=True)
class Counts:
    """How much there is."""

    plots: int
    species: int
    """Names of species that some plot has."""
    observations: int
    """Species on plots."""
    labelled: int
    """Plots with a label."""


@dataclass(frozen=True)
class PlotStep:
    """One thing that leaves plots, species, observations or labels out."""

    name: str
    before: Counts
    after: Counts
    examples: dict[str, int]
    """What was left out and how often, the most frequent first, at most `EXAMPLES`."""
    matching: dict[str, int] = field(default_factory=dict)
    """Where names were matched: how many at which `taxa.Step`, or not and why."""


@dataclass(frozen=True)
class TableSteps:
    """What became of one table as it was read."""

    path: str
    kind: str
    steps: tuple[PlotStep, ...]


@dataclass(frozen=True)
class CurationReport:
    """How tables became curated plots."""

    tables: tuple[TableSteps, ...]
    steps: tuple[PlotStep, ...]
    """Filters, then curation, of all tables together."""
    final: Counts

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON takes them."""
        return asdict(self)

    def rows(self) -> tuple[dict[str, str | int], ...]:
        """Return one row a step for a table: step, then plots, species... before and after."""
        steps = [(table.path, step) for table in self.tables for step in table.steps]
        steps += [("", step) for step in self.steps]
        return tuple(
            {
                "table": path,
                "step": step.name,
                **{f"{name}_before": value for name, value in asdict(step.before).items()},
                **{f"{name}_after": value for name, value in asdict(step.after).items()},
                "examples": ", ".join(step.examples),
            }
            for path, step in steps
        )


def counts_of(plots: Plots) -> Counts:
    """Count plots, the species that any of them has, observations and labelled plots."""
    return Counts(
        plots=len(plots),
        species=int(np.count_nonzero(np.bincount(plots.cover.indices))),
        observations=plots.cover.nnz,
        labelled=sum(bool(labels) for labels in plots.labels),
    )


def step_of(name: str, before: Plots, after: Plots, lost: Iterable[object] = ()) -> PlotStep:
    """Return a step from plots to plots, with what was lost as examples."""
    return PlotStep(name, counts_of(before), counts_of(after), examples_of(lost))


def examples_of(values: Iterable[object]) -> dict[str, int]:
    """Return the most frequent values as text with their counts, at most `EXAMPLES`.

    >>> examples_of(["~", "Forest", "~"])
    {'~': 2, 'Forest': 1}
    """
    return most_frequent(Counter(str(value) for value in values))


def most_frequent(counts: Mapping[str, int]) -> dict[str, int]:
    """Return the values with the highest counts, at most `EXAMPLES`, the highest first.

    >>> most_frequent({"a": 1, "b": 3})
    {'b': 3, 'a': 1}
    """
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:EXAMPLES])
