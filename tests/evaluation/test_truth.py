import numpy as np
import pytest
import xarray as xr

from biomap_xr.errors import InputError
from biomap_xr.evaluation.metrics import macro_auc
from biomap_xr.evaluation.truth import RichnessSums, compare, map_errors, survey_probability
from biomap_xr.grid import Cells, Grid, Tile
from biomap_xr.virtual import Richness, TileCount, Truth, VirtualSettings


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


class Known:
    """A truth of two arrays, as the simulated Europe's is of two maps."""

    def __init__(self, cell: np.ndarray, plot: np.ndarray) -> None:
        self.cell, self.plot = cell, plot

    def expected_richness(self, tile: Tile) -> Richness:
        window = tile.window.rows, tile.window.columns
        return Richness(self.cell[window], self.plot[window])


def test_a_map_is_compared_tile_by_tile_where_both_are_known(grid: Grid) -> None:
    cell = np.random.default_rng(3).random(grid.shape) * 30
    predicted = cell + 1.5
    predicted[0, 0], cell[1, 7] = np.nan, np.nan
    truth = Known(cell, cell / 2)
    found = map_errors(xr.DataArray(predicted, dims=("y", "x")), truth, grid.tiles())
    assert found.cell.mean_absolute_error == pytest.approx(1.5)
    assert found.cell.count == found.plot.count == cell.size - 2
    known = np.isfinite(predicted) & np.isfinite(cell)
    assert found.plot.bias == pytest.approx((predicted - cell / 2)[known].mean())


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    settings = VirtualSettings(species=16, tiles=TileCount(columns=1, rows=1))
    return Truth.of(settings, tmp_path_factory.mktemp("virtual") / "truth.zarr")


def test_the_chance_of_a_survey_is_that_of_the_cell_times_that_of_the_plot(truth: Truth) -> None:
    rows, columns = truth.grid.shape
    cells = Cells(np.arange(0, rows, 90), np.arange(0, columns, 90))
    wanted = truth.species_id[[5, 2, 9]]
    found = survey_probability(truth, cells, wanted.tolist())
    whole = truth.probability_at(cells)
    assert found.shape == (len(cells), 3)
    for column, species in enumerate([5, 2, 9]):
        np.testing.assert_allclose(found[:, column], whole[:, species] * truth.capture[species])


def test_a_species_of_another_world_is_refused(truth: Truth) -> None:
    with pytest.raises(
        InputError, match=r"1 species ids such as \[-7\] are not in the truth of 16"
    ):
        survey_probability(
            truth, Cells(np.array([0]), np.array([0])), [int(truth.species_id[0]), -7]
        )


def test_what_cannot_be_compared_is_refused_with_the_value() -> None:
    with pytest.raises(InputError, match=r"\(2,\), \(3,\) and \(2,\)"):
        RichnessSums.of([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"nan \(predicted\) and 2.0 \(true\) in 1 cells"):
        RichnessSums.of([1.0, np.nan], [1.0, 2.0])
    with pytest.raises(InputError, match="0 cells or surveys"):
        RichnessSums().value()
