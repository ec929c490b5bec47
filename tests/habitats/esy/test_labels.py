import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.esy.labels import ExpertClassifier, label_of, labelled

COVERS = {
    "meadow": {"Herba lenta": 30.0, "Herba rara": 20.0},
    "grass": {"Herba lenta": 30.0},
    "bare": {"Planta nova": 1.0},
    "water": {"Planta nova": 99.5},
}


@pytest.mark.parametrize("code", ["?", "+"])
def test_undecided_plots_get_no_label(code):
    assert label_of(code) == label_of(code, levels=None) == ()


@pytest.mark.parametrize(
    ("code", "level_3", "any_level"),
    [
        ("R22", ("R22",), ("R22",)),
        ("MA211", ("MA211",), ("MA211",)),
        ("Q3", (), ("Q3",)),
        ("Pa", ("P3a",), ("P3a",)),
        ("Qb", (), ("Qb",)),
        ("H26a", (), ("H26a",)),
    ],
)
def test_level_3_is_asked_for_unless_told_otherwise(code, level_3, any_level):
    assert label_of(code) == level_3
    assert label_of(code, levels=None) == any_level


def test_plots_take_the_labels(small, plots_of):
    plots = plots_of(COVERS).with_labels((("T11",),) * 4)
    found = small.classify(plots)
    assert labelled(plots, found).labels == (("R1A",), (), (), ())
    assert labelled(plots, found, levels=(1, 3)).labels == (("R1A",), ("R",), (), ())
    assert labelled(plots, found, levels=None).labels == (("R1A",), ("R",), (), ("C11a",))
    assert labelled(plots, found).plot_id is plots.plot_id


def test_labels_of_other_plots_are_refused(small, plots_of):
    plots = plots_of(COVERS)
    with pytest.raises(InputError, match=r"a classification of 4 plots for 2 plots"):
        labelled(plots.select(np.arange(2)), small.classify(plots))


def test_probabilities_are_one_for_the_decided_habitat(small, plots_of):
    classifier = ExpertClassifier.of(small, ["R22", "R1A!", "R"])
    assert classifier.habitats == ("R22", "R1A", "R")
    found = classifier.predict_proba(plots_of(COVERS))
    assert found.dtype == np.float32
    assert found.tolist() == [[0, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_habitats_must_be_codes(small):
    with pytest.raises(InputError, match=r"habitat code 'forest' is not in the hierarchy"):
        ExpertClassifier.of(small, ["forest"])
