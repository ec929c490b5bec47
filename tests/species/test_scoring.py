import numpy as np
import torch
from scipy.special import expit

from biomap_xr.species.scoring import logits, probabilities


def test_batches_change_nothing_and_order_is_kept(card, model, raw) -> None:
    net, inputs = model(card()), raw(9)
    indices = np.array([7, 0, 3, 8, 1])
    whole = net({name: torch.from_numpy(values[indices]) for name, values in inputs.items()})
    for batch in (2, 3, 100):
        scored = logits(net, inputs, indices, batch=batch)
        assert scored.dtype == np.float32
        np.testing.assert_allclose(scored, whole.detach().numpy(), atol=1e-5)


def test_probabilities_are_the_sigmoid_of_logits(card, model, raw) -> None:
    net, inputs = model(card()), raw(3)
    expected = expit(logits(net, inputs, np.arange(3)))
    np.testing.assert_allclose(probabilities(net, inputs, np.arange(3)), expected, atol=1e-6)


def test_the_mode_is_left_as_it_was(card, model, raw) -> None:
    net = model(card()).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    logits(net, raw(4), np.arange(4))
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
