import numpy as np
import pytest
import torch

from biomap_xr.errors import InputError
from biomap_xr.species.card import ModelCard
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.normalisation import Normalisation
from biomap_xr.species.settings import LatticeSettings, PublishedSettings


def _tensors(raw: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(values) for name, values in raw.items()}


def test_the_published_ensemble_has_the_published_head() -> None:
    shapes = {"landsat": (6, 4, 21), "climate": (4, 19, 12), "sentinel2": (4, 128, 128)}
    card = ModelCard(
        modalities={name: PublishedSettings() for name in shapes},
        species_id=tuple(range(11_255)),
        species=tuple(str(index) for index in range(11_255)),
        normalisation={
            name: Normalisation(shape=shape, mean=(0.0,) * shape[0], deviation=(1.0,) * shape[0])
            for name, shape in shapes.items()
        },
    )
    model = SpeciesModel(card=card)
    assert sum(parameter.numel() for parameter in model.head.parameters()) == 17_298_935
    assert model.widths == {"landsat": 512, "climate": 512, "sentinel2": 512}


@pytest.mark.parametrize(
    "modalities",
    [("landsat",), ("climate", "predictors"), ("sentinel2", "landsat", "climate", "predictors")],
)
def test_any_subset_of_modalities(card, model, raw, modalities) -> None:
    net = model(card(modalities))
    assert net(_tensors(raw(3))).shape == (3, 7)
    assert net.modalities == tuple(net.card.modalities)


def test_the_head_is_a_sum_of_parts(card, model, raw) -> None:
    net, inputs = model(card()), _tensors(raw(4))
    parts = sum(net.embed(name, inputs[name]) @ net.head_weight(name).T for name in net.modalities)
    torch.testing.assert_close(parts + net.head.bias, net(inputs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize(
    "encoder",
    [
        LatticeSettings(widths=(3, 4, 5, 6)),
        PublishedSettings(widths=(3, 4, 5, 6), standardise=True),
    ],
)
def test_dense_equals_each_cells_window(card, model, raw, encoder, dtype, tolerance) -> None:
    net = model(card(("sentinel2",)).model_copy(update={"modalities": {"sentinel2": encoder}})).to(
        dtype
    )
    raster = torch.from_numpy(raw(1, window=34 + 25)["sentinel2"][0])
    raster[:, 10:20, 10:20] = 0
    dense = net.embed_dense(raster)
    assert dense.shape == (6, 6, 6)
    for row, column in ((0, 0), (2, 5), (5, 3)):
        window = raster[:, 5 * row : 5 * row + 34, 5 * column : 5 * column + 34]
        cell = net.embed("sentinel2", window[None])[0].detach()
        torch.testing.assert_close(dense[:, row, column], cell, rtol=0, atol=tolerance)


def test_dense_is_in_inference_form_even_while_training(card, model, raw) -> None:
    net, raster = model(card(("sentinel2",))), torch.from_numpy(raw(1)["sentinel2"][0])
    expected = net.embed_dense(raster)
    net.train()
    torch.testing.assert_close(net.embed_dense(raster), expected)
    assert net.encoders["sentinel2"].training


def test_coordinates_are_no_input(card) -> None:
    assert not {"x", "y", "lon", "lat"} & set(card().modalities)


def test_a_missing_modality_is_refused(card, model, raw) -> None:
    inputs = _tensors(raw(2))
    del inputs["climate"]
    with pytest.raises(InputError, match="no 'climate' among"):
        model(card())(inputs)


def test_modalities_of_different_sites_are_refused(card, model, raw) -> None:
    inputs = {**_tensors(raw(2)), "climate": torch.from_numpy(raw(3)["climate"])}
    with pytest.raises(InputError, match="'climate': 3"):
        model(card())(inputs)


@pytest.mark.parametrize("shape", [(4, 33, 99), (4, 99)])
def test_too_small_a_raster_is_refused(card, model, shape) -> None:
    with pytest.raises(InputError, match="at least 34 pixels"):
        model(card()).embed_dense(torch.zeros(shape))


def test_dense_needs_sentinel(card, model) -> None:
    with pytest.raises(InputError, match="expected 'sentinel2' among them"):
        model(card(("climate",))).embed_dense(torch.zeros(4, 99, 99))


def test_the_head_has_no_columns_of_another_modality(card, model) -> None:
    with pytest.raises(InputError, match="'climate' is not the model's"):
        model(card(("landsat",))).head_weight("climate")
