"""What the expert system says as labels of plots and as probabilities of a classifier."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.esy.priorities import SEVERAL, UNCLASSIFIED
from biomap_xr.habitats.esy.system import OURS, Classification, Conventions, ExpertSystem
from biomap_xr.habitats.eunis import LEVELS, level_of, normalise
from biomap_xr.observations.plots import Plots

FINEST = LEVELS[-1]


def label_of(code: str, *, levels: Sequence[int] | None = (FINEST,)) -> tuple[str, ...]:
    """Return the label that a code of the expert system gives a plot, if it gives one.

    Args:
        code: As `Classification.code` has it.
        levels: EUNIS levels that make a label; None also keeps codes outside the hierarchy, as
            they stand, such as ``C11a`` of waters or ``Qb`` of all wetlands.

    Returns:
        The label, or nothing for an undecided plot and for other levels.

    >>> label_of("R22"), label_of("R"), label_of("C11a"), label_of("C11a", levels=None)
    (('R22',), (), (), ('C11a',))
    """
    if code in (UNCLASSIFIED, SEVERAL):
        return ()
    try:
        plain = normalise(code)
    except InputError:
        # The rules also know formations that are not mapped, and groups of their own.
        return (code,) if levels is None else ()
    return (plain,) if levels is None or level_of(plain) in levels else ()


def labelled(
    plots: Plots, classification: Classification, *, levels: Sequence[int] | None = (FINEST,)
) -> Plots:
    """Return plots with the labels that the expert system gives them, and no others.

    Args:
        plots: Those that were classified.
        classification: Of them.
        levels: As `label_of` takes them.

    Raises:
        InputError: The classification is of another number of plots.
    """
    if len(classification.code) != len(plots):
        raise InputError(
            f"a classification of {len(classification.code)} plots for {len(plots)} plots; "
            "expected that of the same plots: classify them"
        )
    # Each code once: a hundred of them, and millions of plots.
    labels = {code: label_of(code, levels=levels) for code in set(classification.code)}
    return plots.with_labels(tuple(labels[code] for code in classification.code))


@dataclass(frozen=True)
class ExpertClassifier:
    """The expert system under the interface of a trained classifier (paper 1, section 3)."""

    system: ExpertSystem
    habitats: tuple[str, ...]
    """Codes of its columns, spelt as `eunis.normalise` does."""
    conventions: Conventions = OURS

    @classmethod
    def of(cls, system: ExpertSystem, habitats: Sequence[str]) -> Self:
        """Make a classifier that speaks of given habitats.

        Args:
            system: The rules.
            habitats: Codes of its columns.

        Raises:
            InputError: One of them is no EUNIS code.
        """
        return cls(system, tuple(normalise(code) for code in habitats))

    def predict_proba(self, plots: Plots) -> NDArray[np.float32]:
        """Return 1 for the habitat that a plot is given and 0 elsewhere.

        Args:
            plots: With covers in percent.

        Returns:
            ``(plot, habitat)``; a row of zeros where no habitat, several or one without a column is
            found.

        Raises:
            InputError: A cover is negative or no number.
        """
        column = {code: place for place, code in enumerate(self.habitats)}
        codes = self.system.classify(plots, conventions=self.conventions).code
        found = np.zeros((len(plots), len(self.habitats)), np.float32)
        for row, code in enumerate(codes):
            # An undecided plot has no label: its row says that nothing is known.
            for label in label_of(code, levels=None):
                if label in column:
                    found[row, column[label]] = 1
        return found
