import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.pipeline.habitat_scores import HabitatScores


@pytest.fixture
def scores():
    return HabitatScores(
        codes=("R22", "T17"),
        labels=(("R22",), ("T17", "T18")),
        block=np.array(["a", "b"]),
        probability={
            "Pl@ntBERT": np.array([[0.75, 0.25], [0.5, 0.5]], np.float32),
            "from the map": np.array([[np.nan, np.nan], [0.25, 0.75]], np.float32),
        },
        row=np.array([1, -1]),
        column=np.array([2, -1]),
        notes={"from the map": "off the grid left out"},
    )


def test_scores_are_read_as_written(scores, tmp_path):
    scores.write(tmp_path, "plots", "abc")
    found = HabitatScores.read(tmp_path, "plots")
    assert (found.codes, found.labels, found.notes) == (scores.codes, scores.labels, scores.notes)
    for name, values in scores.probability.items():
        np.testing.assert_array_equal(found.probability[name], values)
    assert found.block.tolist() == ["a", "b"]
    assert HabitatScores.exist(tmp_path, "plots", "abc")
    assert not HabitatScores.exist(tmp_path, "plots", "other")
    assert not HabitatScores.exist(tmp_path, "nothing", "abc")


def test_plots_of_which_a_model_says_nothing_are_left_out(scores):
    judged, block = scores.judged("from the map")
    assert judged.labels == (("T17", "T18"),)
    assert block.tolist() == ["b"]
    assert judged.hits(3).tolist() == [1.0]


def test_forgotten_scores_do_not_count_as_done(scores, tmp_path):
    scores.write(tmp_path, "plots", "abc")
    HabitatScores.forget(tmp_path, "plots")
    assert not HabitatScores.exist(tmp_path, "plots", "abc")
    HabitatScores.forget(tmp_path, "plots")


def test_no_scores_are_an_input_error(tmp_path):
    with pytest.raises(InputError, match="holds no scores 'plots'"):
        HabitatScores.read(tmp_path, "plots")


def test_records_are_forgotten_by_the_letters_of_their_names(tmp_path):
    for name in ("plots", "external-a", "external-b", "split-site"):
        (tmp_path / f"{name}.json").write_text("{}")
    HabitatScores.forget(tmp_path, "plots", "external-*")
    assert [path.name for path in tmp_path.iterdir()] == ["split-site.json"]
    HabitatScores.forget(tmp_path / "none", "plots", "external-*")
