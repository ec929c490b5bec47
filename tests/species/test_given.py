from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from scipy.sparse import csr_array

from biomap_xr.errors import InputError
from biomap_xr.folds.roles import Roles
from biomap_xr.species.artefact import save_model
from biomap_xr.species.encoders.published import PREFIXES, Published
from biomap_xr.species.given import check_weights, files_of_weights, given_model, read_state
from biomap_xr.species.samples import Samples, SpeciesTable
from biomap_xr.species.scoring import logits
from biomap_xr.species.settings import SpeciesSettings

WIDTHS = (3, 4, 4, 5)
CHANNELS = {"landsat": 6, "climate": 4}
PUBLISHED = {
    name: {
        "encoder": {"kind": "published", "widths": WIDTHS},
        "normalisation": {"preset": "geoplant"},
    }
    for name in CHANNELS
}
ROWS = 20


@pytest.fixture
def samples(raw) -> Samples:
    inputs = {name: raw(9)[name] for name in CHANNELS}
    presence = np.random.default_rng(0).integers(0, 2, (9, 3)).astype(np.uint8)
    roles = Roles(np.arange(6), np.arange(6, 9))
    return Samples(inputs, csr_array(presence), roles, SpeciesTable((11, 4, 7), ("a", "b", "c")))


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    """Weights of landsat, climate and twenty species, as published."""
    torch.manual_seed(0)
    tensors = {}
    for name, channels in CHANNELS.items():
        encoder = Published(channels=channels, widths=WIDTHS)
        tensors |= {PREFIXES[name] + key: value for key, value in encoder.state_dict().items()}
    head = torch.nn.Linear(10, ROWS)
    return tensors | {"fc1.weight": head.weight.detach(), "fc1.bias": head.bias.detach()}


def settings(path: Path, **changes) -> SpeciesSettings:
    return SpeciesSettings.model_validate({"modalities": PUBLISHED, "weights": path, **changes})


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_published_weights_have_the_rows_of_the_species(
    suffix: str, samples, state, tmp_path: Path
) -> None:
    path = tmp_path / f"mme{suffix}"
    if suffix == ".pth":
        torch.save(state, path)
    else:
        safetensors.torch.save_file(state, path)
    model = given_model(settings(path), samples)
    assert model.card.species_id == (11, 4, 7)
    assert torch.equal(model.head.weight, state["fc1.weight"][[11, 4, 7]])
    assert torch.equal(model.head.bias, state["fc1.bias"][[11, 4, 7]])
    # As published: raw cubes, no statistics of these sites.
    assert set(model.card.normalisation["landsat"].deviation) == {1.0}
    assert model.card.thresholds is None
    assert logits(model, samples.inputs, np.arange(9)).shape == (9, 3)


def test_a_head_of_as_many_species_is_taken_in_their_order(samples, state, tmp_path: Path) -> None:
    own = {**state, "fc1.weight": state["fc1.weight"][:3], "fc1.bias": state["fc1.bias"][:3]}
    torch.save(own, tmp_path / "own.pt")
    model = given_model(settings(tmp_path / "own.pt"), samples)
    assert torch.equal(model.head.bias, own["fc1.bias"])


def test_species_that_the_head_has_no_row_for_are_refused(samples, state, tmp_path: Path) -> None:
    few = {**state, "fc1.weight": state["fc1.weight"][:9], "fc1.bias": state["fc1.bias"][:9]}
    torch.save(few, tmp_path / "few.pth")
    with pytest.raises(InputError, match="its head has 9 species, the observations have 3 with"):
        given_model(settings(tmp_path / "few.pth"), samples)


def test_a_saved_model_is_used_as_it_is(samples, card, model, tmp_path: Path) -> None:
    saved = save_model(model(card(("landsat", "climate"))), tmp_path / "model")
    modalities = {"landsat": {}, "climate": {}}
    chosen = settings(tmp_path / "model", modalities=modalities)
    found = given_model(chosen, samples)
    assert found.card == saved.card
    expected = logits(saved, samples.inputs, np.arange(9))
    np.testing.assert_array_equal(logits(found, samples.inputs, np.arange(9)), expected)
    with pytest.raises(InputError, match=r"reads \['landsat', 'climate'\], the recipe's"):
        check_weights(settings(tmp_path / "model", modalities={"landsat": {}}))
    short = {**samples.inputs, "landsat": samples.inputs["landsat"][..., :20]}
    other = Samples(short, samples.presence, samples.roles, samples.species)
    with pytest.raises(InputError, match=r"landsat of shape \(6, 4, 21\).*have \(6, 4, 20\)"):
        given_model(chosen, other)


@pytest.mark.parametrize("name", ["none.pth", "none"])
def test_weights_that_are_not_there_are_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"species.weights: .*{name}.* is missing"):
        check_weights(settings(tmp_path / name))


def test_files_that_are_no_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "text.safetensors").write_text("no weights")
    torch.save([1, 2], tmp_path / "list.pth")

    class Harmful:
        def __reduce__(self):
            return (print, ("code of the file runs",))

    torch.save({"fc1.weight": Harmful()}, tmp_path / "code.pth")
    for name in ("text.pth", "text.safetensors", "code.pth"):
        with pytest.raises(InputError, match=f"{name} cannot be read as weights"):
            read_state(tmp_path / name)
    with pytest.raises(InputError, match=r"list.pth holds list, expected a mapping of names"):
        read_state(tmp_path / "list.pth")


def test_published_weights_need_published_encoders() -> None:
    with pytest.raises(ValueError, match=r"the encoder of landsat is 'series'.*kind 'published'"):
        settings(Path("mme.pth"), modalities={"landsat": {}})
    assert [path.name for path in files_of_weights(Path("model"))] == [
        "card.json",
        "model.safetensors",
    ]
