import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.evaluation.map_statistics import (
    PAPER_HABITAT_STATISTICS,
    PAPER_STATISTICS,
    MapStatistics,
    summarise,
)

NAMES = ["Abies alba", "Betula pendula", "Carex flava", "Dryas octopetala", "Erica carnea"]


def test_summary_by_hand() -> None:
    counts = np.array([0, 400, 100, 0, 1])
    found = summarise(counts, NAMES, valid=800, resolution=50, widest=2)
    assert (found.modelled, found.mapped, found.valid_cells) == (5, 3, 800)
    assert found.area_km2 == pytest.approx(2.0)
    assert found.mean_cells == pytest.approx(167)
    assert found.mean_area_km2 == pytest.approx(167 * 0.0025)
    assert found.mean_share == pytest.approx(167 / 800)
    assert [species.name for species in found.widest] == ["Betula pendula", "Carex flava"]
    assert found.widest[0].share == 0.5


def test_a_map_without_any_species_has_no_widest() -> None:
    found = summarise(np.zeros(5, int), NAMES, valid=0, resolution=50)
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


@pytest.mark.parametrize("paper", [PAPER_STATISTICS, PAPER_HABITAT_STATISTICS])
def test_the_papers_areas_follow_from_its_cells(paper: MapStatistics) -> None:
    cell = 50**2 / 1e6
    assert paper.area_km2 == pytest.approx(paper.valid_cells * cell, rel=1e-3)
    assert paper.mean_area_km2 == pytest.approx(paper.mean_cells * cell, rel=1e-3)
    assert paper.widest[0].area_km2 == pytest.approx(paper.widest[0].cells * cell, rel=1e-3)


def test_the_papers_habitats_fill_its_map() -> None:
    paper = PAPER_HABITAT_STATISTICS
    assert paper.mapped * paper.mean_cells == pytest.approx(paper.valid_cells, rel=1e-3)
    assert paper.widest[0].cells / paper.valid_cells == pytest.approx(0.1227, abs=1e-4)


def test_equal_areas_keep_the_order_of_their_names() -> None:
    found = summarise(np.array([5, 5]), ["R22", "T17"], valid=10, resolution=50, widest=1)
    assert [each.name for each in found.widest] == ["R22"]


def test_the_statistics_keep_the_threshold_that_they_rest_on() -> None:
    found = summarise(
        np.ones(5, int), NAMES, valid=9, resolution=50, presence="f_score_global", threshold=0.31
    )
    assert (found.record()["presence"], found.record()["threshold"]) == ("f_score_global", 0.31)


def test_names_of_other_species_tables_are_refused() -> None:
    with pytest.raises(InputError, match="5 names for 4 counts of cells"):
        summarise(np.zeros(4, int), NAMES, valid=0, resolution=50)
