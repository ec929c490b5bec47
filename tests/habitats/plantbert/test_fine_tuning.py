import numpy as np
import pytest
import torch
from tiny_model import tiny_model
from tiny_samples import tiny_samples

from biomap_xr.habitats.plantbert.fine_tuning import Classification, Labelled, class_weights
from biomap_xr.habitats.plantbert.settings import FineTuningSettings

SAMPLES = tiny_samples()
ROWS = SAMPLES.labelled(np.arange(90))
ALL = Labelled(SAMPLES.assemblages.sentences[ROWS], SAMPLES.label[ROWS])


PLAIN = {"batch": 8, "jitter": 0.0, "hidden_species": 0.0, "teacher": 0.0}


def lesson(validation: Labelled = ALL, **settings: object) -> Classification:
    model = tiny_model()
    values = FineTuningSettings.model_validate({**PLAIN, **settings})
    teacher = tiny_model(seed=1).predict_proba
    return Classification(model.network, ALL, validation, model.tokens, values, teacher=teacher)


def test_the_loss_is_that_of_transformers() -> None:
    made = lesson()
    rows = np.arange(8)
    step = made.step(rows, np.random.default_rng(0))
    ids, attention = made.tokens.encode(ALL.sentences[rows])
    expected = made.network(
        input_ids=torch.from_numpy(ids),
        attention_mask=torch.from_numpy(attention),
        labels=torch.from_numpy(ALL.label[rows]),
    )
    assert float(step.loss.detach()) == pytest.approx(float(expected.loss.detach()), rel=1e-5)
    assert step.of == 8


def test_a_teacher_is_part_of_the_target() -> None:
    rows = np.arange(8)
    plain, taught, mixed = (
        float(lesson(teacher=share).step(rows, np.random.default_rng(0)).loss.detach())
        for share in (0.0, 1.0, 0.25)
    )
    said = tiny_model(seed=1).predict_proba(ALL.sentences[rows])
    own = np.log(tiny_model().predict_proba(ALL.sentences[rows]))
    assert taught == pytest.approx(-(said * own).sum(axis=1).mean(), rel=1e-4)
    assert mixed == pytest.approx(0.75 * plain + 0.25 * taught, rel=1e-5)


@pytest.mark.parametrize("monitor", ["loss", "accuracy"])
def test_validation_scores_sentences_as_they_are(monitor: str) -> None:
    made = lesson(monitor=monitor, species_dropout=0.9)
    made.network.eval()
    with torch.no_grad():
        found = made.validate()
    assert found is not None
    probability = tiny_model().predict_proba(ALL.sentences)
    truth = probability[np.arange(len(ALL)), ALL.label]
    assert found.loss == pytest.approx(-np.log(truth).mean(), rel=1e-4)
    assert found.accuracy == (probability.argmax(axis=1) == ALL.label).mean()
    assert found.monitored == (found.loss if monitor == "loss" else -found.accuracy)


def test_without_validation_plots_there_is_no_validation() -> None:
    none = Labelled(ALL.sentences[:0], ALL.label[:0])
    assert lesson(none).validate() is None


def test_balanced_weights_give_each_habitat_the_same_total() -> None:
    label = np.array([0, 0, 0, 0, 0, 0, 2, 2, 2, 1])
    weight = class_weights(label, 4, FineTuningSettings(class_weights="balanced")).numpy()
    totals = np.bincount(label, weights=weight[label], minlength=4)
    np.testing.assert_allclose(totals, [10 / 3, 10 / 3, 10 / 3, 0], rtol=1e-6)
    assert class_weights(label, 4, FineTuningSettings()).tolist() == [1, 1, 1, 1]
