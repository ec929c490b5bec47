"""Lazy prediction: the numbers of a tile's pass, and nothing before its time."""

from collections.abc import Callable
from pathlib import Path

import dask
import numpy as np
import pytest
import xarray as xr

from biomap_xr.covariates.cube import Covariates
from biomap_xr.errors import InputError
from biomap_xr.grid import Extent
from biomap_xr.species import prediction
from biomap_xr.species.artefact import save_model
from biomap_xr.species.cube import quantise
from biomap_xr.species.inference import embed_tile, species_blocks
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.prediction import grid_of, predict
from biomap_xr.species.settings import MapSettings
from biomap_xr.species.thresholds import Thresholds

INPUTS = {"window": 34}
SPECIES = 7
REGION = Extent(x_min=4_001_010, y_min=2_801_500, x_max=4_002_490, y_max=2_803_000)
Make = Callable[..., SpeciesModel]


LEVELS = tuple(0.1 + 0.05 * place for place in range(SPECIES))
THRESHOLDS = Thresholds(
    f_score_global=0.3,
    f_score=LEVELS,
    conformal=LEVELS[::-1],
    conformal_pooled=0.2,
    pooled=(False,) * SPECIES,
    omission=0.1,
    minimum_presences=20,
    surveys=40,
    method="by hand",
)


@pytest.fixture
def ours(model: Make, card: Callable[..., object]) -> SpeciesModel:
    return model(card(inputs=INPUTS, species=SPECIES))


@pytest.fixture
def folder(ours: SpeciesModel, tmp_path: Path) -> Path:
    save_model(ours, tmp_path / "model")
    return tmp_path / "model"


def test_it_equals_the_pass_over_a_tile(
    ours: SpeciesModel, folder: Path, landscape: Covariates
) -> None:
    found = predict(folder, landscape.store, reach=300.0).compute(scheduler="synchronous")
    for tile in landscape.grid.tiles():
        embedding = embed_tile(ours, landscape, tile, reach=300.0)
        levels = np.zeros((SPECIES, *tile.shape), np.int16)
        for place, part in species_blocks(ours, embedding, 64):
            levels[place, embedding.valid] = quantise(part.numpy(), 0.002, place=tile.name)
        part = found.isel(y=tile.window.rows, x=tile.window.columns)
        assert np.abs(part["probability"].astype(np.int16) - levels).max() <= 1
        np.testing.assert_array_equal(part["valid"], embedding.valid)
        np.testing.assert_allclose(part["displacement"], embedding.displacement)


def test_it_looks_like_the_species_cube(
    ours: SpeciesModel, folder: Path, landscape: Covariates
) -> None:
    found = predict(folder, landscape.store)
    assert found["probability"].dims == ("species", "y", "x")
    assert found["probability"].dtype == np.uint8
    assert found["probability"].chunks == ((SPECIES,), (40, 40), (40, 40))
    assert found["valid"].dtype == np.uint8
    assert found["displacement"].dtype == np.float32
    assert found["species"].to_numpy().tolist() == list(ours.card.species)
    assert found["species_id"].dtype == np.int64
    assert found.odc.geobox == landscape.grid.geobox
    assert found["probability"].attrs["grid_mapping"] == "spatial_ref"
    assert "threshold_f" not in found.coords


def test_thresholds_come_along(ours: SpeciesModel, landscape: Covariates) -> None:
    ours.card = ours.card.model_copy(update={"thresholds": THRESHOLDS})
    found = predict(ours, landscape, species=[12, 10])
    np.testing.assert_allclose(found["threshold_f"], [0.2, 0.1])
    np.testing.assert_allclose(found["threshold_conformal"], [0.3, 0.4])
    assert found.attrs["threshold_f_global"] == THRESHOLDS.f_score_global


def test_the_single_threshold_may_be_the_floor(ours: SpeciesModel, landscape: Covariates) -> None:
    all_of_it = predict(ours, landscape)["probability"].to_numpy()
    limit = float(np.quantile(all_of_it, 0.7)) / 250
    known = THRESHOLDS.model_copy(update={"f_score_global": limit})
    ours.card = ours.card.model_copy(update={"thresholds": known})
    found = predict(ours, landscape, settings=MapSettings(floor="f_score_global"))
    kept = found["probability"].to_numpy()
    assert 0.1 < (kept > 0).mean() < 0.5
    np.testing.assert_array_equal(kept[kept > 0], all_of_it[kept > 0])
    assert kept[kept > 0].min() >= np.floor(250 * limit)


def test_a_model_without_thresholds_has_no_single_one(
    ours: SpeciesModel, landscape: Covariates
) -> None:
    with pytest.raises(InputError, match="no thresholds, expected those of its calibration"):
        predict(ours, landscape, settings=MapSettings(floor="f_score_global")).load()


