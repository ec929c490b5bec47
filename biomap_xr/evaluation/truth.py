"""How near a model comes to the truth, where the truth is known: on the simulated Europe.

The true probabilities themselves do not predict a survey's species for certain, so their skill is
the most that any model can reach, and a model is measured by its share of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from biomap_xr.errors import InputError
from biomap_xr.evaluation.metrics import Score, macro_auc
from biomap_xr.grid import Cells, Tile
from biomap_xr.virtual import Richness, Truth

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
    """On the surveys, at the scale of their plots."""
    map: "MapErrors | None" = None
    """Over the whole map, where there is one."""


@dataclass(frozen=True)
class MapErrors:
    """A map of expected richness beside the truth at both scales."""

    cell: RichnessError
    """Beside the richness of whole cells."""
    plot: RichnessError
    """Beside what a survey's plot in the cell would hold, which surveys teach a model."""


class KnownRichness(Protocol):
    """What knows the true richness of a tile, as `biomap_xr.virtual.Truth` does."""

    def expected_richness(self, tile: Tile) -> Richness:
        """Return the expected richness ``(y, x)`` of a tile's cells and of plots in them."""


def survey_probability(
    truth: Truth, cells: Cells, species_id: Sequence[int]
) -> NDArray[np.float32]:
    """Return the true chance ``(surveys, species)`` that a survey finds each species.

    It is the chance that the species lives in the cell, times the chance that the plot, which is
    smaller, captures it.

    Args:
        truth: of a simulated Europe.
        cells: of the surveys ``(surveys,)``.
        species_id: the species wanted, in the order of a model's.

    Raises:
        InputError: where the truth does not know a species.
    """
    place = {int(known): index for index, known in enumerate(truth.species_id)}
    unknown = [wanted for wanted in species_id if int(wanted) not in place]
    if unknown:
        raise InputError(
            f"{len(unknown)} species ids such as {unknown[:3]} are not in the truth of "
            f"{len(place)} species; expected the species table of the same simulation"
        )
    order = [place[int(wanted)] for wanted in species_id]
    return truth.probability_at(cells)[:, order] * truth.capture[order]


def compare(
    name: str,
    targets: ArrayLike,
    scores: ArrayLike,
    truth: ArrayLike,
    *,
    over_map: MapErrors | None = None,
) -> TruthComparison:
    """Compare a model with the truth on held-out surveys.

    Args:
        name: what the model was trained on, in plain words.
        targets: presence ``(surveys, species)``.
        scores: predicted probabilities ``(surveys, species)``, 0 to 1.
        truth: true chances that the survey finds the species ``(surveys, species)``, 0 to 1.
        over_map: the errors of the map, from `map_errors`.
    """
    skill = Skill(macro_auc(targets, scores), macro_auc(targets, truth))
    # In float64: a sum of 11,255 small float32 numbers drifts.
    predicted, true = np.asarray(scores, np.float64), np.asarray(truth, np.float64)
    surveys = RichnessSums.of(predicted.sum(axis=1), true.sum(axis=1)).value()
    return TruthComparison(name, skill, surveys, over_map)


def map_errors(expected: xr.DataArray, truth: KnownRichness, tiles: Iterable[Tile]) -> MapErrors:
    """Compare a map of expected richness ``(y, x)`` with the truth, one tile at a time.

    Args:
        expected: expected richness of the whole grid ``(y, x)``, NaN where not valid.
        truth: of the same grid; NaN where it has none.
        tiles: the tiles to compare.
    """
    cell, plot = RichnessSums(), RichnessSums()
    for tile in tiles:
        window = tile.window
        predicted = expected.isel(y=window.rows, x=window.columns).to_numpy()
        true = truth.expected_richness(tile)
        # A cell moved ashore has a prediction but no truth of its own.
        known = ~(np.isnan(predicted) | np.isnan(true.cell))
        cell += RichnessSums.of(predicted, true.cell, known)
        plot += RichnessSums.of(predicted, true.plot, known)
    return MapErrors(cell.value(), plot.value())
