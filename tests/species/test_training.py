import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.metrics import roc_auc_score

from biomap_xr import fitting
from biomap_xr.errors import InputError
from biomap_xr.fitting import Watching
from biomap_xr.folds.roles import Roles
from biomap_xr.species.artefact import fingerprint
from biomap_xr.species.initial import initial_model
from biomap_xr.species.samples import Samples, SpeciesTable
from biomap_xr.species.scoring import logits, probabilities
from biomap_xr.species.settings import (
    LatticeSettings,
    ModalitySettings,
    NormalisationSettings,
    SeriesSettings,
    TrainingSettings,
    VectorSettings,
)
from biomap_xr.species.training import make_optimiser, train, tune

VECTOR = {"predictors": ModalitySettings(encoder=VectorSettings(widths=(16, 8)))}
QUICK = TrainingSettings(epochs=3, batch=16, learning_rate=1e-2, threads=1)


def niche_samples(sites: int = 400, species: int = 30, seed: int = 0) -> Samples:
    """Unimodal niches along two gradients; the third predictor is noise."""
    generator = np.random.default_rng(seed)
    place = generator.uniform(-2, 2, (sites, 3)).astype(np.float32)
    optimum = generator.uniform(-2, 2, (species, 2))
    squares = ((place[:, None, :2] - optimum) ** 2).sum(-1)
    presence = generator.random((sites, species)) < 0.9 * np.exp(-squares / 0.5)
    return Samples(
        inputs={"predictors": place},
        presence=csr_array(presence.astype(np.uint8)),
        roles=Roles(np.arange(sites // 2), np.arange(sites // 2, 3 * sites // 4)),
        species=SpeciesTable(tuple(range(species)), tuple(map(str, range(species)))),
    )


def macro_auc(probability: np.ndarray, truth: np.ndarray) -> float:
    varied = (truth.sum(0) > 0) & (truth.sum(0) < len(truth))
    return float(roc_auc_score(truth[:, varied], probability[:, varied], average="macro"))


def test_unimodal_niches_are_learnt() -> None:
    samples, settings = niche_samples(), QUICK.model_copy(update={"epochs": 40, "patience": 8})
    model = train(samples, VECTOR, settings)
    test = np.arange(300, 400)
    probability = probabilities(model, samples.inputs, test)
    assert macro_auc(probability, samples.presence[test].toarray()) > 0.9
    assert probability.mean() == pytest.approx(samples.presence[test].mean(), rel=0.25)


def test_texture_of_windows_is_learnt(raw) -> None:
    generator = np.random.default_rng(0)
    present = generator.random((120, 1)) < 0.5
    windows = generator.integers(1000, 2000, (120, 4, 34, 34))
    # The mean of a window says nothing; only neighbours differ.
    windows[..., ::2, :] += np.where(present, 400, 0)[..., None, None]
    windows[..., 1::2, :] -= np.where(present, 400, 0)[..., None, None]
    samples = Samples(
        inputs={"sentinel2": windows.astype(np.uint16)},
        presence=csr_array(present.astype(np.uint8)),
        roles=Roles(np.arange(60), np.arange(60, 80)),
        species=SpeciesTable((1,), ("a",)),
    )
    branch = {"sentinel2": ModalitySettings(encoder=LatticeSettings(widths=(4, 8, 8, 8)))}
    settings = QUICK.model_copy(update={"epochs": 12, "patience": 12, "augment": False})
    model = train(samples, branch, settings)
    test = np.arange(80, 120)
    assert roc_auc_score(present[test], logits(model, samples.inputs, test)) > 0.9


def test_an_untrained_model_predicts_prevalence() -> None:
    samples = niche_samples()
    model = initial_model(samples, VECTOR, seed=0).eval()
    predicted = probabilities(model, samples.inputs, samples.roles.train).mean(0)
    np.testing.assert_allclose(predicted, samples.prevalence(), rtol=0.2, atol=0.01)


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_one_seed_gives_identical_weights(optimiser: str) -> None:
    settings = QUICK.model_copy(update={"optimiser": optimiser, "dropout": 0.2})
    first, again = (train(niche_samples(), VECTOR, settings) for _ in range(2))
    assert fingerprint(first) == fingerprint(again)
    other = train(niche_samples(), VECTOR, settings.model_copy(update={"seed": 1}))
    assert fingerprint(other) != fingerprint(first)


def test_all_encoders_are_deterministic_together(raw) -> None:
    inputs = raw(24)
    presence = np.random.default_rng(0).integers(0, 2, (24, 3)).astype(np.uint8)
    samples = Samples(
        inputs=inputs,
        presence=csr_array(presence),
        roles=Roles(np.arange(16), np.arange(16, 24)),
        species=SpeciesTable((1, 2, 3), ("a", "b", "c")),
    )
    slots = NormalisationSettings(statistics="slot")
    branches = {
        "sentinel2": ModalitySettings(encoder=LatticeSettings(widths=(4, 4, 4, 4))),
        "landsat": ModalitySettings(encoder=SeriesSettings(widths=(4, 4)), normalisation=slots),
        "climate": ModalitySettings(encoder=SeriesSettings(widths=(4, 4)), normalisation=slots),
        **VECTOR,
    }
    settings = QUICK.model_copy(update={"batch": 8, "epochs": 2})
    prints = {fingerprint(train(samples, branches, settings)) for _ in range(2)}
    assert len(prints) == 1


def test_the_process_is_left_as_it_was() -> None:
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    train(niche_samples(), VECTOR, QUICK)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_the_best_epoch_is_kept_and_told() -> None:
    epochs = []
    settings = QUICK.model_copy(update={"epochs": 30, "patience": 2, "learning_rate": 0.05})
    samples = niche_samples(sites=120)
    model = train(samples, VECTOR, settings, watching=Watching(epochs.append))
    losses = [epoch.validation_loss for epoch in epochs]
    course = model.card.training
    assert course["best_epoch"] == int(np.argmin(losses)) + 1
    assert len(epochs) == course["best_epoch"] + 2 < 30
    assert course["best_validation_loss"] == min(losses)
    assert "seconds" not in course["history"][0]
    labels = samples.labels(samples.roles.validation)
    own = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.from_numpy(logits(model, samples.inputs, samples.roles.validation)), labels
    )
    assert float(own) == pytest.approx(min(losses), rel=1e-5)


def test_the_learning_rate_falls_on_a_plateau() -> None:
    epochs = []
    settings = QUICK.model_copy(update={"epochs": 25, "patience": 25, "learning_rate": 0.1})
    train(niche_samples(sites=60), VECTOR, settings, watching=Watching(epochs.append))
    rates = [epoch.learning_rate for epoch in epochs]
    assert rates[0] == 0.1
    assert sorted(set(rates), reverse=True)[1] == pytest.approx(0.09)


def test_validation_and_test_sites_do_not_change_the_weights_but_for_the_stop() -> None:
    samples = niche_samples()
    settings = QUICK.model_copy(update={"epochs": 1})
    changed = samples.inputs["predictors"].copy()
    changed[200:] = 7.0
    other = replace(samples, inputs={"predictors": changed})
    first, second = train(samples, VECTOR, settings), train(other, VECTOR, settings)
    assert torch.equal(first.head.weight, second.head.weight)
    assert first.card.normalisation == second.card.normalisation


def test_tuning_leaves_the_given_model_alone() -> None:
    samples = niche_samples()
    start = train(samples, VECTOR, QUICK)
    before = fingerprint(start)
    tune(start, samples, QUICK)
    assert fingerprint(start) == before


def test_presences_can_weigh_more() -> None:
    samples = niche_samples()
    plain, heavy = (
        train(samples, VECTOR, QUICK.model_copy(update={"positive_weight": weight}))
        for weight in (1.0, 10.0)
    )
    means = [
        probabilities(model, samples.inputs, np.arange(100)).mean() for model in (plain, heavy)
    ]
    assert means[1] > 1.3 * means[0]


def test_only_weights_decay() -> None:
    model = initial_model(niche_samples(), VECTOR, seed=0)
    settings = TrainingSettings(weight_decay=0.3, head_weight_decay=0.4)
    groups = make_optimiser(model, settings).param_groups
    assert [group["weight_decay"] for group in groups] == [0.3, 0.4, 0.0]
    assert [len(group["params"]) for group in groups] == [2, 1, 7]
    assert isinstance(make_optimiser(model, TrainingSettings(optimiser="sgd")), torch.optim.SGD)


def test_a_loss_that_is_no_number_is_refused() -> None:
    settings = QUICK.model_copy(update={"optimiser": "sgd", "learning_rate": 1e30})
    with pytest.raises(InputError, match=r"the loss is .* in epoch \d.*lower the learning rate"):
        train(niche_samples(), VECTOR, settings)


def test_threads_may_differ_by_rounding_only() -> None:
    if (os.cpu_count() or 1) < 2:
        pytest.skip("needs two cores")
    first, second = (
        train(niche_samples(), VECTOR, QUICK.model_copy(update={"threads": threads, "epochs": 1}))
        for threads in (1, 2)
    )
    torch.testing.assert_close(first.head.weight, second.head.weight, rtol=1e-3, atol=1e-4)


class StopError(Exception):
    pass


@pytest.fixture
def every_epoch(monkeypatch) -> None:
    """Write a checkpoint after each epoch, however short."""
    monkeypatch.setattr(fitting, "WORTH", 0)


@pytest.mark.usefixtures("every_epoch")
@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_an_interrupted_training_ends_with_the_same_bits(optimiser: str, tmp_path) -> None:
    settings = QUICK.model_copy(
        update={"optimiser": optimiser, "dropout": 0.2, "epochs": 8, "learning_rate": 0.05}
    )
    expected = train(niche_samples(), VECTOR, settings)

    def stop(epoch) -> None:
        if epoch.epoch == 3:
            raise StopError

    with pytest.raises(StopError):
        train(niche_samples(), VECTOR, settings, watching=Watching(stop, tmp_path / "fit"))
    told = []
    watching = Watching(told.append, tmp_path / "fit")
    assert fingerprint(train(niche_samples(), VECTOR, settings, watching=watching)) == fingerprint(
        expected
    )
    assert [epoch.epoch for epoch in told] == [4, 5, 6, 7, 8]


@pytest.mark.usefixtures("every_epoch")
@pytest.mark.parametrize("changed", ["seed", "dropout", "samples"])
def test_a_checkpoint_of_another_training_is_not_taken_up(changed: str, tmp_path) -> None:
    watching = Watching(checkpoint=tmp_path / "fit")
    train(niche_samples(), VECTOR, QUICK, watching=watching)
    samples, settings = niche_samples(), QUICK
    if changed == "samples":
        values = samples.inputs["predictors"].copy()
        # A validation site: neither normalisation nor start see it.
        values[250] += 1
        samples = replace(samples, inputs={"predictors": values})
    else:
        settings = QUICK.model_copy(update={changed: 1 if changed == "seed" else 0.5})
    told = []
    train(samples, VECTOR, settings, watching=replace(watching, progress=told.append))
    assert [epoch.epoch for epoch in told] == [1, 2, 3]


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="device 'cuda:99': this process sees"):
        train(niche_samples(), VECTOR, QUICK, device="cuda:99")
