import pytest
import torch

from biomap_xr.errors import InputError
from biomap_xr.species.encoders import Lattice, Published, Series, Vector, build
from biomap_xr.species.settings import (
    LatticeSettings,
    PublishedSettings,
    SeriesSettings,
    VectorSettings,
)


@pytest.mark.parametrize(
    ("modality", "settings", "shape", "kind"),
    [
        ("sentinel2", LatticeSettings(widths=(2, 2, 2, 3)), (4, 64, 64), Lattice),
        ("sentinel2", PublishedSettings(widths=(2, 2, 2, 3)), (4, 64, 64), Published),
        ("landsat", SeriesSettings(widths=(2, 3)), (6, 4, 21), Series),
        ("climate", SeriesSettings(widths=(2, 3)), (4, 19, 12), Series),
        ("predictors", VectorSettings(widths=(2, 3)), (5,), Vector),
    ],
)
def test_every_kind_gives_its_width(modality, settings, shape, kind) -> None:
    encoder = build(modality, settings, shape)
    assert isinstance(encoder, kind)
    assert encoder.eval()(torch.randn(2, *shape)).shape == (2, encoder.width) == (2, 3)


def test_too_small_a_window_is_refused() -> None:
    with pytest.raises(InputError, match=r"28 x 28 pixels.*at least 29"):
        build("sentinel2", LatticeSettings(), (4, 28, 28))


def test_too_few_years_are_refused() -> None:
    with pytest.raises(InputError, match=r"4 years.*at least 5"):
        build("climate", SeriesSettings(), (4, 4, 12))
