import numpy as np
import pytest
import xarray as xr

from biomap_xr.errors import InputError
from biomap_xr.pipeline.scores import HabitatScores, Scores


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


def test_an_analyst_opens_them_with_xarray(scores, tmp_path):
    scores.write(tmp_path, "data")
    found = xr.open_zarr(tmp_path / "scores.zarr", group="surveys", consolidated=False)
    assert found["probability"].dims == ("model", "survey", "species")
    assert float(found["probability"].sel(model="All")[0, 0]) == scores.probability["All"][0, 0]


@pytest.fixture
def habitat_scores():
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


def test_scores_are_read_as_written(habitat_scores, tmp_path):
    habitat_scores.write(tmp_path, "plots", "abc")
    found = HabitatScores.read(tmp_path, "plots")
    assert (found.codes, found.labels, found.notes) == (
        habitat_scores.codes,
        habitat_scores.labels,
        habitat_scores.notes,
    )
    for name, values in habitat_scores.probability.items():
        np.testing.assert_array_equal(found.probability[name], values)
    assert found.block.tolist() == ["a", "b"]
    assert HabitatScores.exist(tmp_path, "plots", "abc")
    assert not HabitatScores.exist(tmp_path, "plots", "other")
    assert not HabitatScores.exist(tmp_path, "nothing", "abc")


def test_plots_of_which_a_model_says_nothing_are_left_out(habitat_scores):
    judged, block = habitat_scores.judged("from the map")
    assert judged.labels == (("T17", "T18"),)
    assert block.tolist() == ["b"]
    assert judged.hits(3).tolist() == [1.0]


def test_forgotten_scores_do_not_count_as_done(habitat_scores, tmp_path):
    habitat_scores.write(tmp_path, "plots", "abc")
    HabitatScores.forget(tmp_path, "plots")
    assert not HabitatScores.exist(tmp_path, "plots", "abc")
    HabitatScores.forget(tmp_path, "plots")


def test_no_scores_are_an_input_error(tmp_path):
    with pytest.raises(InputError, match="holds no scores 'plots'"):
        HabitatScores.read(tmp_path, "plots")


def test_records_are_forgotten_by_the_letters_of_their_names(tmp_path):
    for name in ("plots", "external-a", "external-b", "split-site"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "zarr.json").write_text("{}")
    HabitatScores.forget(tmp_path, "plots", "external-*")
    assert [path.parent.name for path in tmp_path.glob("*/zarr.json")] == ["split-site"]
    HabitatScores.forget(tmp_path / "none", "plots", "external-*")
