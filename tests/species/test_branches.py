import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from biomap_xr.errors import InputError
from biomap_xr.folds.roles import Roles
from biomap_xr.species.branches import centre, train_branches, train_ensemble
from biomap_xr.species.samples import Samples, SpeciesTable
from biomap_xr.species.scoring import logits
from biomap_xr.species.settings import (
    EarlyWindow,
    EnsembleSettings,
    LatticeSettings,
    ModalitySettings,
    SeriesSettings,
    TrainingSettings,
    VectorSettings,
)

BRANCHES = {
    "landsat": ModalitySettings(encoder=SeriesSettings(widths=(4, 4))),
    "sentinel2": ModalitySettings(encoder=LatticeSettings(widths=(4, 4, 4, 4))),
    "predictors": ModalitySettings(encoder=VectorSettings(widths=(8, 4))),
}
QUICK = TrainingSettings(epochs=3, batch=16, learning_rate=1e-2, threads=1)
SETTINGS = EnsembleSettings(
    branches=QUICK,
    ensemble=QUICK.model_copy(update={"learning_rate": 1e-3}),
    by_modality={"landsat": QUICK.model_copy(update={"epochs": 1})},
    early_window=EarlyWindow(side=30, epochs=2),
)


@pytest.fixture
def samples(raw) -> Samples:
    inputs = {name: raw(60)[name] for name in BRANCHES}
    # Species 0 follows the first predictor, species 1 the mean of Landsat's red.
    inputs["landsat"][:, 0] = np.random.default_rng(1).integers(0, 240, (60, 1, 1))
    presence = np.stack(
        [inputs["predictors"][:, 0] > 1, inputs["landsat"][:, 0, 0, 0] > 120], axis=1
    )
    return Samples(
        inputs=inputs,
        presence=csr_array(presence.astype(np.uint8)),
        roles=Roles(np.arange(40), np.arange(40, 60)),
        species=SpeciesTable((1, 2), ("a", "b")),
    )


def test_each_branch_alone_then_all_together(samples) -> None:
    told = []
    branches = train_branches(
        samples, BRANCHES, SETTINGS, progress=lambda stage, epoch: told.append(stage)
    )
    ensemble = train_ensemble(branches, samples, SETTINGS, progress=lambda *_: told.append("all"))
    assert {name: model.modalities for name, model in branches.items()} == {
        name: (name,) for name in BRANCHES
    }
    assert told == ["landsat"] + ["sentinel2"] * 5 + ["predictors"] * 3 + ["all"] * 3
    assert ensemble.modalities == ("landsat", "sentinel2", "predictors")
    assert branches["sentinel2"].card.normalisation["sentinel2"].shape == (4, 34, 34)
    assert logits(ensemble, samples.inputs, np.arange(5)).shape == (5, 2)


def test_the_ensemble_starts_where_the_branches_ended(samples) -> None:
    branches = train_branches(samples, BRANCHES, SETTINGS)
    frozen = SETTINGS.model_copy(
        update={"ensemble": QUICK.model_copy(update={"epochs": 1, "learning_rate": 1e-12})}
    )
    ensemble = train_ensemble(branches, samples, frozen)
    state = ensemble.state_dict()
    for name, branch in branches.items():
        torch.testing.assert_close(
            ensemble.head_weight(name).detach(), branch.head.weight.detach() / 3
        )
        key = next(key for key in branch.state_dict() if key.endswith("weight"))
        torch.testing.assert_close(state[key], branch.state_dict()[key])


def test_the_head_can_start_from_prevalence(samples) -> None:
    branches = train_branches(samples, BRANCHES, SETTINGS)
    settings = SETTINGS.model_copy(
        update={
            "head": "prevalence",
            "ensemble": QUICK.model_copy(update={"epochs": 1, "learning_rate": 1e-12}),
        }
    )
    bias = train_ensemble(branches, samples, settings).head.bias.detach()
    expected = torch.from_numpy(samples.prevalence()).float().logit()
    torch.testing.assert_close(bias, expected, rtol=1e-4, atol=1e-4)


def test_the_middle_of_a_window_is_its_place() -> None:
    window = np.arange(128 * 128).reshape(1, 1, 128, 128)
    cut = centre(window, 64)
    # Pixel 61 of 128 is the cell's first pixel; in the middle 64 it is pixel 29.
    assert cut[0, 0, 29, 29] == window[0, 0, 61, 61]
    assert cut.base is not None


def test_a_larger_early_window_is_refused() -> None:
    with pytest.raises(InputError, match="windows of 34 pixels cannot be cut to 64"):
        centre(np.zeros((1, 4, 34, 34)), 64)
