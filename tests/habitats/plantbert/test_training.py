from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_array
from tiny_model import SPECIES
from tiny_samples import TINY, tiny_roles, tiny_samples

from biomap_xr import fitting
from biomap_xr.errors import InputError
from biomap_xr.fitting import Epoch, Watching
from biomap_xr.habitats.assemblages import Assemblages, ranked, samples_of
from biomap_xr.habitats.plantbert.artefact import fingerprint, save_model
from biomap_xr.habitats.plantbert.model import HabitatModel
from biomap_xr.habitats.plantbert.settings import FineTuningSettings, PlantBertSettings
from biomap_xr.habitats.plantbert.training import fine_tune, make_optimiser, train_habitat_model

SAMPLES, ROLES = tiny_samples(), tiny_roles()


class StopError(Exception):
    pass


def accuracy(model: HabitatModel) -> float:
    rows = SAMPLES.labelled(ROLES.test)
    chosen = model.predict_proba(SAMPLES.assemblages.sentences[rows]).argmax(axis=1)
    return float((chosen == SAMPLES.label[rows]).mean())


@pytest.fixture(scope="module")
def trained() -> HabitatModel:
    return train_habitat_model(SAMPLES, ROLES, TINY, provenance={"plots": "made up"})


def test_dominant_species_tell_the_habitat(trained: HabitatModel) -> None:
    assert accuracy(trained) > 0.8
    card = trained.card
    assert card.habitats == SAMPLES.habitats
    assert len(card.training["pretraining"]) == 2
    assert card.training["fine_tuning"][0]["sentences"] == 48
    assert card.training["fine_tuning"][0]["validation_sentences"] == 12
    assert card.data_fingerprint == SAMPLES.fingerprint()
    assert card.provenance == {"plots": "made up"}


@pytest.fixture
def every_epoch(monkeypatch) -> None:
    """Write a checkpoint after each epoch, however short."""
    monkeypatch.setattr(fitting, "WORTH", 0)


@pytest.mark.usefixtures("every_epoch")
@pytest.mark.parametrize("stop", [("pretraining", 1), ("fine_tuning", 3)])
def test_an_interrupted_training_ends_with_the_same_bits(
    stop: tuple[str, int], trained: HabitatModel, tmp_path: Path
) -> None:
    def interrupt(epoch: Epoch) -> None:
        if (epoch.stage, epoch.epoch) == stop:
            raise StopError

    with pytest.raises(StopError):
        train_habitat_model(SAMPLES, ROLES, TINY, watching=Watching(interrupt, tmp_path))
    told: list[Epoch] = []
    again = train_habitat_model(SAMPLES, ROLES, TINY, watching=Watching(told.append, tmp_path))
    assert (told[0].stage, told[0].epoch) == (stop[0], stop[1] + 1)
    expected = replace(trained, card=trained.card.model_copy(update={"provenance": {}}))
    assert fingerprint(again) == fingerprint(expected)


def test_rows_without_a_role_are_not_looked_at(trained: HabitatModel) -> None:
    label = SAMPLES.label.copy()
    label[ROLES.test] = -1
    blind = train_habitat_model(replace(SAMPLES, label=label), ROLES, TINY)
    assert (
        blind.predict_proba(SAMPLES.assemblages.sentences)
        == trained.predict_proba(SAMPLES.assemblages.sentences)
    ).all()


def test_assemblages_of_an_sdm_train_it_further(trained: HabitatModel) -> None:
    generator = np.random.default_rng(1)
    probability = generator.uniform(0, 0.4, (90, len(SPECIES)))
    # As predicted, the species that tell the habitats are others.
    probability[np.arange(90), 2 * (np.arange(90) % 3) + 1] = 0.9
    labels = [(trained.card.habitats[number % 3],) for number in range(90)]
    amounts = csr_array(probability.astype(np.float32))
    predicted = Assemblages(ranked(amounts, 6), amounts, tuple(SPECIES))
    samples = samples_of(predicted, labels, trained.card.habitats)
    settings = FineTuningSettings(epochs=16, batch=8, learning_rate=1e-2)
    further = fine_tune(trained, samples, ROLES, settings)
    rows = ROLES.test
    before, after = (
        (model.predict_proba(samples.assemblages.sentences[rows]).argmax(axis=1) == rows % 3).mean()
        for model in (trained, further)
    )
    assert after > 0.8 > before
    assert [len(part["course"]) for part in further.card.training["fine_tuning"]] == [16, 16]


