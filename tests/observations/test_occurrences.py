import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.grid import Extent, Grid, GridSettings
from biomap_xr.observations.occurrences import gather, locate
from biomap_xr.observations.settings import ObservationSettings


def test_places_are_in_the_cells_of_the_published_projected_coordinates():
    # A row of GeoLifeCLEF 2023: 5.00745 E 43.3757 N with x 3915649, y 2265420 (rounded to metres).
    box = Extent(x_min=3_900_000, y_min=2_250_000, x_max=3_925_000, y_max=2_275_000)
    cells = locate(
        np.array([5.00745]), np.array([43.3757]), Grid.from_settings(GridSettings(extent=box))
    )
    assert cells.column.tolist() == [(3_915_649 - 3_900_000) // 50]
    assert cells.row.tolist() == [(2_275_000 - 2_265_420) // 50]


def test_the_far_side_of_the_earth_is_outside(grid):
    cells = locate(np.array([-170.0, 0.0]), np.array([-52.0, 90.0]), grid)
    assert cells.row.tolist() == [-1, -1]


def test_a_survey_row_without_species_stays_and_such_a_record_goes(grid, frame, at, settings_of):
    rows = frame({"survey_id": "1", **at(3, 4)})
    found, _, reports = gather(
        [rows, rows, frame({**at(0, 0), "species_id": 8})],
        settings_of("survey", "record", "record"),
        grid,
    )
    assert found[["surveyed", "row", "column", "species"]].to_numpy().tolist() == [
        [True, 3, 4, -1],
        [False, 0, 0, 0],
    ]
    assert [report.taken for report in reports] == [1, 0, 1]
    assert reports[1].steps[-2].failed == {"unknown": 1}


def test_rows_outside_the_grid_are_counted_with_their_places(grid, frame, at, settings_of):
    rows = frame(
        {**at(3, 4), "species_id": 8}, {"longitude": 2.0, "latitude": 41.0, "species_id": 8}
    )
    _, _, (report,) = gather([rows], settings_of("record"), grid)
    step = report.steps[-1]
    assert (step.name, step.rows_in, step.rows_out) == ("grid", 2, 1)
    assert step.failed == {"(2.0, 41.0)": 1}


def test_impossible_dates_are_named(grid, frame, at, settings_of):
    rows = frame({**at(3, 4), "species_id": 8, "day": 367})
    with pytest.raises(InputError, match=r"record\.csv: day 367 in 1 rows; expected 0 .* to 366"):
        gather([rows], settings_of("record"), grid)


def test_frames_and_tables_pair_up(grid, settings_of):
    with pytest.raises(InputError, match="0 frames were given for 2 tables"):
        gather([], settings_of("survey", "record"), grid)


def test_one_id_of_two_lists_is_two_species_by_list(grid, frame, at):
    tables = [{"path": f"{n}.csv", "kind": "record", "species_list": n} for n in ("old", "new")]
    settings = ObservationSettings(tables=tables, identity="list")
    rows = frame({**at(3, 4), "species_id": 8}, at(1, 1))
    found, species, (report, _) = gather([rows, rows], settings, grid)
    assert species["species"].tolist() == ["new:8", "old:8"]
    assert found["species"].tolist() == [1, 0]
    assert report.steps[-2].failed == {"unknown": 1}
