from collections import Counter

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from biomap_xr.evaluation.habitats.references import reference_classes, reference_confusion
from biomap_xr.habitats.comparison import Compared

PAIRS = Counter(
    {(7107, 7107): 5, (7107, 5202): 2, (5202, 7107): 1, (5202, 65_535): 3, (8000, 8000): 1}
)


def test_classes_are_scored_as_scikit_learn_does():
    found = {each.code: each for each in reference_classes(Compared(PAIRS))}
    true = [pair[0] for pair, count in PAIRS.items() for _ in range(count)]
    named = [pair[1] for pair, count in PAIRS.items() for _ in range(count)]
    numbers = {"R22": 5202, "T17": 7107, "U": 8000}
    expected = precision_recall_fscore_support(
        true, named, labels=list(numbers.values()), zero_division=0
    )
    assert list(found) == list(numbers)
    for code, precision, recall, f_score, cells in zip(numbers, *expected, strict=True):
        one = found[code]
        np.testing.assert_allclose(
            (one.precision, one.recall, one.f_score), (precision, recall, f_score)
        )
        assert one.plots == cells


def test_the_confusion_has_a_column_for_no_habitat():
    codes, matrix = reference_confusion(Compared(PAIRS))
    assert codes == ("R22", "T17", "U")
    assert matrix.tolist() == [[0, 1, 0, 3], [2, 5, 0, 0], [0, 0, 1, 0]]
