"""Which of several rules that hold for a plot decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from biomap_xr.habitats.esy.reading import Rule

UNCLASSIFIED = "?"
"""Code of a plot for which no rule holds."""
SEVERAL = "+"
"""Code of a plot between whose habitats no priority decides."""


@dataclass(frozen=True, eq=False)
class Decision:
    """One habitat a plot."""

    code: NDArray[np.object_]
    """``(plot,)`` code of the habitat, `UNCLASSIFIED` or `SEVERAL`."""
    rule: NDArray[np.int32]
    """``(plot,)`` place of the rule that decided, the first of a habitat's; -1 for none."""
    priority: NDArray[np.int8]
    """``(plot,)`` priority of that rule, 0 to 9; -1 for none."""

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """Return the decisions for several blocks of plots as one."""
        if not parts:
            return cls(np.empty(0, object), np.empty(0, np.int32), np.empty(0, np.int8))
        return cls(
            np.concatenate([part.code for part in parts]),
            np.concatenate([part.rule for part in parts]),
            np.concatenate([part.priority for part in parts]),
        )


def decide(hits: NDArray[np.bool_], rules: Sequence[Rule], *, descend: bool = True) -> Decision:
    """Choose among the rules that hold.

    The highest priority at which rules of exactly one habitat hold decides; variants of a rule
    (``R1A``, ``R1A!``) are of one habitat.

    Args:
        hits: ``(rule, plot)`` whether a rule holds.
        rules: What they are.
        descend: Whether lower priorities may decide where the highest one with a hit has several
            habitats; the plot is `SEVERAL` otherwise.

    Returns:
        The decision for each plot.
    """
    plots = hits.shape[1]
    code = np.full(plots, UNCLASSIFIED, object)
    # Until a priority says otherwise.
    code[hits.any(axis=0)] = SEVERAL
    rule, priority = np.full(plots, -1, np.int32), np.full(plots, -1, np.int8)
    open_plots = hits.any(axis=0)
    for level in sorted({one.priority for one in rules}, reverse=True):
        places = [place for place, one in enumerate(rules) if one.priority == level]
        codes = list(dict.fromkeys(rules[place].code for place in places))
        found = np.full((len(codes), hits.shape[1]), -1, np.int32)
        # Backwards, so that the first rule of a habitat is the one that stays.
        for place in reversed(places):
            found[codes.index(rules[place].code), hits[place]] = place
        count = (found >= 0).sum(axis=0)
        chosen = np.flatnonzero(open_plots & (count == 1))
        rule[chosen] = found[:, chosen].max(axis=0)
        priority[chosen] = level
        # A tie leaves a plot open for lower priorities, or closes it as undecided.
        open_plots &= count == 0 if not descend else count != 1
    decided = rule >= 0
    code[decided] = np.array([one.code for one in rules], object)[rule[decided]]
    return Decision(code, rule, priority)
