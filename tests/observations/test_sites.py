from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.observations.background import land_of
from biomap_xr.observations.settings import BackgroundSettings
from biomap_xr.observations.sites import build_sites

PLOTS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 3), st.integers(10, 14)),
    min_size=1,
    max_size=25,
)


def seen(place, species, **more):
    return {**place, "species_id": species, **more}


@pytest.fixture(scope="session")
def built(grid, frame, settings_of):
    """Build sites of rows of surveys and of rows of records."""

    def build(surveys=(), records=(), land=None, **more):
        kinds = [kind for kind, rows in (("survey", surveys), ("record", records)) if rows]
        frames = [frame(*rows) for rows in (surveys, records) if rows]
        return build_sites(frames, settings_of(*kinds, **more), grid, land)

    return build


def described(sites):
    """Everything that a site says, as plain values."""
    return [
        (
            int(sites.cells.row[n]),
            int(sites.cells.column[n]),
            int(sites.year[n]),
            sites.survey_id[n],
            bool(sites.surveyed[n]),
            sites.presence[[n]].toarray()[0].tolist(),
            sites.survey_presence[[n]].toarray()[0].tolist(),
        )
        for n in range(len(sites))
    ]


def test_a_cell_with_a_survey_and_records_keeps_them_apart_and_merged(built, at):
    sites, report = built(
        surveys=[seen(at(5, 6), 10, survey_id="a"), seen(at(5, 6), 12, survey_id="a", year=2020)],
        records=[seen(at(5, 6), 11, year=2022), seen(at(1, 2), 10, year=2018)],
    )
    assert described(sites) == [
        (1, 2, 2018, "", False, [1, 0, 0], [0, 0, 0]),
        (5, 6, 2020, "a", True, [1, 1, 1], [1, 0, 1]),
    ]
    assert sites.presence.dtype == np.uint8
    assert sites.species["species_id"].tolist() == [10, 11, 12]
    assert (report.sites, report.surveyed, report.presences, report.repeated) == (2, 1, 4, 0)
    scored = sites.surveys()
    assert scored.presence.toarray().tolist() == [[1, 0, 1]]


def test_each_survey_is_a_site_when_asked(built, at):
    sites, _ = built(
        surveys=[seen(at(5, 6), 10, survey_id="b"), seen(at(5, 6), 11, survey_id="a")],
        records=[seen(at(5, 6), 12), seen(at(5, 6), 10)],
        aggregate="survey",
    )
    assert described(sites) == [
        (5, 6, 2020, "", False, [1, 0, 1], [0, 0, 0]),
        (5, 6, 2020, "a", True, [0, 1, 0], [0, 1, 0]),
        (5, 6, 2020, "b", True, [1, 0, 0], [1, 0, 0]),
    ]


def test_the_latest_survey_speaks_for_its_cell(built, at):
    place = at(5, 6)
    sites, _ = built(
        surveys=[
            seen(place, 10, survey_id="old", year=2017, day=300),
            seen(place, 10, survey_id="late", year=2019, day=200),
            seen(place, 10, survey_id="early", year=2019, day=100),
        ],
        records=[seen(place, 10, year=2021)],
    )
    assert (sites.survey_id[0], sites.year[0], sites.day[0]) == ("late", 2019, 200)


def test_more_than_255_repeats_are_still_one_presence(built, at):
    sites, report = built(records=[seen(at(5, 6), 10)] * 512)
    assert sites.presence.toarray().tolist() == [[1]]
    assert report.repeated == 511


def test_a_survey_that_found_nothing_is_a_site_of_absences(built, at):
    sites, _ = built(surveys=[{**at(1, 1), "survey_id": "0"}, seen(at(2, 2), 10, survey_id="1")])
    assert sites.presence.toarray().tolist() == [[0], [1]]
    assert sites.surveyed.all()


def test_only_cells_with_a_record_of_the_target_group_are_background(built, at):
    sites, report = built(
        surveys=[seen(at(9, 9), 12, survey_id="s")],
        records=[seen(at(1, 1), 10), seen(at(2, 2), 11), seen(at(3, 3), 11), seen(at(3, 3), 10)],
        background={"target_group": {"name": "tens", "species": ["10"]}},
    )
    # (2, 2) has only a record of another group; (9, 9) was surveyed, whatever was found.
    assert sites.cells.row.tolist() == [1, 3, 9]
    assert sites.presence.toarray().tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert report.other_group_cells == 1


def test_rare_species_are_no_column_but_still_make_background(built, at):
    surveys = [seen(at(n, 0), 10, survey_id=str(n)) for n in range(3)]
    surveys += [seen(at(0, 0), 11, survey_id="0"), seen(at(0, 0), 11, survey_id="0")]
    records = [seen(at(8, 8), 12), seen(at(7, 7), 11)]
    sites, report = built(surveys, records, minimum_surveys=2)
    assert sites.species["species_id"].tolist() == [10]
    assert report.rare_species == 2
    assert sites.cells.row.tolist() == [0, 1, 2, 7, 8]
    assert sites.presence.toarray().ravel().tolist() == [1, 1, 1, 0, 0]
    assert built(surveys, records, minimum_cells=2)[0].species["species_id"].tolist() == [10, 11]


