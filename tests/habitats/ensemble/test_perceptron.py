from dataclasses import replace

import numpy as np
import pytest
import torch

from biomap_xr import fitting
from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.learners.protocol import Means, Problem
from biomap_xr.habitats.ensemble.learners.settings import ARCHITECTURES, PerceptronSettings
from biomap_xr.habitats.ensemble.perceptron import (
    Network,
    _Naming,
    embedding_size,
    logits_of,
    train,
)

SETTINGS = PerceptronSettings(
    architecture=(16,), imbalance="none", batch=32, epochs=30, learning_rate=1e-2
)


def problem(rows=200, seed=0):
    """Give three classes that lie side by side along the first of four columns."""
    columns = np.random.default_rng(seed).normal(size=(rows, 4)).astype(np.float32)
    labels = np.digitize(columns[:, 0], [-0.5, 0.5])
    return Problem(columns, labels, np.ones(rows), 3)


def accuracy(network, given):
    return (logits_of(network, given.columns).argmax(axis=1) == given.labels).mean()


def test_three_classes_are_learned():
    network, fitted = train(problem(), problem(seed=1), SETTINGS, Means())
    assert accuracy(network, problem(seed=2)) > 0.8
    assert fitted.lowest is not None
    assert fitted.best_epoch <= len(fitted.history) <= SETTINGS.epochs


def test_equal_seeds_give_equal_weights_and_others_do_not():
    first, second, other = (
        train(problem(), None, SETTINGS.model_copy(update={"epochs": 2}), Means(seed))[0]
        for seed in (1, 1, 2)
    )
    columns = problem().columns
    np.testing.assert_array_equal(logits_of(first, columns), logits_of(second, columns))
    assert np.abs(logits_of(first, columns) - logits_of(other, columns)).max() > 1e-3


def test_random_numbers_and_threads_of_the_process_are_left_alone():
    torch.manual_seed(3)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    train(problem(), None, SETTINGS.model_copy(update={"epochs": 1}), Means(threads=2))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_weights_of_the_best_epoch_are_kept():
    # A rate so high that the loss soon rises: without restoring, the last weights would be worse.
    wild = SETTINGS.model_copy(update={"learning_rate": 0.5, "patience": 5, "optimiser": "sgd"})
    held_out = problem(seed=1)
    network, fitted = train(problem(), held_out, wild, Means())
    logits = torch.from_numpy(logits_of(network, held_out.columns))
    found = torch.nn.functional.cross_entropy(logits, torch.from_numpy(held_out.labels))
    assert float(found) == pytest.approx(fitted.lowest, rel=1e-5)


def test_patience_ends_training():
    still = SETTINGS.model_copy(update={"learning_rate": 1e-12, "epochs": 100, "patience": 4})
    _, fitted = train(problem(), problem(seed=1), still, Means())
    # Batch norm's running statistics settle in the first epochs; the weights do not move.
    assert len(fitted.history) == fitted.best_epoch + 4 < 100


def test_without_held_out_rows_all_epochs_are_given():
    _, fitted = train(problem(), None, SETTINGS.model_copy(update={"epochs": 3}), Means())
    assert (len(fitted.history), fitted.best_epoch, fitted.lowest) == (3, 3, None)


@pytest.mark.parametrize("rows", [2, 3, 33, 65])
def test_no_batch_is_a_single_row(rows):
    train(problem(rows), None, SETTINGS.model_copy(update={"epochs": 1}), Means())


def test_single_row_is_refused():
    with pytest.raises(InputError, match="cannot be trained on 1 row"):
        train(problem(1), None, SETTINGS, Means())


def test_loss_that_is_no_number_is_refused():
    wild = SETTINGS.model_copy(update={"learning_rate": 1e30, "optimiser": "sgd"})
    with pytest.raises(InputError, match=r"loss is (nan|inf) in epoch \d+, expected a number"):
        train(problem(), None, wild, Means())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_four_architectures(architecture):
    settings = PerceptronSettings(architecture=architecture)
    network = Network(numeric=5, categories=(), classes=7, settings=settings)
    shapes = [tuple(m.weight.shape) for m in network.layers if isinstance(m, torch.nn.Linear)]
    widths = (5, *ARCHITECTURES[architecture], 7)
    assert shapes == list(zip(widths[1:], widths[:-1], strict=True))


def test_embeddings_of_unseen_categories_are_zeros():
    network = Network(numeric=1, categories=(10,), classes=2, settings=SETTINGS)
    assert network.embeddings[0].weight.shape == (11, embedding_size(10))
    assert network.embeddings[0](torch.tensor([0])).abs().sum() == 0


def test_embedded_categories_are_learned():
    generator = np.random.default_rng(0)
    soil = generator.integers(1, 6, 300)
    columns = np.stack([generator.normal(size=300), soil], axis=1).astype(np.float32)
    given = Problem(columns, soil % 2, np.ones(300), 2, (5,))
    network, _ = train(given, None, SETTINGS, Means())
    assert accuracy(network, given) == 1


def test_logits_do_not_depend_on_the_batch():
    network, _ = train(problem(), None, SETTINGS.model_copy(update={"epochs": 1}), Means())
    columns = problem().columns
    np.testing.assert_allclose(
        logits_of(network, columns), logits_of(network, columns, batch=7), atol=1e-6
    )


class StopError(Exception):
    pass


@pytest.fixture
def every_epoch(monkeypatch) -> None:
    """Write a checkpoint after each epoch, however short."""
    monkeypatch.setattr(fitting, "WORTH", 0)


@pytest.mark.usefixtures("every_epoch")
@pytest.mark.parametrize("optimiser", ["radam", "sgd", "adamw"])
def test_an_interrupted_fit_ends_with_the_same_bits(optimiser, tmp_path, monkeypatch):
    settings = SETTINGS.model_copy(update={"optimiser": optimiser, "dropout": 0.2, "epochs": 6})
    means = Means(checkpoint=tmp_path / "fit")
    given, held_out = problem(), problem(seed=1)
    whole, expected = train(given, held_out, settings, Means())
    steps, kept = iter(range(1000)), _Naming.step

    def stopped(lesson, rows, generator):
        # Seven batches an epoch: in the midst of the fourth.
        if next(steps) == 3 * 7 + 2:
            raise StopError
        return kept(lesson, rows, generator)

    monkeypatch.setattr(_Naming, "step", stopped)
    with pytest.raises(StopError):
        train(given, held_out, settings, means)
    monkeypatch.undo()
    resumed, fitted = train(given, held_out, settings, means)
    np.testing.assert_array_equal(
        logits_of(resumed, given.columns), logits_of(whole, given.columns)
    )
    losses, others = ([epoch.loss for epoch in one.history] for one in (fitted, expected))
    assert losses == others
    again, _ = train(given, held_out, settings, replace(means, seed=1))
    assert np.abs(logits_of(again, given.columns) - logits_of(whole, given.columns)).max() > 1e-3


def test_device_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="device 'cuda:99': this process sees"):
        train(problem(), None, SETTINGS, Means(device="cuda:99"))


@pytest.mark.gpu
def test_gpu_gives_nearly_the_processors_network():
    settings = SETTINGS.model_copy(update={"epochs": 2})
    given = problem()
    cpu, _ = train(given, None, settings, Means())
    gpu, _ = train(given, None, settings, replace(Means(), device="cuda:0"))
    np.testing.assert_allclose(
        logits_of(cpu, given.columns), logits_of(gpu, given.columns), atol=1e-3
    )
