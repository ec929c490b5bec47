"""What the receipts of all tiles say of habitats, added up without opening a cube."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from typing import Self

import numpy as np

from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.run import Receipt
from biomap_xr.run.plan import Plan

MAPS = "maps"
WALL_TO_WALL = "wall_to_wall"


@dataclass(frozen=True)
class SpeciesSums:
    """Habitats from species; those of several tiles add up."""

    cells: Counter[int] = field(default_factory=Counter)
    """By place in the model's card: cells in which the habitat is the likeliest."""
    sentences: int = 0
    """Cells with a list of species to read."""
    distinct: int = 0
    """Different lists, tile by tile: each is classified once."""

    @classmethod
    def of_receipt(cls, receipt: Receipt) -> Self:
        """Return what one tile says; nothing where it was made without habitats."""
        found = receipt.statistics
        cells = _whole(found.get("habitat_cells", []))
        return cls(
            Counter(dict(enumerate(cells))),
            *(sum(_whole(found.get(name, 0))) for name in ("sentences", "distinct_sentences")),
        )

    @classmethod
    def of(cls, workspace: Workspace) -> Self:
        """Sum up the receipts of the latest run's map."""
        return reduce(add, map(cls.of_receipt, _receipts(workspace, MAPS)), cls())

    def __add__(self, other: Self) -> Self:
        return type(self)(
            _together(self.cells, other.cells),
            self.sentences + other.sentences,
            self.distinct + other.distinct,
        )

    def by_code(self, codes: Sequence[str]) -> dict[str, int]:
        """Return the cells of each code of a card, in its order.

        >>> SpeciesSums(Counter({1: 4})).by_code(["R22", "T17"])
        {'R22': 0, 'T17': 4}
        """
        return {code: self.cells[place] for place, code in enumerate(codes)}


def wall_to_wall_cells(workspace: Workspace) -> Counter[int]:
    """Sum up the cells of each number of the dominant habitat over the latest run's tiles."""
    total: Counter[int] = Counter()
    for receipt in _receipts(workspace, WALL_TO_WALL):
        numbers, cells = (_whole(receipt.statistics.get(name, [])) for name in ("numbers", "cells"))
        # A tile may have said nothing, or be of a version that did not count.
        for number, count in zip(numbers, cells, strict=False):
            total[number] += count
    return total


def _receipts(workspace: Workspace, program: str) -> tuple[Receipt, ...]:
    """Return the receipts of the latest run's program, which may never have run."""
    plan = Plan.read(workspace.plan(program))
    if plan is None:
        return ()
    found = workspace.ledger(program).receipts()
    return tuple(each for each in found if each.fingerprint == plan.fingerprint)


def _whole(values: float | list[float]) -> list[int]:
    return np.atleast_1d(np.asarray(values, np.float64)).astype(np.int64).tolist()


def _together(one: Counter[int], other: Counter[int]) -> Counter[int]:
    # A habitat of no cell stays, as the card has it.
    return Counter({key: one[key] + other[key] for key in {*one, *other}})
