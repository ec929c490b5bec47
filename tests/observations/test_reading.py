import pandas as pd
import pytest
import rasterio

from biomap_xr.errors import InputError
from biomap_xr.grid import Extent, Grid, GridSettings
from biomap_xr.observations.reading import format_of, observe, read_rows
from biomap_xr.observations.settings import ObservationSettings, Table

FULL = "montpellier/glc24_pa_train_CBN-med_val-10.0min.csv"
ONE_EACH = "montpellier/glc24_pa_train_CBN-med_unique_surveyId_train_val-0.06min.csv"
NAMED = "montpellier/micro_geolifeclef_observations.csv"


@pytest.fixture(scope="session")
def languedoc():
    """The tiles around the CHELSA layers of the folder montpellier."""
    box = Extent(x_min=3_725_000, y_min=2_175_000, x_max=3_925_000, y_max=2_425_000)
    return Grid.from_settings(GridSettings(extent=box))


@pytest.fixture(scope="session")
def layer(data):
    """The extent of the CHELSA layers, as bounds of a recipe."""
    with rasterio.open(data / "montpellier" / "bio_1_crop_sample.tif") as raster:
        box = raster.bounds
    return {"west": box.left, "south": box.bottom, "east": box.right, "north": box.top}


def table_of(path, kind="survey", species_list="geoplant", **filters):
    return {"path": path, "kind": kind, "species_list": species_list, "filters": filters}


def test_the_complete_surveys_on_the_climate_layers(data, languedoc, layer):
    settings = ObservationSettings(tables=[table_of(data / FULL, bounds=layer)])
    sites, report = observe(settings, languedoc)
    raw = pd.read_csv(data / FULL)
    here = raw[
        raw.lon.between(layer["west"], layer["east"])
        & raw.lat.between(layer["south"], layer["north"])
    ]
    assert (here.surveyId.nunique(), here.speciesId.nunique()) == (155, 498)
    assert report.tables[0].rows == 7_717
    assert report.tables[0].taken == len(here) == 1_930
    # Six plots share a cell of 50 m with another, so 155 surveys are 149 sites.
    assert (len(sites), len(sites.species), report.surveyed) == (149, 498, 149)
    assert sorted(sites.species["species_id"]) == sorted(here.speciesId.astype(int).unique())
    each, _ = observe(settings.model_copy(update={"aggregate": "survey"}), languedoc)
    assert len(each) == 155
    assert each.presence.nnz == len(here[["surveyId", "speciesId"]].drop_duplicates())
    assert set(each.survey_id) == set(here.surveyId.astype(str))


def test_the_other_table_kept_one_species_a_survey(data, languedoc):
    settings = ObservationSettings(tables=[table_of(data / ONE_EACH)], aggregate="survey")
    sites, report = observe(settings, languedoc)
    assert report.tables[0].rows == 4_453
    assert set(sites.presence.sum(axis=1).tolist()) == {1}


def test_species_with_enough_surveys(data, languedoc, layer):
    settings = ObservationSettings(tables=[table_of(data / FULL, bounds=layer)], minimum_surveys=10)
    sites, report = observe(settings, languedoc)
    assert (len(sites.species), report.rare_species, len(sites)) == (48, 450, 149)


def test_infinite_plot_areas_are_unknown(data, languedoc):
    raw = pd.read_csv(data / FULL)
    known = raw.areaInM2.gt(0)
    assert (raw.areaInM2 == float("-inf")).sum() == 1_387
    drop = table_of(data / FULL, area_m2={"unknown": "drop"})
    report = observe(ObservationSettings(tables=[drop]), languedoc)[1]
    step = report.tables[0].steps[1]
    assert (step.name, step.rows_in, step.rows_out) == ("area_m2", len(raw), known.sum())
    assert step.failed == {"unknown": (~known).sum()}


def test_named_records_are_another_species_list(data, languedoc):
    tables = [table_of(data / FULL), table_of(data / NAMED, "record", "micro")]
    with pytest.raises(InputError, match="species ids of different lists would be merged"):
        observe(ObservationSettings(tables=tables), languedoc)


