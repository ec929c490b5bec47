import json

import numpy as np
import pytest

from biomap_xr.pipeline.scores import Scores

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def samples(finished):
    return finished("geolifeclef_samples")


def test_three_branches_train_on_the_samples_of_three_editions(samples):
    card = samples.model.card
    assert set(card.modalities) == {"landsat", "climate", "sentinel2"}
    assert card.normalisation["sentinel2"].shape == (4, 64, 64)
    assert np.isfinite([epoch["loss"] for epoch in card.training["history"]]).all()
    assert samples.maps is None


def test_ids_of_the_editions_stay_apart(samples):
    lists = {name.split(":")[0] for name in samples.model.card.species}
    assert lists == {"geolifeclef2023", "geoplant"}
    # 96 species of 2023, one of survey 1322301 and two of survey 5000108.
    assert len(samples.model.card.species) == 96 + 1 + 2


def test_every_sample_has_a_role_and_the_scores_an_interval(samples):
    scores = Scores.read(samples.workspace.models)
    assert sum(part["sites"] for part in scores.balance) == 102
    figures = json.loads((samples.workspace.report / "metrics.json").read_text())
    models = {model["model"]: model["measures"] for model in figures["evaluation"]["models"]}
    assert set(models) == {"Landsat", "Climate", "Sentinel-2", "All"}
    for measures in models.values():
        assert np.isfinite([measures["AUC"][name] for name in ("value", "low", "high")]).all()
