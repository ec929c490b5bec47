from typing import Any

import numpy as np
import pytest
import xarray as xr

from biomap_xr.errors import InputError
from biomap_xr.evaluation.map_statistics import (
    PAPER_STATISTICS,
    SpeciesCounts,
    lowest_level,
    summarise,
)

NAMES = ["Abies alba", "Betula pendula", "Carex flava", "Dryas octopetala", "Erica carnea"]


def species_cube(seed: int = 0) -> xr.Dataset:
    random = np.random.default_rng(seed)
    levels = random.integers(0, 251, (5, 30, 40)).astype(np.uint8)
    levels[3] = 20
    valid = (random.random((30, 40)) < 0.8).astype(np.uint8)
    valid[:10, :20] = 0
    return xr.Dataset(
        {"probability": (("species", "y", "x"), levels), "valid": (("y", "x"), valid)},
        coords={
            "species": np.array(NAMES, object),
            "threshold_f": ("species", np.array([0.1, 0.5, 0.9, 0.2, 0.0])),
        },
    )


def counted_directly(cube: xr.Dataset) -> np.ndarray:
    probability = cube["probability"].to_numpy() / 250
    threshold = cube["threshold_f"].to_numpy().astype(float)[:, None, None]
    present = (probability >= threshold) & (cube["valid"].to_numpy() > 0) & (probability > 0)
    return present.sum(axis=(1, 2))


def test_every_level_lies_on_its_side_of_every_threshold() -> None:
    levels = np.arange(251)
    thresholds = np.concatenate([levels[1:] / 250, np.random.default_rng(0).random(500)])
    narrow = lowest_level(thresholds[:250].astype(np.float32))
    np.testing.assert_array_equal(narrow, levels[1:])
    found = levels[:, None] >= lowest_level(thresholds)
    np.testing.assert_array_equal(
        found, (levels[:, None] / 250 >= thresholds) & (levels[:, None] > 0)
    )


def counted(cube: xr.Dataset, threshold: Any = None) -> SpeciesCounts:
    chosen = cube["threshold_f"] if threshold is None else np.full(5, threshold)
    return SpeciesCounts.of(cube["probability"], chosen, cube["valid"] != 0)


def test_counts_are_those_of_the_definition() -> None:
    cube = species_cube()
    np.testing.assert_array_equal(counted(cube).cells, counted_directly(cube))
    assert counted(cube).valid == cube["valid"].sum()


def test_parts_of_the_map_add_up() -> None:
    cube = species_cube()
    west, east = counted(cube.isel(x=slice(17))), counted(cube.isel(x=slice(17, None)))
    whole = counted(cube)
    np.testing.assert_array_equal((west + east).cells, whole.cells)
    assert (SpeciesCounts.zero(5) + west + east).valid == whole.valid


def test_one_threshold_may_serve_all_species() -> None:
    cube = species_cube()
    expected = counted_directly(cube.assign_coords(threshold_f=("species", np.full(5, 0.5))))
    np.testing.assert_array_equal(counted(cube, 0.5).cells, expected)


def test_summary_by_hand() -> None:
    found = summarise(
        SpeciesCounts(np.array([0, 400, 100, 0, 1]), 800), NAMES, resolution=50, widest=2
    )
    assert (found.modelled, found.mapped, found.valid_cells) == (5, 3, 800)
    assert found.area_km2 == pytest.approx(2.0)
    assert found.mean_cells == pytest.approx(167)
    assert found.mean_area_km2 == pytest.approx(167 * 0.0025)
    assert found.mean_share == pytest.approx(167 / 800)
    assert [species.name for species in found.widest] == ["Betula pendula", "Carex flava"]
    assert found.widest[0].share == 0.5


def test_a_map_without_any_species_has_no_widest() -> None:
    found = summarise(SpeciesCounts.zero(5), NAMES, resolution=50)
    assert (found.mapped, found.mean_cells, found.mean_share, found.widest) == (0, 0.0, 0.0, ())


def test_the_papers_numbers_agree_with_each_other() -> None:
    cell = 50**2 / 1e6
    assert PAPER_STATISTICS.mean_cells * cell == pytest.approx(
        PAPER_STATISTICS.mean_area_km2, rel=1e-3
    )
    assert PAPER_STATISTICS.mean_cells / PAPER_STATISTICS.valid_cells == pytest.approx(
        0.024, abs=5e-4
    )
    widest = PAPER_STATISTICS.widest[0]
    assert widest.cells / PAPER_STATISTICS.valid_cells == pytest.approx(widest.share, abs=2e-3)


def test_counts_of_other_species_tables_are_refused() -> None:
    with pytest.raises(InputError, match="5 and of 4 species"):
        SpeciesCounts.zero(5) + SpeciesCounts.zero(4)
    with pytest.raises(InputError, match="5 names for 4 counted species"):
        summarise(SpeciesCounts.zero(4), NAMES, resolution=50)
