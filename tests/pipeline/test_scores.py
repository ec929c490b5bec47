import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.pipeline.scores import Scores


@pytest.fixture
def scores():
    generator = np.random.default_rng(0)
    return Scores(
        row=np.arange(3),
        column=np.arange(3),
        block=np.array([[1, 2], [1, 2], [3, 4]]),
        targets=generator.random((3, 11)) < 0.3,
        probability={"All": generator.random((3, 11), np.float32)},
        threshold={"All": np.array(0.25)},
        balance=({"role": "test", "sites": 3},),
    )


def test_scores_come_back_as_they_were(scores, tmp_path):
    scores.write(tmp_path, "data")
    back = Scores.read(tmp_path)
    np.testing.assert_array_equal(back.targets, scores.targets)
    np.testing.assert_array_equal(back.probability["All"], scores.probability["All"])
    np.testing.assert_array_equal(back.block, scores.block)
    assert float(back.threshold["All"]) == 0.25
    assert back.balance == scores.balance


def test_only_the_scores_of_the_same_data_count(scores, tmp_path):
    assert not Scores.exist(tmp_path, "data")
    scores.write(tmp_path, "data")
    assert Scores.exist(tmp_path, "data")
    assert not Scores.exist(tmp_path, "other data")


def test_missing_scores_say_what_to_do(tmp_path):
    with pytest.raises(InputError, match="run the recipe first"):
        Scores.read(tmp_path)
