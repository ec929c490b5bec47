"""What became of the rows of every table: counted, with the values that failed."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

SHOWN = 5


@dataclass(frozen=True)
class Step:
    """One thing that leaves rows out."""

    name: str
    rows_in: int
    rows_out: int
    failed: dict[str, int]
    """The most frequent values that failed, at most `SHOWN`, and their counts of rows."""


@dataclass(frozen=True)
class TableReport:
    """The rows of one table, step by step."""

    path: str
    kind: str
    rows: int
    steps: tuple[Step, ...]

    @property
    def taken(self) -> int:
        """Rows that passed every step."""
        return self.steps[-1].rows_out if self.steps else self.rows


@dataclass(frozen=True)
class Report:
    """How tables of rows became sites."""

    tables: tuple[TableReport, ...]
    occurrences: int
    """Rows on the grid, of all tables."""
    repeated: int
    """Presences that were there already: the same species in the same site."""
    other_group_cells: int
    """Cells with records that none of the target group is among; they are no background, so left
    out."""
    rare_species: int
    """Species with too few surveys or sites."""
    sites: int
    surveyed: int
    """Sites with at least one survey."""
    background: int
    """Sites drawn at random."""
    species: int
    presences: int
    """Pairs of a site and a species present there."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON takes them."""
        return asdict(self)


def counted(values: Iterable[object]) -> dict[str, int]:
    """Return the most frequent values as text with their counts, at most `SHOWN`.

    >>> counted([3.0, 7.5, 7.5, None])
    {'7.5': 2, '3': 1, 'unknown': 1}
    """
    counts = Counter(map(_text, values))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:SHOWN])


def listed(values: Iterable[object]) -> str:
    """Return the first distinct values as text for a message, and how many more there are.

    >>> listed([4, 2, 4])
    '2, 4'
    >>> listed(range(8))
    '0, 1, 2, 3, 4 and 3 more'
    """
    distinct = sorted({_text(value) for value in values}, key=lambda text: (len(text), text))
    more = len(distinct) - SHOWN
    return ", ".join(distinct[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _text(value: object) -> str:
    # pandas' NA compares as NA, so that ``value != value`` is not enough.
    if value is None or type(value).__name__ == "NAType":
        return "unknown"
    if isinstance(value, float | np.floating):
        return "unknown" if np.isnan(value) else f"{value:.12g}"
    return str(value)
