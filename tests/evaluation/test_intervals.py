from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.evaluation.intervals import MacroAuc, SurveyMean, interval
from biomap_xr.evaluation.metrics import (
    Score,
    f_score_by_survey,
    macro_auc,
    recall_by_survey,
)

pytestmark = pytest.mark.trust


def surveys(seed: int, size: tuple[int, int] = (40, 9)) -> Any:
    random = np.random.default_rng(seed)
    scores = random.integers(0, 8, size) / 8
    targets = random.random(size) < 0.6 * scores
    blocks = random.integers(0, 6, size[0])
    draws = random.multinomial(6, np.full(6, 1 / 6), size=5)
    return targets, scores, blocks, draws


def repeated(blocks: Any, draw: Any) -> Any:
    """Rows of the surveys of every drawn block, repeated as often as it was drawn."""
    return np.repeat(np.arange(blocks.size), draw[blocks])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_resampled_auc_equals_the_auc_of_repeated_surveys(seed: int) -> None:
    targets, scores, blocks, draws = surveys(seed)
    found = MacroAuc(targets, scores).resampled(blocks, draws.astype(float))
    for value, draw in zip(found, draws, strict=True):
        rows = repeated(blocks, draw)
        assert value == pytest.approx(macro_auc(targets[rows], scores[rows]).value, nan_ok=True)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_resampled_means_equal_those_of_repeated_surveys(seed: int) -> None:
    targets, scores, blocks, draws = surveys(seed)
    found = SurveyMean(f_score_by_survey(targets, scores > 0.5)).resampled(
        blocks, draws.astype(float)
    )
    recalls = SurveyMean(recall_by_survey(targets, scores, 3)).resampled(
        blocks, draws.astype(float)
    )
    for value, recall, draw in zip(found, recalls, draws, strict=True):
        rows = repeated(blocks, draw)
        assert value == pytest.approx(
            Score.of(f_score_by_survey(targets[rows], scores[rows] > 0.5)).value
        )
        assert recall == pytest.approx(
            Score.of(recall_by_survey(targets[rows], scores[rows], 3)).value, nan_ok=True
        )


def test_the_same_seed_gives_the_same_interval_around_the_score() -> None:
    targets, scores, blocks, _ = surveys(3, (200, 20))
    metric = MacroAuc(targets, scores)
    found = interval(metric, blocks, replicates=200, seed=4)
    assert found == interval(metric, blocks, replicates=200, seed=4)
    assert found != interval(metric, blocks, replicates=200, seed=5)
    assert found.low < metric.score().value < found.high
    assert (found.blocks, found.replicates, found.level) == (6, 200, 0.95)


def test_a_mean_of_independent_blocks_has_the_interval_of_the_normal_law() -> None:
    values = np.random.default_rng(0).normal(0.5, 0.1, 2000)
    found = interval(SurveyMean(values), np.arange(2000), replicates=2000)
    half = 1.96 * values.std() / np.sqrt(2000)
    assert found.low == pytest.approx(values.mean() - half, abs=half / 8)
    assert found.high == pytest.approx(values.mean() + half, abs=half / 8)


def test_surveys_that_are_alike_within_blocks_widen_the_interval() -> None:
    random = np.random.default_rng(1)
    blocks = np.repeat(np.arange(30), 20)
    values = random.normal(0.5, 0.1, 30)[blocks]
    alone = interval(SurveyMean(values), np.arange(600), replicates=500)
    together = interval(SurveyMean(values), blocks, replicates=500)
    assert together.high - together.low > 3 * (alone.high - alone.low)


def test_block_labels_may_be_names() -> None:
    found = interval(
        SurveyMean(np.array([0.0, 1.0])), ["10kmE402N287", "10kmE403N287"], replicates=50
    )
    assert (found.low, found.high) == (0.0, 1.0)


def test_one_block_has_no_interval() -> None:
    with pytest.raises(InputError, match=r"1 block\(s\); an interval needs at least 2"):
        interval(SurveyMean(np.ones(3)), [5, 5, 5])


def test_a_metric_that_is_never_defined_has_no_interval() -> None:
    with pytest.raises(InputError, match="none of 10 resamples"):
        interval(SurveyMean(np.full(3, np.nan)), [1, 2, 3], replicates=10)
