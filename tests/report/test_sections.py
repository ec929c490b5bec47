from biomap_xr.covariates.selection import Dropped, Selection
from biomap_xr.observations.report import Report, Step, TableReport
from biomap_xr.report.sections import observation_tables, selection_table, threshold_table
from biomap_xr.species.thresholds import Thresholds


def test_every_filter_says_what_it_left_out() -> None:
    steps = (
        Step("coordinates", 100, 100, {}),
        Step("area_m2", 100, 90, {"-inf": 8, "unknown": 2}),
    )
    report = Report(
        tables=(TableReport("/data/PA_metadata.csv", "surveys", 100, steps),),
        occurrences=90,
        repeated=5,
        other_group_cells=0,
        rare_species=1,
        sites=40,
        surveyed=30,
        background=0,
        species=12,
        presences=85,
    )
    filters, sites = observation_tables(report)
    assert filters.caption == "PA_metadata.csv (surveys)"
    assert filters.rows[1] == ("area_m2", 100, 10, "-inf (8), unknown (2)")
    assert filters.note == "90 of 100 rows were taken."
    assert ("sites with a survey", 30) in sites.rows


def test_left_out_predictors_name_their_twin() -> None:
    selection = Selection(("bio1", "bio12"), (Dropped("bio10", "bio1", -0.97123),), 0.7, 5000)
    table = selection_table(selection)
    assert table.rows[0] == ("bio1", "kept", "", None)
    assert table.rows[-1] == ("bio10", "left out", "bio1", -0.971)
    assert "exceeds 0.7" in table.note


def test_thresholds_are_summed_up() -> None:
    thresholds = Thresholds(
        f_score_global=0.2,
        f_score=(0.1, 0.2, 0.3, 0.4, 0.5),
        conformal=(0.0, 0.0, 0.1, 0.1, 0.1),
        conformal_pooled=0.05,
        pooled=(True, False, False, True, False),
        omission=0.1,
        minimum_presences=20,
        surveys=300,
        method="as tested",
    )
    table = threshold_table(thresholds)
    assert table.rows[0] == ("best F-score, one for all species", 0.2, None, None)
    assert table.rows[1] == ("best F-score, per species", 0.3, 0.2, 0.4)
    assert "at most 10% of the presences; 2 of 5 species" in table.note
