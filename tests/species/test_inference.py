"""Dense prediction equals site by site prediction, and tiles leave no trace."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.inputs import cut_inputs
from biomap_xr.covariates.slots import InputSettings
from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Grid, Window
from biomap_xr.species.inference import (
    embed_tile,
    embed_window,
    find_sources,
    input_settings,
    species_blocks,
)
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.settings import PublishedSettings

INPUTS = {"window": 34}
REACH = 300.0
Make = Callable[..., SpeciesModel]


@pytest.fixture
def full(model: Make, card: Callable[..., object]) -> SpeciesModel:
    """All four modalities, as the landscape has them."""
    return model(card(inputs=INPUTS))


def probabilities(
    model: SpeciesModel, covariates: Covariates, window: Window, block: int = 3
) -> NDArray[np.float32]:
    """(species, y, x) with NaN where not valid."""
    embedding = embed_window(model, covariates, window, reach=REACH)
    tile = np.full((len(model.card.species_id), *window.shape), np.nan, np.float32)
    for place, part in species_blocks(model, embedding, block):
        tile[place, embedding.valid] = part.numpy()
    return tile


def by_site(model: SpeciesModel, covariates: Covariates, cells: Cells) -> NDArray[np.float32]:
    """(n, species): every site cut and predicted alone, as in training."""
    settings = input_settings(model)
    years = np.full(len(cells), settings.reference_year)
    raw = cut_inputs(covariates, cells, years, model.modalities, settings)
    with torch.inference_mode():
        logits = model({name: torch.from_numpy(array) for name, array in raw.items()})
    return torch.sigmoid(logits).numpy()


def whole(covariates: Covariates) -> Window:
    rows, columns = covariates.grid.shape
    return Window(slice(0, rows), slice(0, columns))


def test_a_tile_equals_its_sites_one_by_one(full: SpeciesModel, landscape: Covariates) -> None:
    tile = landscape.grid.tile_at(0, 1)
    found = probabilities(full, landscape, tile.window)
    sources = find_sources(landscape, tile.window, REACH)
    valid = np.isfinite(found[0])
    kept = valid[sources.valid]
    expected = by_site(full, landscape, sources.cells[kept])
    np.testing.assert_allclose(found[:, valid].T, expected, atol=1e-5)


@pytest.mark.parametrize(
    "modalities", [("landsat",), ("climate",), ("sentinel2",), ("predictors",), None]
)
def test_no_seams_whatever_the_tile_size(
    model: Make,
    card: Callable[..., object],
    landscape: Covariates,
    modalities: tuple[str, ...] | None,
) -> None:
    """Four tiles equal one of twice the side, for every modality alone and for all of them."""
    chosen = {} if modalities is None else {"modalities": modalities}
    ours = model(card(inputs=INPUTS, **chosen))
    together = probabilities(ours, landscape, whole(landscape))
    for tile in landscape.grid.tiles():
        part = probabilities(ours, landscape, tile.window)
        expected = together[:, tile.window.rows, tile.window.columns]
        np.testing.assert_array_equal(np.isnan(part), np.isnan(expected))
        np.testing.assert_allclose(part, expected, atol=1e-5)


def test_a_grid_of_larger_tiles_gives_the_same_map(
    full: SpeciesModel, landscape: Covariates
) -> None:
    larger = Covariates(landscape.store, Grid(landscape.grid.geobox, 80))
    tile = next(larger.grid.tiles())
    one = embed_tile(full, larger, tile, reach=REACH)
    (_, found), *_ = species_blocks(full, one, 7)
    expected = probabilities(full, landscape, whole(landscape))
    np.testing.assert_allclose(found.numpy(), expected[:, one.valid], atol=1e-5)


def test_the_published_encoder_is_evaluated_patch_by_patch(
    model: Make, card: Callable[..., object], landscape: Covariates
) -> None:
    encoders = {"sentinel2": PublishedSettings(widths=(2, 3, 3, 4))}
    ours = model(
        card(modalities=("sentinel2",), inputs=INPUTS).model_copy(update={"modalities": encoders})
    )
    window = Window(slice(36, 44), slice(20, 30))
    found = probabilities(ours, landscape, window)
    sources = find_sources(landscape, window, REACH)
    expected = by_site(ours, landscape, sources.cells)
    np.testing.assert_allclose(found[:, sources.valid].T, expected, atol=1e-6)


def test_coarser_cells_take_every_other_position(
    model: Make, card: Callable[..., object], landscape: Covariates
) -> None:
    """Cells of 100 m on a lattice of 50 m."""
    coarse = Covariates(landscape.store, landscape.grid.with_resolution(100.0))
    ours = model(card(modalities=("sentinel2", "climate"), inputs=INPUTS))
    window = Window(slice(3, 12), slice(18, 30))
    # The masks are of 50 m cells, so all is taken for land here.
    bare = without_masks(coarse)
    found = probabilities(ours, bare, window)
    sources = find_sources(bare, window, 0.0)
    kept = np.isfinite(found[0])
    expected = by_site(ours, bare, sources.cells[kept.ravel()])
    np.testing.assert_allclose(found[:, kept].T, expected, atol=1e-5)


def without_masks(covariates: Covariates) -> Covariates:
    """The same cube as a handle that sees no masks."""

    class Bare(Covariates):
        @property
        def groups(self) -> tuple[str, ...]:
            return tuple(name for name in super().groups if name != "masks")

    return Bare(covariates.store, covariates.grid)


def test_water_takes_the_nearest_land_and_says_how_far(
    full: SpeciesModel, landscape: Covariates
) -> None:
    found = embed_window(full, landscape, whole(landscape), reach=REACH)
    assert found.displacement[10, 10] == 0.0
    # The lake's rows 35 to 49: six cells of 50 m are within reach, the middle is not.
    assert found.displacement[35, 40] == 50.0
    assert found.displacement[40, 40] == 300.0
    assert not found.valid[42, 40]
    assert np.isnan(found.displacement[42, 40])
    assert not found.valid[79, 0]
    values = probabilities(full, landscape, whole(landscape))
    np.testing.assert_allclose(values[:, 35, 40], values[:, 34, 40], atol=1e-6)


def test_a_cell_without_any_data_of_a_modality_is_not_valid(
    full: SpeciesModel, landscape: Covariates
) -> None:
    found = embed_window(full, landscape, whole(landscape), reach=REACH)
    # A Landsat pixel without any quarter, a climate pixel of 10 cells, a partly missing predictor.
    assert not found.valid[3, 70]
    assert not found.valid[70:, 70:].any()
    assert found.valid[10, 10]
    # The middle of a hole of 40 x 100 pixels, which no window of 34 reaches out of.
    assert not found.valid[23, 50]
    assert found.valid[20, 50]
    assert np.isfinite(probabilities(full, landscape, whole(landscape))[:, found.valid]).all()


def test_species_come_in_blocks_and_by_choice(full: SpeciesModel, landscape: Covariates) -> None:
    embedding = embed_tile(full, landscape, landscape.grid.tile_at(0, 0), reach=REACH)
    (_, every), *_ = species_blocks(full, embedding, 100)
    places = []
    for place, part in species_blocks(full, embedding, 3):
        places.append(place)
        np.testing.assert_allclose(part.numpy(), every[place].numpy(), atol=1e-6)
    assert places == [slice(0, 3), slice(3, 6), slice(6, 7)]
    (_, chosen), *_ = species_blocks(full, embedding, 10, species=[5, 0])
    np.testing.assert_allclose(chosen.numpy(), every[[5, 0]].numpy(), atol=1e-6)


def test_climate_is_embedded_once_per_pixel(full: SpeciesModel, landscape: Covariates) -> None:
    embedding = embed_tile(full, landscape, landscape.grid.tile_at(0, 0), reach=REACH)
    shared = {part.modality: part for part in embedding.shared}
    # A tile of 40 x 40 cells is 4 x 4 climate pixels and 20 x 20 predictor pixels.
    assert shared["climate"].embedding.shape[1] == 16
    assert shared["predictors"].embedding.shape[1] <= 400
    assert embedding.modalities == ("landsat", "sentinel2")
    assert embedding.own.is_contiguous()
    assert embedding.own.shape[1] == embedding.valid.sum()


def test_open_sea_is_empty_and_not_an_error(full: SpeciesModel, landscape: Covariates) -> None:
    window = Window(slice(70, 80), slice(0, 10))
    embedding = embed_window(full, landscape, window, reach=REACH)
    assert not embedding.valid.any()
    blocks = [part for _, part in species_blocks(full, embedding, 4)]
    assert [tuple(part.shape) for part in blocks] == [(4, 0), (3, 0)]


def test_memory_does_not_grow_with_species(
    model: Make, card: Callable[..., object], landscape: Covariates
) -> None:
    few, many = (
        model(card(modalities=("climate",), inputs=INPUTS, species=count)) for count in (64, 2048)
    )
    tile = landscape.grid.tile_at(0, 0)

    def largest(ours: SpeciesModel) -> int:
        embedding = embed_tile(ours, landscape, tile, reach=REACH)
        return max(part.numel() for _, part in species_blocks(ours, embedding, 64))

    assert largest(few) == largest(many) == 64 * 1600


def test_the_card_says_how_inputs_are_cut(model: Make, card: Callable[..., object]) -> None:
    ours = model(card(inputs={"window": 34, "reference_year": 2019, "slots": "relative"}))
    assert input_settings(ours) == InputSettings(window=34, reference_year=2019, slots="relative")


def test_a_cube_that_cannot_feed_the_model_is_refused(
    full: SpeciesModel, landscape: Covariates, tmp_path: Path
) -> None:
    (tmp_path / "climate").symlink_to(landscape.store / "climate")
    tile = landscape.grid.tile_at(0, 0)
    with pytest.raises(InputError, match=r"model reads 'landsat'.*\('climate',\)"):
        embed_tile(full, replace(landscape, store=tmp_path), tile, reach=REACH)
    swapped = tmp_path / "swapped"
    swapped.mkdir()
    for name in ("sentinel2", "climate", "predictors"):
        (swapped / name).symlink_to(landscape.store / name)
    (swapped / "landsat").symlink_to(landscape.store / "sentinel2")
    with pytest.raises(InputError, match=r"reads 6 channels of .landsat.*has 4"):
        embed_tile(full, replace(landscape, store=swapped), tile, reach=REACH)
