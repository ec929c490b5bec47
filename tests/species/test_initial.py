import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from biomap_xr.errors import InputError
from biomap_xr.folds.roles import Roles
from biomap_xr.species.initial import initial_model, start_at_prevalence
from biomap_xr.species.samples import Samples, SpeciesTable
from biomap_xr.species.settings import default_modality


@pytest.fixture
def samples(raw) -> Samples:
    return Samples(
        inputs={"predictors": raw(6)["predictors"]},
        presence=csr_array(np.array([[1, 0]] * 3 + [[0, 0]] * 3, np.uint8)),
        roles=Roles(np.arange(4), np.array([4, 5])),
        species=SpeciesTable((3, 8), ("a", "b")),
    )


def test_bias_is_the_logit_of_prevalence(samples) -> None:
    model = initial_model(samples, {"predictors": default_modality("predictors")}, seed=1)
    expected = torch.tensor([3.5 / 5, 0.5 / 5]).logit()
    torch.testing.assert_close(model.head.bias.detach(), expected)
    assert model.card.species_id == (3, 8)
    assert model.card.normalisation["predictors"].shape == (2,)


def test_the_seed_decides_the_weights(samples) -> None:
    branches = {"predictors": default_modality("predictors")}
    first, again, other = (initial_model(samples, branches, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.head.weight, again.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


def test_a_head_can_start_over(samples) -> None:
    model = initial_model(samples, {"predictors": default_modality("predictors")}, seed=1)
    before = model.head.weight.detach().clone()
    start_at_prevalence(model, samples)
    torch.testing.assert_close(model.head.weight.detach(), before / 10)


def test_a_modality_without_inputs_is_refused(samples) -> None:
    with pytest.raises(InputError, match=r"no inputs of 'climate' among \['predictors'\]"):
        initial_model(samples, {"climate": default_modality("climate")}, seed=0)
