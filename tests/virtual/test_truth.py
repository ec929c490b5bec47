from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from biomap_xr.errors import InputError
from biomap_xr.grid import Cells
from biomap_xr.virtual import Simulated, Truth, open_truth
from biomap_xr.virtual.maps import SCALE


@pytest.fixture(scope="module")
def truth(simulated: Simulated) -> Truth:
    return open_truth(simulated.truth)


@pytest.fixture(scope="module")
def cells(truth: Truth) -> Cells:
    rows, columns = truth.grid.shape
    row, column = np.divmod(np.arange(rows * columns), columns)
    return Cells(row, column)


def macro_auc(present: np.ndarray, score: np.ndarray) -> float:
    mixed = present.any(axis=0) & ~present.all(axis=0)
    return float(
        np.mean([roc_auc_score(present[:, s], score[:, s]) for s in np.flatnonzero(mixed)])
    )


def test_functions_and_maps_agree(truth: Truth, cells: Cells) -> None:
    stored = truth.open().load()
    shape = stored["presence"].shape
    chance = truth.probability_at(cells).T.reshape(shape)
    np.testing.assert_allclose(
        chance, stored["probability"].to_numpy() / SCALE, rtol=0.003, atol=1 / SCALE
    )


def test_no_modality_explains_all(truth: Truth, cells: Cells) -> None:
    """The macro AUC of the truth on what lives in the cells, and of each part of it."""
    land = truth.open()["land"].to_numpy().ravel() == 1
    chosen = cells[np.flatnonzero(land)]
    present = truth.open()["presence"].to_numpy()[:, chosen.row, chosen.column].T == 1
    features = truth.assemblage.features(truth.grid.centres_of(chosen))
    full = macro_auc(present, truth.probability_at(chosen))
    assert 0.85 < full < 0.97
    for modality in ("sentinel2", "landsat", "climate"):
        part = macro_auc(present, truth.assemblage.part(features, modality).T)
        assert part > 0.55
        assert part - 0.5 < 0.92 * (full - 0.5)


def test_water_and_places_off_the_map_have_no_species(truth: Truth) -> None:
    water = np.argwhere(truth.open()["land"].to_numpy() == 0)[:3]
    cells = Cells(np.append(water[:, 0], -1), np.append(water[:, 1], -1))
    assert not truth.probability_at(cells).any()


def test_expected_richness_is_that_of_the_tile(truth: Truth) -> None:
    tile = list(truth.grid.tiles())[3]
    richness = truth.expected_richness(tile)
    row, column = np.indices(tile.shape)
    window = tile.window
    cells = Cells((row + window.rows.start).ravel(), (column + window.columns.start).ravel())
    chance = truth.probability_at(cells)
    land = np.isfinite(richness.cell)
    np.testing.assert_allclose(
        chance.sum(axis=1).reshape(tile.shape)[land], richness.cell[land], rtol=1e-4
    )
    np.testing.assert_allclose(
        (chance @ truth.capture).reshape(tile.shape)[land], richness.plot[land], rtol=1e-4
    )
    assert (np.isnan(richness.plot) == ~land).all()


def test_a_folder_without_truth_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"truth\.zarr is no Zarr group"):
        open_truth(tmp_path)