def test_nothing_is_computed_or_loaded_before_it_is_asked_for(
    folder: Path, landscape: Covariates, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(prediction, "load_model", forbidden)
    monkeypatch.setattr(prediction, "embed_window", forbidden)
    predict(folder, landscape.store)


def test_the_graph_is_that_of_the_region_alone(folder: Path, landscape: Covariates) -> None:
    everything = predict(folder, landscape.store)
    one = Extent(x_min=4_000_000, y_min=2_802_000, x_max=4_002_000, y_max=2_804_000)
    part = predict(folder, landscape.store, region=one)
    assert part.sizes["y"] == part.sizes["x"] == 40
    assert len(dict(part.__dask_graph__())) * 3 < len(dict(everything.__dask_graph__()))


def test_a_region_across_tiles_is_that_part_of_the_whole(
    folder: Path, landscape: Covariates
) -> None:
    with dask.config.set(scheduler="synchronous"):
        everything = predict(folder, landscape.store).load()
        part = predict(folder, landscape.store, region=REGION).load()
    # 1,010 m to 2,490 m are columns 20 to 49; 1,000 m to 2,500 m below the top rows 20 to 49.
    expected = everything.isel(y=slice(20, 50), x=slice(20, 50))
    np.testing.assert_array_equal(part["x"], expected["x"])
    np.testing.assert_array_equal(part["valid"], expected["valid"])
    levels = part["probability"].astype(np.int16) - expected["probability"].astype(np.int16)
    assert np.abs(levels).max() <= 1


def test_some_species_by_name_or_id(folder: Path, landscape: Covariates) -> None:
    with dask.config.set(scheduler="synchronous"):
        everything = predict(folder, landscape.store, region=REGION).load()
        by_name = predict(
            folder, landscape.store, region=REGION, species=["Species 4", "Species 1"]
        ).load()
        by_id = predict(folder, landscape.store, region=REGION, species=[14, 11]).load()
    assert by_name["species_id"].to_numpy().tolist() == [14, 11]
    xr.testing.assert_equal(by_name, by_id)
    levels = by_id["probability"].astype(np.int16)
    expected = everything["probability"].isel(species=[4, 1]).astype(np.int16)
    assert np.abs(levels.to_numpy() - expected.to_numpy()).max() <= 1


def test_a_model_is_opened_once_however_many_blocks(
    folder: Path, landscape: Covariates, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    load = prediction.load_model

    def counting(*arguments: object) -> SpeciesModel:
        opened.append(arguments)
        return load(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(prediction, "load_model", counting)
    predict(folder, landscape.store).compute(scheduler="synchronous")
    assert len(opened) == 1


def test_a_model_in_memory_gives_the_same(
    ours: SpeciesModel, folder: Path, landscape: Covariates
) -> None:
    with dask.config.set(scheduler="synchronous"):
        xr.testing.assert_equal(
            predict(ours, landscape, region=REGION).load(),
            predict(folder, landscape, region=REGION).load(),
        )


def test_the_floor_and_the_block_are_settings(folder: Path, landscape: Covariates) -> None:
    settings = MapSettings(floor=0.5, block=2)
    found = predict(folder, landscape, region=REGION, settings=settings)
    levels = found["probability"].compute(scheduler="synchronous").to_numpy()
    assert levels[levels > 0].min() >= 125


def test_a_model_replaced_behind_our_back_is_refused(
    ours: SpeciesModel,
    folder: Path,
    landscape: Covariates,
    model: Make,
    card: Callable[..., object],
) -> None:
    found = predict(folder, landscape, region=REGION)
    save_model(model(card(inputs=INPUTS), seed=1), folder)
    with pytest.raises(InputError, match="was replaced after predict was called"):
        found.compute(scheduler="synchronous")


def test_what_is_not_there_is_named(folder: Path, landscape: Covariates, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere is no saved model"):
        predict(tmp_path / "nowhere", landscape)
    with pytest.raises(InputError, match="'Rosa canina' is not among the model's 7"):
        predict(folder, landscape, species=["Rosa canina"])
    far = Extent(x_min=0, y_min=0, x_max=1000, y_max=1000)
    with pytest.raises(InputError, match="lies outside the grid"):
        predict(folder, landscape, region=far)
    with pytest.raises(InputError, match="no Zarr group"):
        predict(folder, tmp_path)


def test_the_grid_is_read_from_the_cube(landscape: Covariates) -> None:
    found = grid_of(landscape.store)
    assert found.geobox == landscape.grid.geobox
    assert found.tile_cells == landscape.grid.tile_cells


@pytest.mark.gpu
@pytest.mark.parametrize("device", ["cuda", "cupy"])
def test_on_a_gpu_it_equals_the_cpu(folder: Path, landscape: Covariates, device: str) -> None:
    """One process per GPU; CuPy blocks are made on it, stay there, and come back when asked for."""
    cupy = pytest.importorskip("cupy", reason="cupy is not installed")
    if not cupy.is_available():
        pytest.skip("no CUDA device")
    dask_cuda = pytest.importorskip("dask_cuda", reason="dask-cuda is not installed")
    distributed = pytest.importorskip("distributed")
    expected = predict(folder, landscape).compute(scheduler="synchronous")
    with (
        dask_cuda.LocalCUDACluster(dashboard_address=None) as cluster,
        distributed.Client(cluster),
    ):
        found = predict(folder, landscape, device=device)
        kinds = found["probability"].data.map_blocks(
            kind_of, dtype=bool, meta=np.empty((0, 0, 0), bool)
        )
        assert bool(kinds.compute().all()) == (device == "cupy")
        levels = found["probability"].data.map_blocks(on_cpu, dtype=np.uint8).compute()
    assert np.abs(levels.astype(np.int16) - expected["probability"].to_numpy()).max() <= 1


def kind_of(block: object) -> np.ndarray:
    """Whether a block is of CuPy."""
    return np.full((1, 1, 1), type(block).__module__.startswith("cupy"))


def on_cpu(block: object) -> np.ndarray:
    return block.get() if hasattr(block, "get") else block