def test_a_trained_model_is_a_start_for_other_species(
    trained: HabitatModel, tmp_path: Path
) -> None:
    save_model(trained, tmp_path / "model")
    species = (*SPECIES[:5], "salix nova")
    other = replace(SAMPLES, assemblages=replace(SAMPLES.assemblages, species=species))
    settings = PlantBertSettings.model_validate(
        {
            **TINY.model_dump(),
            "network": {"name_or_path": str(tmp_path / "model")},
            "pretraining": {"epochs": 1},
        }
    )
    model = train_habitat_model(other, ROLES, settings)
    assert model.card.training["added_tokens"] == 1
    assert model.network.config.hidden_size == 16
    assert len(model.tokenizer) == len(SPECIES) + 7


def test_samples_that_do_not_fit_are_refused(trained: HabitatModel) -> None:
    with pytest.raises(InputError, match=r"samples name 1 habitats.*\['T17'\] are none"):
        fine_tune(trained, replace(SAMPLES, habitats=("T17",)), ROLES)
    short = replace(SAMPLES.assemblages, sentences=SAMPLES.assemblages.sentences[:, :3])
    with pytest.raises(InputError, match="room for 3 species, the settings ask for k = 6"):
        train_habitat_model(replace(SAMPLES, assemblages=short), ROLES, TINY)
    foreign = replace(SAMPLES.assemblages, species=("salix nova", *SPECIES[1:]))
    with pytest.raises(InputError, match="1 are not in its vocabulary"):
        fine_tune(trained, replace(SAMPLES, assemblages=foreign), ROLES)


def test_matrices_decay_and_biases_do_not(trained: HabitatModel) -> None:
    groups = make_optimiser(trained.network, FineTuningSettings(weight_decay=0.3)).param_groups
    assert [group["weight_decay"] for group in groups] == [0.3, 0.0]
    assert [{p.ndim for p in group["params"]} for group in groups] == [{2}, {1}]


def test_rates_rise_and_fall_to_nothing(trained: HabitatModel) -> None:
    told: list[Epoch] = []
    settings = FineTuningSettings(epochs=5, batch=12, learning_rate=1e-3, warm_up=0.4)
    fine_tune(trained, SAMPLES, ROLES, settings, watching=Watching(told.append))
    # Four steps an epoch: 8 of 20 rise.
    expected = [0, 4 / 8, 1, 8 / 12, 4 / 12]
    assert [epoch.learning_rate for epoch in told] == pytest.approx(np.multiply(1e-3, expected))


def test_a_rate_that_rises_from_nothing_learns_as_well(trained: HabitatModel) -> None:
    # The first step of a stage that warms up has a rate of 0, as in transformers.
    slow = TINY.fine_tuning.model_copy(update={"warm_up": 0.2})
    warmed = train_habitat_model(SAMPLES, ROLES, TINY.model_copy(update={"fine_tuning": slow}))
    assert accuracy(warmed) > 0.8


@pytest.mark.usefixtures("every_epoch")
def test_another_setting_does_not_take_a_checkpoint(tmp_path: Path) -> None:
    def stop(epoch: Epoch) -> None:
        if epoch.epoch == 2:
            raise StopError

    with pytest.raises(StopError):
        train_habitat_model(SAMPLES, ROLES, TINY, watching=Watching(stop, tmp_path))
    told: list[Epoch] = []
    other = TINY.model_copy(update={"seed": 1})
    train_habitat_model(SAMPLES, ROLES, other, watching=Watching(told.append, tmp_path))
    assert (told[0].stage, told[0].epoch) == ("pretraining", 1)
