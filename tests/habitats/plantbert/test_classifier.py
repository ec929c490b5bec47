from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_model import tiny_model
from tiny_samples import TINY, tiny_roles, tiny_samples

from biomap_xr.errors import InputError
from biomap_xr.habitats.plantbert.artefact import check_given, given_model, save_model
from biomap_xr.habitats.plantbert.classifier import PlantBertClassifier


def test_it_judges_assemblages_as_its_model_does() -> None:
    samples, settings = tiny_samples(), TINY.model_copy(update={"k": 3})
    fitted = PlantBertClassifier(settings).fit(samples, tiny_roles())
    given = fitted.predict_proba(samples.assemblages)
    expected = fitted.model.predict_proba(samples.assemblages.sentences[:, :3])
    np.testing.assert_array_equal(given, expected)
    with pytest.raises(InputError, match="not in its vocabulary"):
        fitted.predict_proba(samples.assemblages.in_table(["poa annua", "rosa nova"])[0])


def test_a_given_model_is_used_without_training(tmp_path: Path) -> None:
    model = tiny_model()
    save_model(model, tmp_path / "model")
    settings = TINY.model_copy(update={"model": tmp_path / "model"})
    samples = tiny_samples()
    fitted = PlantBertClassifier(settings).fit(samples, tiny_roles())
    rows = samples.assemblages.sentences
    np.testing.assert_array_equal(
        fitted.predict_proba(samples.assemblages), model.predict_proba(rows)
    )
    other = replace(samples, habitats=("T17",))
    with pytest.raises(InputError, match="names 3 habitats, the samples 1"):
        PlantBertClassifier(settings).fit(other, tiny_roles())


def test_a_published_model_is_read_without_a_card(tmp_path: Path) -> None:
    model = tiny_model()
    model.network.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    check_given(tmp_path)
    given = given_model(tmp_path, 4)
    assert (given.card.k, given.card.habitats) == (4, model.card.habitats)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"model: .*model.safetensors is missing"):
        check_given(tmp_path)
