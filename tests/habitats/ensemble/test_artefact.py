import json

import numpy as np
import pytest

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.habitats.ensemble.artefact import load_ensemble, save_ensemble
from biomap_xr.run.folder import read_folder, write_folder


@pytest.fixture(scope="session")
def saved(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ensemble") / "R"
    save_ensemble(trained.ensemble, folder)
    return folder


def test_a_saved_ensemble_says_the_same(saved, trained, observations):
    loaded = load_ensemble(saved)
    values = observations.rows.values
    np.testing.assert_array_equal(
        loaded.probabilities(values), trained.ensemble.probabilities(values)
    )
    for name in (
        "formation",
        "classes",
        "weights",
        "vote",
        "facts",
        "features",
        "folds",
        "learners",
    ):
        assert getattr(loaded, name) == getattr(trained.ensemble, name), name


def test_the_card_tells_what_a_reader_needs(saved):
    card = json.loads((saved / "card.json").read_text())
    assert card["formation"] == "R"
    assert card["features"]["features"][0]["name"] == "bio01"
    assert card["facts"]["folds"]["tried"][0]["side_m"] == 100_000
    assert card["facts"]["validation"]["note"].startswith("not nested")
    assert card["vote"] == {"weights": "rank", "denominator": "knowing"}


def test_no_pickle_inside(saved):
    endings = {path.suffix for path in saved.rglob("*") if path.is_file()}
    assert endings <= {".json", ".safetensors", ".ubj", ".txt", ""}


def test_a_damaged_ensemble_is_said(saved, tmp_path):
    files = read_folder(saved)
    card = json.loads(files["card.json"])
    for change, error, message in (
        ({"format": 9}, InputError, "format 9, expected 1"),
        ({"voters": None}, CorruptError, "no card of an ensemble"),
        ({"vote": {"weights": "loud"}}, CorruptError, "no card of an ensemble"),
    ):
        write_folder({**files, "card.json": json.dumps(card | change).encode()}, tmp_path / "R")
        with pytest.raises(error, match=message):
            load_ensemble(tmp_path / "R")
    with pytest.raises(InputError, match="no folder"):
        load_ensemble(tmp_path / "nowhere")
