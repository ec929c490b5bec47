import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_model import SPECIES, tiny_model
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.habitats.plantbert.artefact import fingerprint, load_model, save_model
from biomap_xr.habitats.plantbert.model import HabitatModel
from biomap_xr.habitats.sentences import sentence_text
from biomap_xr.run.folder import write_folder

SENTENCES = np.array([[0, 1, 2, 3, 4, 5], [5, 2, -1, -1, -1, -1], [3, -1, -1, -1, -1, -1]])


def test_a_saved_model_is_read_as_it_was(model: HabitatModel, tmp_path: Path) -> None:
    saved = save_model(model, tmp_path / "model")
    read = load_model(tmp_path / "model")
    assert read.card == saved.card
    assert fingerprint(read) == fingerprint(model)
    assert (read.predict_proba(SENTENCES) == model.predict_proba(SENTENCES)).all()
    assert fingerprint(tiny_model(seed=1)) != fingerprint(model)


def test_plain_transformers_reads_it_and_agrees(model: HabitatModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "model")
    classify = pipeline(
        "text-classification",
        model=AutoModelForSequenceClassification.from_pretrained(tmp_path / "model"),
        tokenizer=AutoTokenizer.from_pretrained(tmp_path / "model"),
        top_k=None,
    )
    texts = [sentence_text(sentence, SPECIES) for sentence in SENTENCES]
    for row, answers in zip(model.predict_proba(SENTENCES), classify(texts), strict=True):
        score = {answer["label"]: answer["score"] for answer in answers}
        expected = dict(zip(model.card.habitats, row.tolist(), strict=True))
        assert score == pytest.approx(expected, abs=1e-6)


def rewritten(folder: Path, change: dict[str, bytes | None]) -> None:
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "SHA256SUMS"}
    changed = {**files, **{name: content for name, content in change.items() if content}}
    write_folder({name: changed[name] for name in changed if change.get(name, b"x")}, folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "card.json", "model.safetensors"])
def test_a_model_without_one_of_its_files_is_refused(name: str, tmp_path: Path) -> None:
    save_model(tiny_model(), tmp_path / "model")
    rewritten(tmp_path / "model", {name: None})
    with pytest.raises(InputError, match=f"has no {name}"):
        load_model(tmp_path / "model")


def test_weights_of_another_model_are_refused(model: HabitatModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "model")
    save_model(tiny_model(seed=1), tmp_path / "other")
    shutil.copy(tmp_path / "other" / "model.safetensors", tmp_path / "model")
    with pytest.raises(CorruptError, match="SHA256SUMS expects"):
        load_model(tmp_path / "model")
    rewritten(tmp_path / "model", {})
    with pytest.raises(CorruptError, match="the files are of two models"):
        load_model(tmp_path / "model")


def test_a_configuration_that_does_not_fit_is_refused(model: HabitatModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_bytes())
    config["hidden_size"] = 8
    rewritten(tmp_path / "model", {"config.json": json.dumps(config).encode()})
    with pytest.raises(InputError, match=r"does not fit config\.json"):
        load_model(tmp_path / "model")


def test_a_card_of_another_version_is_refused(model: HabitatModel, tmp_path: Path) -> None:
    save_model(model, tmp_path / "model")
    rewritten(tmp_path / "model", {"card.json": b'{"format_version": 2}'})
    with pytest.raises(InputError, match="no card of this version"):
        load_model(tmp_path / "model")


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises((InputError, CorruptError), match="SHA256SUMS"):
        load_model(tmp_path)
