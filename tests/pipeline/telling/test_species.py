import json
import re

import pytest
from sklearn.metrics import roc_auc_score
from tiny_run import TINY

from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError
from biomap_xr.pipeline.reporting import make_report
from biomap_xr.pipeline.scores import Scores
from biomap_xr.pipeline.telling.species import read_card
from biomap_xr.pipeline.workspace import Workspace


@pytest.fixture(scope="module")
def page(finished, tiny):
    made = make_report(tiny, finished.workspace)
    assert made.unfinished == ()
    return made.page


@pytest.fixture(scope="module")
def metrics(page):
    return json.loads((page.parent / "metrics.json").read_text())


def test_one_page_needs_nothing_beside_it(page, finished):
    text = page.read_text()
    assert page == finished.workspace.report / "index.html"
    assert not re.search(r'(?:src|href)="(?!data:|#|https?:)', text)
    assert "tiny" in text
    for stage in ("Sentinel-2", "Landsat", "Climate", "Predictors", "All"):
        assert stage in text


def test_the_auc_is_scikit_learns(metrics, finished):
    scores = Scores.read(finished.workspace.models)
    mixed = scores.targets.any(axis=0) & ~scores.targets.all(axis=0)
    for row in metrics["evaluation"]["models"]:
        chance = scores.probability[row["model"]]
        expected = roc_auc_score(scores.targets[:, mixed], chance[:, mixed], average="macro")
        assert _auc(row) == pytest.approx(expected, abs=1e-6)


def _auc(row):
    return row["measures"]["AUC"]["value"]


def test_map_statistics_are_those_of_the_cubes(metrics, finished):
    attributes = open_cube(finished.workspace.species).attrs
    statistics = metrics["map"]["this_run"]
    assert statistics["valid_cells"] == attributes["cells"]
    assert statistics["modelled"] == 40
    assert 0 < statistics["mapped"] <= 40
    assert statistics["presence"] == "f_score_global"
    assert statistics["threshold"] == finished.model.card.thresholds.f_score_global
    probability = open_cube(finished.workspace.species)["probability"]
    # A rounded probability is at most half a level from the one that was compared.
    near = (probability >= 250 * statistics["threshold"] + 0.5).sum(("y", "x")).max()
    far = (probability >= 250 * statistics["threshold"] - 0.5).sum(("y", "x")).max()
    assert near <= statistics["widest"][0]["cells"] <= far


def test_the_page_says_the_threshold_and_the_specialists(page, metrics, finished):
    assert "one threshold for all" in page.read_text()
    count = open_cube(finished.workspace.indicators).attrs["specialist_species"]
    assert metrics["summary"]["Specialist species"] == str(count)


def test_a_half_made_map_is_said_to_be_one(tiny, copied, biomap):
    ledger = copied.ledger("maps")
    receipts = sorted(ledger.folder.glob("*.json"))
    whole = len(receipts)
    for path in receipts[: whole // 2]:
        path.unlink()
    words = f"{whole - whole // 2} of {whole} tiles are made and shown"
    made = make_report(tiny, copied)
    assert len(made.unfinished) == 1
    assert words in made.unfinished[0]
    assert words in made.page.read_text()
    said = biomap("report", TINY, "--workspace", copied.root)
    assert (said.status, words in said.out) == (0, True)


def test_the_map_is_compared_with_the_truth(metrics):
    rows = metrics["truth"]
    assert len(rows) == 6
    assert all(0.6 < row["auc_of_the_truth"] < 1 for row in rows)


def test_the_card_is_read_without_the_weights(copied):
    (copied.models / "species" / "model.safetensors").unlink()
    assert len(read_card(copied).species_id) == 40


def test_a_report_before_the_run_says_what_to_do(tiny, tmp_path):
    with pytest.raises(InputError, match="run the recipe first"):
        make_report(tiny, Workspace(tmp_path))
    with pytest.raises(InputError, match="expected a trained model; run the recipe first"):
        read_card(Workspace(tmp_path))
