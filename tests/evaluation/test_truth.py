import numpy as np
import pytest
import xarray as xr

from biomap_xr.errors import InputError
from biomap_xr.evaluation.metrics import macro_auc
from biomap_xr.evaluation.truth import RichnessSums, compare, richness_over_tiles
from biomap_xr.grid import Extent, Grid, GridSettings, Tile


def virtual_surveys(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = random.random((400, 30)) ** 2
    return random.random((400, 30)) < truth, truth


def test_the_truth_itself_has_all_the_skill_there_is_and_no_error() -> None:
    targets, truth = virtual_surveys()
    found = compare("truth", targets, truth, truth)
    assert found.skill.share == 1.0
    assert found.skill.truth == macro_auc(targets, truth)
    assert found.surveys.mean_absolute_error == 0.0
    assert found.surveys.true_mean == pytest.approx(truth.sum(axis=1).mean())


def test_noise_takes_skill_away_and_chance_has_none() -> None:
    targets, truth = virtual_surveys()
    random = np.random.default_rng(1)
    noisy = compare("noisy", targets, truth + random.normal(0, 0.3, truth.shape), truth)
    chance = compare("chance", targets, random.random(truth.shape), truth)
    assert 0.2 < noisy.skill.share < 0.95
    assert abs(chance.skill.share) < 0.1


def test_richness_error_by_hand() -> None:
    found = RichnessSums.of(
        [[10.0, 14.0], [9.0, np.nan]], [[12.0, 12.0], [12.0, 5.0]], [[1, 1], [1, 0]]
    )
    error = found.value()
    assert error.mean_absolute_error == pytest.approx((2 + 2 + 3) / 3)
    assert error.bias == pytest.approx((-2 + 2 - 3) / 3)
    assert error.relative == pytest.approx(error.mean_absolute_error / 12)
    assert error.count == 3


def test_any_cutting_of_the_map_gives_the_same_error() -> None:
    random = np.random.default_rng(2)
    predicted, true = random.random((6, 50)) * 20, random.random((6, 50)) * 20
    parts = sum(
        (RichnessSums.of(p, t) for p, t in zip(predicted, true, strict=True)), RichnessSums()
    )
    whole = RichnessSums.of(predicted, true).value()
    assert parts.value().mean_absolute_error == pytest.approx(whole.mean_absolute_error)
    assert parts.value().bias == pytest.approx(whole.bias)


def test_a_map_is_compared_tile_by_tile_where_both_are_known() -> None:
    extent = Extent(x_min=4_000_000, y_min=2_800_000, x_max=4_050_000, y_max=2_825_000)
    grid = Grid.from_settings(GridSettings(resolution=5000, extent=extent))
    random = np.random.default_rng(3)
    true = random.random(grid.shape) * 30
    predicted = true + 1.5
    predicted[0, 0], true[1, 7] = np.nan, np.nan

    def true_of(tile: Tile) -> np.ndarray:
        return true[tile.window.rows, tile.window.columns]

    found = richness_over_tiles(xr.DataArray(predicted, dims=("y", "x")), true_of, grid.tiles())
    assert found.mean_absolute_error == pytest.approx(1.5)
    assert found.count == true.size - 2


def test_what_cannot_be_compared_is_refused_with_the_value() -> None:
    with pytest.raises(InputError, match=r"\(2,\), \(3,\) and \(2,\)"):
        RichnessSums.of([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"nan \(predicted\) and 2.0 \(true\) in 1 cells"):
        RichnessSums.of([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(InputError, match="0 cells or surveys"):
        RichnessSums().value()
