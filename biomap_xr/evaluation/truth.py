"""How near a model comes to the truth, where the truth is known: on the simulated Europe.

The true probabilities themselves do not predict a survey's species for certain, so their skill is
the most that any model can reach, and a model is measured by its share of it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from biomap_xr.errors import InputError
from biomap_xr.evaluation.metrics import Score, macro_auc
from biomap_xr.grid import Tile

CHANCE = 0.5
"""AUC of a model that knows nothing."""


@dataclass(frozen=True)
class Skill:
    """AUC above chance of a model and of the true probabilities, on the same surveys."""

    model: Score
    """Macro AUC of the model."""
    truth: Score
    """Macro AUC of the true probabilities."""

    @property
    def share(self) -> float:
        """The model's skill as a share of the truth's; 1 is as good as can be, 0 is chance.

        >>> Skill(Score(0.8, 9, 0), Score(0.9, 9, 0)).share.__round__(3)
        0.75
        """
        return (self.model.value - CHANCE) / (self.truth.value - CHANCE)


@dataclass(frozen=True)
class RichnessError:
    """How far expected richness is from the truth's."""

    mean_absolute_error: float
    """In species."""
    true_mean: float
    """In species."""
    bias: float
    """Mean of predicted minus true, in species."""
    count: int
    """Cells or surveys behind the means."""

    @property
    def relative(self) -> float:
        """Mean absolute error as a share of the true mean.

        >>> RichnessError(3.0, 20.0, 1.0, 100).relative
        0.15
        """
        return self.mean_absolute_error / self.true_mean


@dataclass(frozen=True)
class RichnessSums:
    """Sums behind a `RichnessError`; those of tiles add up to those of the map."""

    absolute: float = 0.0
    difference: float = 0.0
    true: float = 0.0
    count: int = 0

    @classmethod
    def of(
        cls, predicted: ArrayLike, true: ArrayLike, valid: ArrayLike | None = None
    ) -> "RichnessSums":
        """Sum up the errors of expected richness.

        Args:
            predicted: predicted expected richness, any shape, in species.
            true: the truth's, in the same shape.
            valid: where both count; everywhere where it is left out.

        Raises:
            InputError: where shapes differ or a number that counts is not finite.

        >>> RichnessSums.of([10.0, 14.0], [12.0, 12.0]).value().mean_absolute_error
        2.0
        """
        found, expected = np.asarray(predicted, np.float64), np.asarray(true, np.float64)
        counted = np.ones(found.shape, bool) if valid is None else np.asarray(valid, bool)
        if not found.shape == expected.shape == counted.shape:
            raise InputError(
                f"predicted, true and valid have shapes {found.shape}, {expected.shape} and "
                f"{counted.shape}; expected one: compare the same cells"
            )
        found, expected = found[counted], expected[counted]
        strange = ~(np.isfinite(found) & np.isfinite(expected))
        if strange.any():
            raise InputError(
                f"richness is {found[strange][0]} (predicted) and {expected[strange][0]} (true) in "
                f"{strange.sum()} cells that count; expected finite numbers: mark them as not valid"
            )
        difference = found - expected
        return cls(
            float(np.abs(difference).sum()),
            float(difference.sum()),
            float(expected.sum()),
            int(counted.sum()),
        )

    def __add__(self, other: "RichnessSums") -> "RichnessSums":
        return RichnessSums(
            self.absolute + other.absolute,
            self.difference + other.difference,
            self.true + other.true,
            self.count + other.count,
        )

    def value(self) -> RichnessError:
        """Return the means.

        Raises:
            InputError: where nothing was summed.
        """
        if self.count == 0:
            raise InputError(
                "0 cells or surveys to compare with the truth; expected some: "
                "check that the map is valid where the truth is"
            )
        means = self.absolute / self.count, self.true / self.count, self.difference / self.count
        return RichnessError(*means, self.count)


@dataclass(frozen=True)
class TruthComparison:
    """One model beside the truth."""

    name: str
    """What it was trained on, in plain words."""
    skill: Skill
    surveys: RichnessError
    """At the scale of survey plots."""
    cells: RichnessError | None = None
    """At the scale of the map's cells, where there is a map."""


def compare(
    name: str,
    targets: ArrayLike,
    scores: ArrayLike,
    truth: ArrayLike,
    *,
    cells: RichnessError | None = None,
) -> TruthComparison:
    """Compare a model with the truth on held-out surveys.

    Args:
        name: what the model was trained on, in plain words.
        targets: presence (surveys, species).
        scores: predicted probabilities (surveys, species), 0 to 1.
        truth: true probabilities that the survey finds the species (surveys, species), 0 to 1.
        cells: the error of the map, from `richness_over_tiles`.
    """
    skill = Skill(macro_auc(targets, scores), macro_auc(targets, truth))
    predicted, true = np.asarray(scores, np.float64), np.asarray(truth, np.float64)
    surveys = RichnessSums.of(predicted.sum(axis=1), true.sum(axis=1)).value()
    return TruthComparison(name, skill, surveys, cells)


def richness_over_tiles(
    expected: xr.DataArray,
    true_richness: Callable[[Tile], NDArray[np.floating]],
    tiles: Iterable[Tile],
) -> RichnessError:
    """Compare a map of expected richness (y, x) with the truth, one tile at a time.

    Args:
        expected: expected richness of the whole grid (y, x), NaN where not valid.
        true_richness: the truth's richness (y, x) of a tile, as ``Truth.expected_richness``; NaN
            where it has none.
        tiles: the tiles to compare.
    """
    total = RichnessSums()
    for tile in tiles:
        window = tile.window
        predicted = expected.isel(y=window.rows, x=window.columns).to_numpy()
        true = np.asarray(true_richness(tile))
        total += RichnessSums.of(predicted, true, ~(np.isnan(predicted) | np.isnan(true)))
    return total.value()
