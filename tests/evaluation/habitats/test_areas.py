from biomap_xr.evaluation.habitats.areas import PAPER_AREAS, habitat_statistics


def test_areas_and_shares():
    found = habitat_statistics({"R22": 30, "T17": 10, "Q11": 0}, resolution=50)
    assert (found.modelled, found.mapped, found.cells) == (3, 2, 40)
    assert found.mean_cells == 20
    assert found.mean_share == 0.5
    assert [each.code for each in found.widest] == ["R22", "T17"]
    assert found.widest[0].area_km2 == 30 * 0.0025
    assert found.widest[0].share == 0.75


def test_an_empty_map():
    found = habitat_statistics({"R22": 0}, resolution=50)
    assert (found.mapped, found.mean_cells, found.mean_share, found.widest) == (0, 0.0, 0.0, ())


def test_equal_areas_are_named_by_code():
    found = habitat_statistics({"T17": 5, "R22": 5}, resolution=50, widest=1)
    assert [each.code for each in found.widest] == ["R22"]


def test_the_published_numbers_agree_with_each_other():
    cells = PAPER_AREAS.mapped * PAPER_AREAS.mean_cells
    assert abs(cells - PAPER_AREAS.cells) / cells < 1e-3
    assert abs(PAPER_AREAS.widest[0].cells / cells - PAPER_AREAS.widest[0].share) < 1e-4
