import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from biomap_xr import fitting
from biomap_xr.errors import InputError
from biomap_xr.fitting import UNWATCHED, Watching
from biomap_xr.folds.roles import Roles
from biomap_xr.species.artefact import fingerprint
from biomap_xr.species.branches import centre, train_branch, train_ensemble
from biomap_xr.species.model import SpeciesModel
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


def trained(samples: Samples, watching: Watching = UNWATCHED) -> dict[str, SpeciesModel]:
    return {
        name: train_branch(name, samples, branch, SETTINGS, watching=watching)
        for name, branch in BRANCHES.items()
    }


def test_each_branch_alone_then_all_together(samples) -> None:
    told = []
    watching = Watching(lambda epoch: told.append(epoch.stage))
    branches = trained(samples, watching)
    ensemble = train_ensemble(branches, samples, SETTINGS, watching=watching)
    assert {name: model.modalities for name, model in branches.items()} == {
        name: (name,) for name in BRANCHES
    }
    assert told == ["landsat"] + ["sentinel2"] * 5 + ["predictors"] * 3 + ["ensemble"] * 3
    assert ensemble.modalities == ("landsat", "sentinel2", "predictors")
    assert branches["sentinel2"].card.normalisation["sentinel2"].shape == (4, 34, 34)
    assert logits(ensemble, samples.inputs, np.arange(5)).shape == (5, 2)


def test_the_ensemble_starts_where_the_branches_ended(samples) -> None:
    branches = trained(samples)
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
    branches = trained(samples)
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


@pytest.fixture
def every_epoch(monkeypatch) -> None:
    """Write a checkpoint after each epoch, however short."""
    monkeypatch.setattr(fitting, "WORTH", 0)


@pytest.mark.usefixtures("every_epoch")
@pytest.mark.parametrize("stop", [("sentinel2", 2), ("sentinel2", 5), ("ensemble", 2)])
def test_a_killed_training_goes_on_in_the_part_that_it_was_in(samples, stop, tmp_path) -> None:
    class StopError(Exception):
        pass

    told: list[str] = []

    def hear(epoch) -> None:
        told.append(epoch.stage)
        if (epoch.stage, told.count(epoch.stage)) == stop:
            raise StopError

    def both(progress) -> SpeciesModel:
        def watched(name: str) -> Watching:
            return Watching(progress, tmp_path / name)

        names = [name for name in BRANCHES if name != "landsat"]
        branches = {
            name: train_branch(name, samples, BRANCHES[name], SETTINGS, watching=watched(name))
            for name in names
        }
        return train_ensemble(branches, samples, SETTINGS, watching=watched("ensemble"))

    with pytest.raises(StopError):
        both(hear)
    later: list[str] = []
    resumed = both(lambda epoch: later.append(epoch.stage))
    assert told.count(stop[0]) + later.count(stop[0]) == {"sentinel2": 5, "ensemble": 3}[stop[0]]
    branches = {name: model for name, model in trained(samples).items() if name != "landsat"}
    assert fingerprint(resumed) == fingerprint(train_ensemble(branches, samples, SETTINGS))
