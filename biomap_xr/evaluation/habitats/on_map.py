"""A finished habitat map at the places of plots, beside what models say of the plots themselves.

Models are scored within a formation and by the plot's own predictors; a map has the cell's, chooses
between formations by land cover, and allows only classes of the region.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from biomap_xr.errors import InputError
from biomap_xr.evaluation.habitats.agreement import is_habitat
from biomap_xr.evaluation.habitats.scores import TOP
from biomap_xr.evaluation.intervals import SurveyMean
from biomap_xr.evaluation.settings import EvaluationSettings
from biomap_xr.evaluation.tables import Row, measured
from biomap_xr.habitats.comparison import level_numbers
from biomap_xr.habitats.eunis import LEVELS, at_level, number_of


@dataclass(frozen=True, eq=False)
class MappedPlots:
    """What a map has at plots that bear a habitat."""

    ranks: NDArray[np.uint16]
    """``(rank, plot)`` numbers in the plots' cells, the first one first."""
    labels: tuple[tuple[str, ...], ...]
    """``(plot,)`` level-3 codes of each, at least one."""

    def __post_init__(self) -> None:
        if self.ranks.shape[1:] != (len(self.labels),):
            raise InputError(
                f"a map's ranks at plots have the shape {self.ranks.shape} and {len(self.labels)} "
                f"plots have labels; expected (ranks, {len(self.labels)}): read the map at them"
            )

    def hits(self, level: int) -> NDArray[np.float64]:
        """Return 1 where the map's first habitat is right at a level, else 0 ``(plot,)``.

        >>> ranks = np.array([[7107], [5202]], np.uint16)
        >>> MappedPlots(ranks, (("T18",),)).hits(2).tolist()
        [1.0]
        """
        return self._right(self.ranks[:1], level)

    def top_hits(self) -> NDArray[np.float64]:
        """Return 1 where any of the map's ranks is right at level 3, else 0 ``(plot,)``."""
        return self._right(self.ranks, LEVELS[-1])

    @property
    def without(self) -> int:
        """Plots in whose cell the map has no habitat: they count as wrong."""
        return int((~is_habitat(self.ranks[0])).sum())

    def _right(self, ranks: NDArray[np.uint16], level: int) -> NDArray[np.float64]:
        found = level_numbers(ranks, level).T.tolist()
        wanted = ({number_of(at_level(code, level)) for code in codes} for codes in self.labels)
        pairs = zip(found, wanted, strict=True)
        return np.array([not some.isdisjoint(row) for row, some in pairs], np.float64)


def evaluate_map(
    name: str,
    mapped: MappedPlots,
    blocks: ArrayLike | None = None,
    *,
    settings: EvaluationSettings | None = None,
) -> Row:
    """Score a map at plots by level, in the columns of `evaluate_habitats`.

    Args:
        name: Of the plots, in plain words.
        mapped: The map at them.
        blocks: ``(plot,)`` block of each, resampled whole for intervals; None gives none.
        settings: How intervals are made.
    """
    chosen = settings or EvaluationSettings()
    metrics = [(f"Level {level}", SurveyMean(mapped.hits(level))) for level in LEVELS]
    metrics.append((f"Top-{TOP}", SurveyMean(mapped.top_hits())))
    note = f"{mapped.without:,} of {len(mapped.labels):,} plots lie where the map has no habitat"
    measures = tuple(measured(column, "plots", each, blocks, chosen) for column, each in metrics)
    return Row(name, measures, note if mapped.without else "")


def by_formation(mapped: MappedPlots) -> dict[str, MappedPlots]:
    """Split plots by the formations that they bear; one of several formations is in each."""
    found: dict[str, list[int]] = {}
    for plot, codes in enumerate(mapped.labels):
        for formation in {at_level(code, 1) for code in codes}:
            found.setdefault(formation, []).append(plot)
    order = sorted(found, key=number_of)
    return {each: _some(mapped, found[each]) for each in order}


def _some(mapped: MappedPlots, plots: Sequence[int]) -> MappedPlots:
    labels = tuple(mapped.labels[plot] for plot in plots)
    return MappedPlots(mapped.ranks[:, list(plots)], labels)
