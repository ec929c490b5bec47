"""How well habitats are predicted: paper 1, table 2, and the class-wise scores of paper 2, table 4.

A plot may bear several codes, since experts disagree and mosaics exist: a prediction is right where
it names any of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from biomap_xr.errors import InputError
from biomap_xr.evaluation.intervals import Metric, SurveyMean
from biomap_xr.evaluation.metrics import Score
from biomap_xr.evaluation.settings import EvaluationSettings
from biomap_xr.evaluation.tables import Measure, Row, measured
from biomap_xr.habitats.eunis import LEVELS, at_level

Kind = Literal["precision", "recall", "f_score"]
WORDS: dict[Kind, str] = {"precision": "Precision", "recall": "Recall", "f_score": "F-score"}
TOP = 3
NONE = -1
"""In place of a predicted class where none is named."""


def _published(name: str, values: Sequence[float]) -> Row:
    columns = (f"Level {level}" for level in LEVELS)
    pairs = zip(columns, values, strict=True)
    return Row(name, tuple(Measure(column, value) for column, value in pairs))


PAPER_HABITATS: tuple[Row, ...] = (
    _published("First 50 species", (0.7505, 0.6129, 0.4278)),
    _published("First 100 species", (0.7630, 0.6268, 0.4472)),
)
"""Paper 1, table 2: Europe, 200 habitats of level 3, species ranked by the model's probability."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Predictions beside what plots bear, in the same order."""

    codes: tuple[str, ...]
    """Level-3 codes of the predictions, one a column."""
    probability: NDArray[np.floating]
    """``(plot, habitat)``, 0 to 1; a row of zeros, as of an undecided expert system, names none."""
    labels: tuple[tuple[str, ...], ...]
    """``(plot,)`` level-3 codes of each plot, at least one."""

    def __post_init__(self) -> None:
        shape = (len(self.labels), len(self.codes))
        if self.probability.shape != shape:
            raise InputError(
                f"probabilities have shape {self.probability.shape}; {shape[0]} plots and "
                f"{shape[1]} habitats need {shape}: score the plots that were predicted"
            )
        bare = [index for index, codes in enumerate(self.labels) if not codes]
        if bare:
            raise InputError(
                f"{len(bare)} plots have no label, first number {bare[0]}; expected at least one "
                "code each: leave plots without a label out of the score"
            )

    def hits(self, level: int) -> NDArray[np.float64]:
        """Return 1 where the likeliest habitat is of the right class, else 0 ``(plot,)``.

        Levels 1 and 2 follow from the named habitat, as on the map (paper 1, section 4).
        """
        parents = np.array([at_level(code, level) for code in self.codes])
        found = parents[self.probability.argmax(axis=1)]
        wanted = ({at_level(code, level) for code in codes} for codes in self.labels)
        right = np.array([code in some for code, some in zip(found, wanted, strict=True)], float)
        return right * self.decided

    def top_hits(self, count: int = TOP) -> NDArray[np.float64]:
        """Return 1 where a label is among the likeliest ``count`` habitats, else 0 ``(plot,)``."""
        order = np.argsort(-self.probability, axis=1, kind="stable")[:, :count]
        names = np.array(self.codes)[order]
        pairs = zip(names, self.labels, strict=True)
        right = np.array([not set(row).isdisjoint(codes) for row, codes in pairs], float)
        return right * self.decided

    @property
    def decided(self) -> NDArray[np.bool_]:
        """Whether a habitat is named at all ``(plot,)``."""
        return np.asarray(self.probability.max(axis=1, initial=0) > 0)

    @property
    def classes(self) -> tuple[str, ...]:
        """Codes of predictions and labels together: a label that no model knows counts as missed.

        >>> Judged(("R22",), np.ones((1, 1)), (("T17",),)).classes
        ('R22', 'T17')
        """
        borne = {code for codes in self.labels for code in codes}
        return (*self.codes, *sorted(borne - set(self.codes)))

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the true and the predicted class of each plot ``(plot,)``, as places in `classes`.

        The true class is the predicted one where a plot bears it, else the first that it bears;
        the predicted one is -1 where none is named.
        """
        place = {code: index for index, code in enumerate(self.classes)}
        found = np.where(self.decided, self.probability.argmax(axis=1), NONE).astype(np.int64)
        true = [
            each if each != NONE and self.codes[each] in codes else place[codes[0]]
            for each, codes in zip(found, self.labels, strict=True)
        ]
        return np.array(true, np.int64), found


@dataclass(frozen=True, eq=False)
class MacroScore:
    """Precision, recall or F-score of each class, averaged over the classes that occur."""

    true: NDArray[np.int64]
    """``(plot,)`` class."""
    found: NDArray[np.int64]
    """``(plot,)`` class, -1 where none is named."""
    kind: Kind

    def score(self) -> Score:
        """Return the macro average over classes that plots bear or predictions name."""
        return Score.of(self._values(*self._counts(np.zeros(len(self.true), np.intp), 1))[0])

    def resampled(
        self, blocks: NDArray[np.intp], draws: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the macro average ``(replicates,)`` over resampled ``blocks`` ``(plots,)``."""
        counts = (draws @ each for each in self._counts(blocks, draws.shape[1]))
        values = self._values(*counts)
        defined = ~np.isnan(values)
        total = np.where(defined, values, 0.0).sum(axis=1)
        count = defined.sum(axis=1)
        return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)

    def _counts(self, blocks: NDArray[np.intp], size: int) -> tuple[NDArray[np.float64], ...]:
        """Count right, predicted and true plots: ``(blocks, classes)`` each."""
        classes = int(max(self.true.max(initial=0), self.found.max(initial=0))) + 1
        right = self.true == self.found
        return tuple(
            np.bincount(blocks[chosen] * classes + each[chosen], minlength=size * classes)
            .reshape(size, classes)
            .astype(np.float64)
            for each, chosen in (
                (self.true, right),
                (self.found, self.found != NONE),
                (self.true, np.ones_like(right)),
            )
        )

    def _values(
        self, right: NDArray[np.float64], found: NDArray[np.float64], true: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Score classes ``(replicates, classes)``; NaN where a class does not occur at all."""
        below = {"precision": found, "recall": true, "f_score": (found + true) / 2}[self.kind]
        # A class that is never predicted has no precision of its own: it counts as 0, as it does
        # in the published evaluation.
        score = np.divide(right, below, out=np.zeros_like(right), where=below > 0)
        return np.where(found + true > 0, score, np.nan)


@dataclass(frozen=True)
class ClassScore:
    """How well one habitat is predicted."""

    code: str
    plots: int
    precision: float
    recall: float
    f_score: float


def evaluate_habitats(
    name: str,
    judged: Judged,
    blocks: ArrayLike | None = None,
    *,
    settings: EvaluationSettings | None = None,
    note: str = "",
) -> Row:
    """Score habitat predictions as paper 1, table 2 does, each measure with its interval.

    Args:
        name: the model, in plain words.
        judged: predictions ``(plot, habitat)`` and labels.
        blocks: the block of every plot ``(plot,)`` or ``(plot, 2)``, for the intervals.
        settings: how intervals are made.
        note: said below the name.

    >>> judged = Judged(("R22", "T17"), np.array([[0.9, 0.1], [0.6, 0.4]]), (("R22",), ("T17",)))
    >>> evaluate_habitats("coin", judged).measure("Level 3").value
    0.5
    """
    chosen = settings or EvaluationSettings()
    true, found = judged.pairs()
    metrics: list[tuple[str, str, Metric]] = [
        (f"Level {level}", "plots", SurveyMean(judged.hits(level))) for level in LEVELS
    ]
    metrics.append((f"Top-{TOP}", "plots", SurveyMean(judged.top_hits())))
    metrics += [(word, "habitats", MacroScore(true, found, kind)) for kind, word in WORDS.items()]
    return Row(name, tuple(measured(*metric, blocks, chosen) for metric in metrics), note)


def class_scores(judged: Judged) -> tuple[ClassScore, ...]:
    """Score each level-3 class that plots bear or predictions name, as paper 2's supplement does.

    >>> class_scores(Judged(("R22",), np.ones((2, 1)), (("R22",), ("T17",))))[0]
    ClassScore(code='R22', plots=1, precision=0.5, recall=1.0, f_score=0.6666666666666666)
    """
    matrix, classes = confusion(judged), len(judged.classes)
    right, found = np.diag(matrix), matrix.sum(axis=0)
    true = np.bincount(judged.pairs()[0], minlength=classes)
    return tuple(
        ClassScore(
            code,
            int(true[index]),
            _share(right[index], found[index]),
            _share(right[index], true[index]),
            _share(2 * right[index], true[index] + found[index]),
        )
        for index, code in enumerate(judged.classes)
        if true[index] or found[index]
    )


def confusion(judged: Judged) -> NDArray[np.int64]:
    """Count plots by true class (rows) and predicted class (columns), in `Judged.classes`' order.

    Plots of which no class is named are left out.

    >>> confusion(Judged(("R22",), np.ones((2, 1)), (("R22",), ("T17",)))).tolist()
    [[1, 0], [1, 0]]
    """
    size = len(judged.classes)
    true, found = judged.pairs()
    true, found = true[found != NONE], found[found != NONE]
    return np.bincount(true * size + found, minlength=size * size).reshape(size, size)


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0