def test_a_species_file_may_keep_species_that_nobody_saw(built, at, tmp_path):
    path = tmp_path / "species.csv"
    path.write_text("species_id,species\n10,A b\n99,C d\n")
    file = {"path": path, "species_list": "list"}
    kept, _ = built(records=[seen(at(1, 1), 10)], species=file, minimum_cells=0)
    assert kept.presence.shape == (1, 2)
    assert built(records=[seen(at(1, 1), 10)], species=file)[0].presence.shape == (1, 1)


def test_random_background_is_marked_empty_and_dated_like_the_others(built, at, grid):
    mask = np.zeros(grid.shape, bool)
    mask[:50] = True
    sites, report = built(
        records=[seen(at(1, 1), 10, year=2019), seen(at(2, 2), 10, year=2021)],
        land=land_of(mask),
        background={"random_cells": 40, "seed": 3},
    )
    drawn = sites.select(sites.background)
    assert (len(drawn), report.background, report.sites) == (40, 40, 42)
    assert drawn.presence.nnz == 0
    assert not drawn.surveyed.any()
    assert set(drawn.year.tolist()) == {2019, 2021}


@settings(max_examples=40, deadline=None)
@given(plots=PLOTS, order=st.randoms(use_true_random=False), repeats=st.integers(1, 3))
def test_shuffled_and_repeated_rows_give_the_same_sites(built, at, plots, order, repeats):
    def build(rows):
        surveys = [
            seen(at(row, column), species, survey_id=f"{row}{column}")
            for survey, row, column, species in rows
            if survey
        ]
        records = [
            seen(at(row, column), species) for survey, row, column, species in rows if not survey
        ]
        return built(surveys, records)[0]

    mixed = plots * repeats
    order.shuffle(mixed)
    sites = build(plots)
    assert sites.presence.nnz == len({(row, column, species) for _, row, column, species in plots})
    assert sites.survey_presence.nnz == len({plot for plot in plots if plot[0]})
    assert described(build(mixed)) == described(sites)


@settings(max_examples=25, deadline=None)
@given(first=PLOTS, second=PLOTS)
def test_merging_sites_is_building_them_together(built, at, tmp_path_factory, first, second):
    path = tmp_path_factory.mktemp("species") / "species.csv"
    path.write_text("species_id,species\n" + "".join(f"{n},Species {n}\n" for n in range(10, 15)))
    more = {"species": {"path": path, "species_list": "list"}, "minimum_cells": 0}

    def build(rows):
        ids = [f"{n}-{row}{column}" for n, row, column, _ in rows]
        named = [
            seen(at(*plot[1:3]), plot[3], survey_id=name)
            for plot, name in zip(rows, ids, strict=True)
        ]
        surveys = [row for plot, row in zip(rows, named, strict=True) if plot[0]]
        records = [row for plot, row in zip(rows, named, strict=True) if not plot[0]]
        return built(surveys, records, **more)[0]

    assert described(build(first).merge(build(second))) == described(build(first + second))


def test_sites_are_selected_by_index_and_species_by_mask(built, at):
    sites, _ = built(records=[seen(at(1, 1), 10), seen(at(2, 2), 11), seen(at(3, 3), 12)])
    few = sites.select(np.array([2, 0])).select_species(np.array([True, False, True]))
    assert few.cells.row.tolist() == [3, 1]
    assert few.presence.toarray().tolist() == [[0, 1], [1, 0]]
    assert few.species["species_id"].tolist() == [10, 12]
    assert few.species.index.tolist() == [0, 1]


def test_sites_of_other_species_are_not_merged(built, at):
    first, _ = built(records=[seen(at(1, 1), 10)])
    second, _ = built(records=[seen(at(1, 1), 11)])
    with pytest.raises(InputError, match=r"sites of 1 and 1 species .* differ \(10, 11\)"):
        first.merge(second)


def test_sites_refuse_fields_that_do_not_fit(built, at):
    sites, _ = built(records=[seen(at(1, 1), 10), seen(at(2, 2), 11)])
    with pytest.raises(InputError, match="fields of different lengths"):
        replace(sites, year=sites.year[:1])
    with pytest.raises(InputError, match="expected one column a species"):
        replace(sites, species=sites.species.iloc[:1])


def test_no_row_left_is_no_site(built, at):
    sites, report = built(records=[{"longitude": 2.0, "latitude": 41.0, "species_id": 8}])
    assert (len(sites), report.occurrences, report.species) == (0, 0, 0)
    assert BackgroundSettings() == BackgroundSettings(random_cells=0)
