import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from biomap_xr.habitats.ensemble.imbalance import class_weights, margins
from biomap_xr.habitats.ensemble.learners.settings import PERCEPTRON_IMBALANCE, PerceptronSettings
from biomap_xr.habitats.ensemble.losses import focal_loss, ldam_loss, make_loss

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.5], [0.0, 3.0, 1.0]])
LABELS = torch.tensor([0, 2, 2])
COUNTS = np.array([80, 16, 1])


def test_focal_loss_by_hand():
    # Two classes, logits 0: ce = ln 2 and 1 - exp(-ce) = 1/2.
    loss = focal_loss(torch.zeros(1, 2), torch.tensor([1]), gamma=5.0)
    assert float(loss) == pytest.approx(np.log(2) / 32)


def test_focal_loss_weighs_inside_the_exponent_as_published():
    # The published form takes exp(-w ce), which is p^w and not p.
    loss = focal_loss(torch.zeros(1, 2), torch.tensor([1]), 2.0, torch.tensor([1.0, 3.0]))
    assert float(loss) == pytest.approx((1 - 0.5**3) ** 2 * 3 * np.log(2))


def test_focal_loss_without_focus_is_cross_entropy():
    assert float(focal_loss(LOGITS, LABELS, 0.0)) == pytest.approx(
        float(cross_entropy(LOGITS, LABELS))
    )


def test_ldam_by_hand():
    # Class 0 of two, margin one half, logits 1 and 0: softplus(-4 (1 - 1/2 - 0)).
    margin = torch.tensor([0.5, 0.1])
    loss = ldam_loss(torch.tensor([[1.0, 0.0]]), torch.tensor([0]), margin, 4.0)
    assert float(loss) == pytest.approx(np.log1p(np.exp(-2.0)))


def test_ldam_is_that_of_its_authors():
    # Cao et al. 2019, as in their released losses.py: a mask of the true class, margins by matmul.
    margin = torch.tensor(margins(COUNTS), dtype=torch.float32)
    weights = torch.tensor(class_weights(COUNTS), dtype=torch.float32)
    index = torch.zeros_like(LOGITS, dtype=torch.bool)
    index.scatter_(1, LABELS[:, None], 1)
    moved = LOGITS - torch.matmul(margin[None, :], index.float().T).view(-1, 1)
    reference = cross_entropy(30.0 * torch.where(index, moved, LOGITS), LABELS, weight=weights)
    assert float(ldam_loss(LOGITS, LABELS, margin, 30.0, weights)) == pytest.approx(
        float(reference), rel=1e-6
    )


@pytest.mark.parametrize(
    ("imbalance", "expected"),
    [
        ("none", cross_entropy(LOGITS, LABELS)),
        (
            "weighted_cross_entropy",
            cross_entropy(LOGITS, LABELS, weight=torch.tensor(class_weights(COUNTS)).float()),
        ),
        ("focal", focal_loss(LOGITS, LABELS, 5.0)),
        (
            "weighted_focal",
            focal_loss(LOGITS, LABELS, 5.0, torch.tensor(class_weights(COUNTS)).float()),
        ),
        ("ldam", ldam_loss(LOGITS, LABELS, torch.tensor(margins(COUNTS)).float())),
    ],
)
def test_settings_choose_the_loss(imbalance, expected):
    loss = make_loss(PerceptronSettings(imbalance=imbalance), COUNTS)
    assert float(loss(LOGITS, LABELS)) == pytest.approx(float(expected))


@pytest.mark.parametrize("imbalance", PERCEPTRON_IMBALANCE)
def test_losses_have_the_gradient_of_finite_differences(imbalance):
    loss = make_loss(PerceptronSettings(imbalance=imbalance, scale=2.0, gamma=2.0), COUNTS)
    logits = LOGITS.clone().requires_grad_()
    loss(logits, LABELS).backward()
    step = torch.zeros_like(LOGITS)
    step[1, 2] = 1e-2
    slope = (loss(LOGITS + step, LABELS) - loss(LOGITS - step, LABELS)) / 2e-2
    assert float(logits.grad[1, 2]) == pytest.approx(float(slope), abs=2e-3)
