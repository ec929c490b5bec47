import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer

from biomap_xr.grid import Points
from biomap_xr.sources.geoplant.metadata import read_metadata
from biomap_xr.virtual import Simulated, VirtualSettings
from biomap_xr.virtual.assemblage import Assemblage
from biomap_xr.virtual.surveys import COLUMNS, Plots, make_surveys, present_at
from biomap_xr.virtual.traits import species_table
from biomap_xr.virtual.whereabouts import centres_of


@pytest.fixture(scope="module")
def capture(settings: VirtualSettings, assemblage: Assemblage) -> np.ndarray:
    return species_table(settings, assemblage.niches)["capture"].to_numpy(np.float32)


@pytest.fixture(scope="module")
def plots(assemblage: Assemblage, capture: np.ndarray) -> Plots:
    return make_surveys(assemblage, capture)


def test_plots_hold_some_of_the_cells_species(
    assemblage: Assemblage, plots: Plots, capture: np.ndarray
) -> None:
    present = present_at(assemblage, centres_of(50.0, plots.points))
    assert not (plots.found & ~present).any()
    found = (plots.found & present).sum(axis=0) / np.maximum(present.sum(axis=0), 1)
    common = present.sum(axis=0) > 30
    assert np.abs(found - capture)[common].max() < 0.3
    assert np.corrcoef(found[common], capture[common])[0, 1] > 0.5
    assert plots.found.any(axis=1).all()


def test_the_survey_table_reads_back(simulated: Simulated, plots: Plots) -> None:
    table = pd.read_csv(simulated.surveys)
    assert tuple(table.columns) == COLUMNS
    assert table["surveyId"].nunique() == simulated.settings.surveys
    assert table["speciesId"].dtype == np.float64
    assert table["year"].between(2017, 2021).all()
    assert np.isneginf(table["areaInM2"]).any()
    assert table["areaInM2"].isna().any()
    unique = table.drop_duplicates(["surveyId", "speciesId"])
    assert len(unique) == plots.found.sum()
    assert table.groupby("surveyId")[["lon", "lat", "year", "dayOfYear"]].nunique().max().max() == 1


def test_degrees_lead_back_to_the_survey_s_cell(simulated: Simulated, plots: Plots) -> None:
    first = pd.read_csv(simulated.surveys).drop_duplicates("surveyId").set_index("surveyId")
    first = first.loc[plots.survey_id]
    to_metres = Transformer.from_crs("EPSG:4326", "EPSG:3035", always_xy=True)
    written = Points(*map(np.asarray, to_metres.transform(first["lon"], first["lat"])))
    np.testing.assert_array_equal(centres_of(50.0, written).x, centres_of(50.0, plots.points).x)
    np.testing.assert_array_equal(centres_of(50.0, written).y, centres_of(50.0, plots.points).y)


def test_records_are_single_and_less_exact(simulated: Simulated) -> None:
    surveys, records = pd.read_csv(simulated.surveys), pd.read_csv(simulated.records)
    assert tuple(records.columns) == COLUMNS
    assert records["surveyId"].is_unique
    assert not set(records["surveyId"]) & set(surveys["surveyId"])
    assert records["geoUncertaintyInM"].quantile(0.9) > surveys["geoUncertaintyInM"].quantile(0.9)
    assert set(records["speciesId"]) <= set(pd.read_csv(simulated.species)["species_id"])


def test_the_project_s_reader_takes_both_tables(simulated: Simulated) -> None:
    for path in (simulated.surveys, simulated.records):
        rows = read_metadata(path)
        assert len(rows) == len(pd.read_csv(path))
        assert rows["survey_id"].notna().all()
        assert rows["species_id"].notna().all()
