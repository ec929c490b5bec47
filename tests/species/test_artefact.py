import hashlib
import json
import subprocess

import pytest
import torch

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.species.artefact import fingerprint, load_model, save_model


@pytest.fixture
def saved(card, model, tmp_path):
    return save_model(model(card(data_fingerprint="abc")), tmp_path / "models" / "species")


@pytest.fixture
def folder(saved, tmp_path):
    return tmp_path / "models" / "species"


def test_a_model_comes_back_bit_for_bit(saved, folder, raw) -> None:
    loaded = load_model(folder)
    assert loaded.card == saved.card
    assert not loaded.training
    inputs = {name: torch.from_numpy(values) for name, values in raw(3).items()}
    assert torch.equal(loaded(inputs), saved(inputs))


def test_the_card_holds_the_weights_sha256(saved, folder) -> None:
    content = (folder / "model.safetensors").read_bytes()
    assert saved.card.weights_sha256 == hashlib.sha256(content).hexdigest()
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=True)


def test_nothing_but_the_model_is_left(saved, folder) -> None:
    save_model(saved, folder)
    assert [path.name for path in folder.parent.iterdir()] == ["species"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "SHA256SUMS",
        "card.json",
        "model.safetensors",
    ]


def test_equal_models_have_equal_fingerprints_and_others_do_not(card, model, folder, saved) -> None:
    assert fingerprint(saved) == fingerprint(load_model(folder)) == fingerprint(model(saved.card))
    assert fingerprint(model(saved.card, seed=1)) != fingerprint(saved)
    renamed = saved.card.model_copy(update={"species": ("x",) * 7})
    assert fingerprint(model(renamed)) != fingerprint(saved)


@pytest.mark.parametrize("name", ["model.safetensors", "card.json"])
@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing", "empty"])
def test_damage_is_noticed(folder, saved, name, damage) -> None:
    path = folder / name
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    else:
        content[len(content) // 2] ^= 4
        cut = {"truncated": len(content) // 2, "flipped": len(content), "empty": 0}[damage]
        path.write_bytes(bytes(content[:cut]))
    with pytest.raises(CorruptError, match=name):
        load_model(folder)


def test_weights_of_another_model_are_noticed(card, model, folder, saved, tmp_path) -> None:
    save_model(model(card(), seed=3), tmp_path / "other")
    (folder / "model.safetensors").write_bytes((tmp_path / "other/model.safetensors").read_bytes())
    with pytest.raises(CorruptError, match="SHA256SUMS expects"):
        load_model(folder)


def _rewrite(folder, change) -> None:
    """Change the card and make the checksums fit again, as a person's edit might."""
    values = json.loads((folder / "card.json").read_text())
    change(values)
    content = json.dumps(values).encode()
    (folder / "card.json").write_bytes(content)
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    lines = [lines[0], f"{hashlib.sha256(content).hexdigest()}  card.json"]
    (folder / "SHA256SUMS").write_text("\n".join(lines))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: card.update(format_version=9), "no card of this version"),
        (lambda card: card["species"].pop(), "6 names for 7 ids"),
        (lambda card: card["normalisation"]["landsat"]["mean"].pop(), "mean: 5 values"),
        (
            lambda card: (card["species"].pop(), card["species_id"].pop()),
            "weights do not fit the card",
        ),
    ],
)
def test_a_card_that_does_not_fit_is_refused(folder, saved, change, message) -> None:
    _rewrite(folder, change)
    with pytest.raises(InputError, match=message):
        load_model(folder)


def test_no_model_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match=r"no card\.json and no model\.safetensors"):
        load_model(tmp_path)


def test_an_interrupted_save_leaves_the_old_model(card, model, folder, saved, monkeypatch) -> None:
    def fail(source, place) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("biomap_xr.durable.give_name", fail)
    with pytest.raises(OSError, match="No space left"):
        save_model(model(card(), seed=5), folder)
    assert load_model(folder).card.weights_sha256 == saved.card.weights_sha256