def test_named_records_alone(data, languedoc, layer):
    tables = [table_of(data / NAMED, "record", "micro", bounds=layer)]
    sites, report = observe(ObservationSettings(tables=tables), languedoc)
    assert (report.tables[0].rows, report.tables[0].taken, len(sites.species)) == (10_000, 937, 10)
    assert not sites.surveyed.any()
    assert sites.survey_presence.nnz == 0
    assert (sites.presence.sum(axis=1) > 0).all()
    assert sites.species["species"][7] == "Ophrys apifera"
    assert sites.presence.nnz + report.repeated == 937


@pytest.mark.parametrize(
    ("path", "kind", "sites"),
    [
        ("glc23/Presence_only_occurrences/Presences_only_train_sample.csv", "record", 100),
        ("jrc_17_surveys/data_subset/GLC24-PA-data_subset.csv", "survey", 17),
    ],
)
def test_published_samples_over_europe(data, path, kind, sites):
    settings = ObservationSettings(
        tables=[table_of(data / "glc_samples" / path, kind)], aggregate="survey"
    )
    found, _ = observe(settings, Grid.from_settings(GridSettings()))
    raw = pd.read_csv(data / "glc_samples" / path, sep=None, engine="python")
    assert len(found) == sites
    assert len(found.species) == raw.speciesId.nunique()
    assert found.presence.nnz == len(raw.drop_duplicates(["lon", "lat", "speciesId"]))


def test_patches_go_with_their_records(data):
    path = data / "glc_samples/glc23/Presence_only_occurrences/Presences_only_train_sample.csv"
    settings = ObservationSettings(tables=[table_of(path, "record")])
    sites, _ = observe(settings, Grid.from_settings(GridSettings()))
    raw = pd.read_csv(path, sep=";", dtype=str)
    assert set(sites.patch_id) <= set(raw.patchID)
    assert set(sites.time_series_id) <= set(raw.timeSerieID)
    assert (sites.patch_id != "").all()


DARWIN_CORE = """gbifID\teventID\tdecimalLongitude\tdecimalLatitude\tyear\tspecies\toccurrenceStatus
1\te1\t10.0\t51.0\t2019\tAjuga iva\tPRESENT
2\te1\t10.0\t51.0\t2019\tPoa annua\tABSENT
3\te2\t10.1\t51.0\t2019\tPoa annua\tPRESENT
"""


def test_darwin_core_is_told_by_its_header_and_absences_are_counted(tmp_path):
    path = tmp_path / "occurrence.txt"
    path.write_text(DARWIN_CORE)
    assert format_of(path) == "darwin_core"
    settings = ObservationSettings(tables=[Table(path=path, kind="survey")], identity="name")
    sites, report = observe(settings, Grid.from_settings(GridSettings()))
    assert sites.presence.toarray().tolist() == [[1, 0], [0, 1]]
    assert sites.survey_id.tolist() == ["e1", "e2"]
    assert sites.species["species"].tolist() == ["Ajuga iva", "Poa annua"]
    first = report.tables[0].steps[0]
    assert (first.name, first.rows_in, first.rows_out) == ("absent", 3, 2)


def test_parquet_gives_the_same_rows(tmp_path):
    plain, packed = tmp_path / "a.txt", tmp_path / "a.parquet"
    plain.write_text(DARWIN_CORE)
    pd.read_csv(plain, sep="\t").to_parquet(packed)
    assert format_of(packed) == "darwin_core"
    rows = [read_rows(Table(path=path, kind="record")) for path in (plain, packed)]
    pd.testing.assert_frame_equal(*rows)


def test_a_format_may_be_forced_and_a_missing_file_is_named(tmp_path):
    path = tmp_path / "occurrence.txt"
    path.write_text(DARWIN_CORE)
    with pytest.raises(InputError, match="no metadata table"):
        read_rows(Table(path=path, kind="record", format="geoplant"))
    with pytest.raises(InputError, match=r"none\.csv.* does not exist"):
        format_of(tmp_path / "none.csv")
