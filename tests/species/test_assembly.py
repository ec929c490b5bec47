import pytest
import torch

from biomap_xr.errors import InputError
from biomap_xr.species.assembly import join, load_published, rebuilt
from biomap_xr.species.encoders.published import PREFIXES, Published
from biomap_xr.species.settings import PublishedSettings

NAMES = ("landsat", "climate", "sentinel2")
WIDTHS = (3, 4, 4, 5)


def _tensors(raw):
    return {name: torch.from_numpy(values) for name, values in raw.items()}


def _published_card(card, modalities=NAMES):
    encoders = {name: PublishedSettings(widths=WIDTHS) for name in modalities}
    return card(modalities).model_copy(update={"modalities": encoders})


def _published_state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    state = {}
    for name, channels in zip(NAMES, (6, 4, 4), strict=True):
        encoder = Published(channels=channels, widths=WIDTHS)
        state |= {PREFIXES[name] + key: value for key, value in encoder.state_dict().items()}
    head = torch.nn.Linear(15, 7)
    return state | {"fc1.weight": head.weight.detach(), "fc1.bias": head.bias.detach()}


def test_published_ensemble_weights_give_the_published_logits(card, raw) -> None:
    state, inputs = _published_state(), _tensors(raw(2))
    model = load_published(state, _published_card(card))
    parts = []
    for name, channels in zip(NAMES, (6, 4, 4), strict=True):
        encoder = Published(channels=channels, widths=WIDTHS).eval()
        prefix = PREFIXES[name]
        encoder.load_state_dict(
            {
                key.removeprefix(prefix): value
                for key, value in state.items()
                if key.startswith(prefix)
            }
        )
        parts.append(encoder(model.normalisers[name](inputs[name])))
    expected = torch.cat(parts, 1) @ state["fc1.weight"].T + state["fc1.bias"]
    torch.testing.assert_close(model(inputs), expected, rtol=1e-5, atol=1e-5)


def test_a_single_modality_checkpoint_loads_with_its_own_head(card) -> None:
    encoder = Published(channels=4, widths=WIDTHS)
    head = torch.nn.Linear(5, 7)
    state = encoder.state_dict() | {
        "fc.weight": head.weight.detach(),
        "fc.bias": head.bias.detach(),
    }
    model = load_published(state, _published_card(card, ("climate",)))
    assert torch.equal(model.head.weight, head.weight)
    assert torch.equal(model.encoders["climate"].conv3.weight, encoder.conv3.weight)


def test_published_weights_need_published_encoders(card) -> None:
    with pytest.raises(InputError, match=r"'landsat' has encoder.*series.*change the card"):
        load_published(_published_state(), card(NAMES))


def test_a_state_dict_without_head_is_refused(card) -> None:
    state = _published_state()
    del state["fc1.bias"]
    with pytest.raises(InputError, match=r"no 'fc1\.bias'"):
        load_published(state, _published_card(card))


def test_a_head_of_other_species_is_refused(card) -> None:
    state = _published_state()
    with pytest.raises(InputError, match=r"7 species.*size mismatch for head"):
        load_published({**state, "fc1.weight": state["fc1.weight"][:6]}, _published_card(card))


def test_joined_branches_predict_the_mean_of_their_logits(card, model, raw) -> None:
    branches = {name: model(card((name,)), seed) for seed, name in enumerate(reversed(NAMES))}
    inputs = _tensors(raw(3))
    expected = sum(branch(inputs) for branch in branches.values()) / 3
    joined = join(branches)
    assert joined.modalities == NAMES
    torch.testing.assert_close(joined(inputs), expected, rtol=1e-5, atol=1e-5)


def test_branches_of_other_species_are_not_joined(card, model) -> None:
    with pytest.raises(InputError, match=r"5 species, the model has 7|7 species, the model has 5"):
        join(
            {"landsat": model(card(("landsat",))), "climate": model(card(("climate",), species=5))}
        )


def test_nothing_cannot_be_joined() -> None:
    with pytest.raises(InputError, match="0 branches"):
        join({})


def test_weights_of_another_architecture_are_refused(card, model) -> None:
    with pytest.raises(InputError, match="weights do not fit the card"):
        rebuilt(card(("landsat",)), model(card(("climate",))).state_dict())
