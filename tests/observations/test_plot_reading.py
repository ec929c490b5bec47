from collections import Counter
from functools import partial

import numpy as np
import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.folds.plots import fold_of_plots
from biomap_xr.folds.settings import PlotFoldSettings
from biomap_xr.habitats.eunis import at_level, normalise
from biomap_xr.observations.plot_reading import gather_plots, observe_plots
from biomap_xr.observations.plot_settings import CurationSettings, PlotSettings

LEVEL_3 = partial(at_level, level=3)
AS_WRITTEN = {"names": "as_written", "minimum_plots_of_species": 0, "minimum_plots_of_habitat": 0}


@pytest.fixture
def plantbert(tmp_path):
    """Write Pl@ntBERT's two tables: 24 plots of two habitats, and one that is damaged."""
    rows = ["PlotObservationID,Species,Cover"]
    header = ["PlotObservationID,Habitat,Longitude,Latitude"]
    for plot in range(24):
        genus, code = ("Poa", "R22") if plot % 2 else ("Abies", "T17")
        rows += [f"{plot},{genus} {name},{10 + i}" for i, name in enumerate(("una", "altera"))]
        header.append(f"{plot},{code if plot > 1 else '~'},{10 + plot / 10},{47}")
    rows += ["24,Poa una,5", "24,Unknown species,8"]
    header.append("24,R22,10,47")
    (tmp_path / "species.csv").write_text("\n".join(rows))
    (tmp_path / "header.csv").write_text("\n".join(header))
    return {
        "kind": "plantbert",
        "species": tmp_path / "species.csv",
        "header": tmp_path / "header.csv",
    }


def test_tables_become_curated_plots(plantbert):
    plots, report = observe_plots(PlotSettings(tables=[plantbert]), LEVEL_3)
    assert len(plots) == 24
    assert plots.species == ("abies altera", "abies una", "poa altera", "poa una")
    assert Counter(plots.labels) == {("R22",): 11, ("T17",): 11, (): 2}
    assert report.final.labelled == 22
    assert report.tables[0].kind == "plantbert"
    steps = {step.name: step for step in report.steps}
    assert steps["lost_species"].examples == {"24": 1}
    assert steps["labels"].examples == {"~": 2}


def test_plots_are_gathered_with_names_and_labels_as_written(plantbert):
    plots, _, filtered = gather_plots(PlotSettings(tables=[plantbert]))
    assert "Unknown species" in plots.species
    assert ("~",) in plots.labels
    assert filtered == ()


def test_several_tables_are_one(plantbert):
    twice = [plantbert | {"dataset": "a"}, plantbert | {"prefix": "b-", "dataset": "b"}]
    plots, report = observe_plots(PlotSettings(tables=twice), LEVEL_3)
    assert len(plots) == 48
    assert Counter(plots.header["dataset"]) == {"a": 24, "b": 24}
    assert len(report.tables) == 2
    with pytest.raises(InputError, match="give one of the tables a prefix"):
        observe_plots(PlotSettings(tables=[plantbert, plantbert]), LEVEL_3)


def test_a_filter_that_leaves_nothing_is_an_error(plantbert):
    settings = PlotSettings(tables=[plantbert], filters={"year": {"minimum": 1, "unknown": "drop"}})
    with pytest.raises(InputError, match=r"none of 25 plots passes the filters \(year 25 to 0\)"):
        observe_plots(settings, LEVEL_3)


@pytest.fixture
def experiment(data):
    """The table of the dike experiment; its degrees lost their decimal point."""
    folder = data / "plots" / "danube_dike_experiment" / "data" / "processed"
    return {
        "kind": "wide",
        "species": folder / "data_processed_species.csv",
        "header": folder / "data_processed_sites_spatial.csv",
        "header_columns": {
            "plot": "id",
            "site": "plot",
            "label": "esy",
            "year": "survey_year",
            "area_m2": "plot_size",
            "altitude_m": "elevation",
            "longitude": "longitude",
            "latitude": "latitude",
            "coordinate_scale": 1e-5,
            "constants": {"country": "Germany"},
        },
    }


def test_the_dike_experiment_is_as_its_table_says(experiment):
    plots, _, _ = gather_plots(PlotSettings(tables=[experiment]))
    assert (len(plots), len(plots.species)) == (1440, 274)
    assert len(set(plots.site)) == 288
    counts = Counter(code for labels in plots.labels for code in labels)
    assert counts == {
        "V37": 416, "R22": 353, "R": 222, "R1A": 175, "V38": 170, "V15": 54, "V": 45, "?": 3,
        "S32": 2,
    }  # fmt: skip
    matrix = pd.read_csv(experiment["species"], index_col="name").fillna(0)
    dense = pd.DataFrame(plots.cover.toarray().T, plots.species, plots.plot_id)
    pd.testing.assert_frame_equal(
        dense, matrix.loc[list(plots.species), plots.plot_id], check_dtype=False, check_names=False
    )
    # Along the Danube near Straubing.
    assert plots.longitude.min() == pytest.approx(12.87752)
    assert plots.latitude.max() == pytest.approx(48.84032)


@pytest.mark.parametrize(
    ("names", "left", "labels"),
    [
        # As a slow curation of the long table in pandas has it, too.
        ("binomial", (1142, 162, 22491), {"R": 206, "V": 44, "?": 3}),
        ("species", (1151, 166, 23171), {"R": 211, "V": 45, "?": 3}),
    ],
)
def test_seed_mixtures_of_the_dike_experiment_are_no_plots(experiment, names, left, labels):
    settings = PlotSettings(
        tables=[experiment | {"not_plots": "_seeded$"}], curation={"names": names}
    )
    plots, report = observe_plots(settings, LEVEL_3)
    first = report.tables[0].steps[0]
    assert (first.name, first.before.plots, first.after.plots) == ("not_plots", 1440, 1152)
    assert (first.after.species, first.after.observations) == (271, 23525)
    assert (len(plots), len(plots.species), plots.cover.nnz) == left
    steps = {step.name: step for step in report.steps}
    assert steps["lost_species"].examples == {"L5_18_2018": 1}
    # Labels of level 1 and unclassified plots train the masked model alone.
    assert steps["labels"].examples == labels
    assert steps["rare_habitats"].examples == {"S32": 2}
    assert Counter(plots.labels)[()] == len(plots) - report.final.labelled > 200
    assert set(plots.header["year"]) == {2018, 2019, 2020, 2021}


def test_sites_of_the_dike_experiment_stay_together(experiment):
    settings = PlotSettings(tables=[experiment | {"not_plots": "_seeded$"}])
    plots, _ = observe_plots(settings, LEVEL_3)
    by_site = PlotFoldSettings(blocks="site", folds=5, balance="labels")
    fold = fold_of_plots(plots, by_site)
    of_site = pd.DataFrame({"site": plots.site, "fold": fold}).groupby("site")["fold"]
    assert of_site.nunique().max() == 1
    assert abs(np.bincount(fold) / len(fold) - 0.2).max() < 0.005
    found = pd.DataFrame({"fold": fold, "label": plots.labels}).explode("label")
    assert found.groupby("fold")["label"].nunique().tolist() == [5] * 5


def test_gauss_krueger_is_brought_to_degrees(data):
    folder = data / "plots" / "danube_dikes"
    table = {
        "kind": "long",
        "species": folder / "species_cover_long.csv",
        "header": folder / "sites_esy.csv",
        "columns": {"plot": "id", "species": "name", "cover": "cover"},
        "header_columns": {
            "plot": "id",
            "site": "plot",
            "label": "esy",
            "year": "survey_year",
            "longitude": "longitude",
            "latitude": "latitude",
            "crs": "EPSG:31468",
        },
    }
    plots, _, _ = gather_plots(PlotSettings(tables=[table]))
    assert plots.cover.shape == (140, 220)
    assert plots.cover.nnz == 3490
    # The authors published the same places in degrees.
    places = pd.read_csv(folder / "sites_xy.csv").set_index("id")
    own = [name[1:5] for name in plots.plot_id]
    metres = np.hypot(
        (plots.longitude - places["longitude"].reindex(own)) * 73_200,
        (plots.latitude - places["latitude"].reindex(own)) * 111_200,
    )
    assert metres.max() < 1.5
    plain = table["header_columns"] | {"crs": "EPSG:4326"}
    with pytest.raises(InputError, match=r"x = 4543914, y = 5418661 of plot .*EPSG:31468"):
        gather_plots(PlotSettings(tables=[table | {"header_columns": plain}]))


def test_labels_of_geoplant_surveys(data):
    header = next((data / "eunis_points").glob("*.csv"))
    settings = PlotSettings(
        tables=[{"kind": "labels", "header": header}],
        curation=CurationSettings(**AS_WRITTEN, empty="keep"),
    )
    plots, report = observe_plots(settings, normalise)
    assert len(plots) == 13_424
    assert Counter(map(len, plots.labels)) == {1: 13_303, 2: 107, 3: 7, 5: 4, 4: 2, 0: 1}
    steps = {step.name: step for step in report.steps}
    assert steps["labels"].examples == {"MAa": 1}
    fold = fold_of_plots(plots, PlotFoldSettings(blocks="metres", metres=1e5, folds=5))
    assert np.ptp(np.bincount(fold)) <= 1


def test_labels_of_any_table_are_read(data):
    columns = {
        "plot": "id.plot",
        "site": "id.site",
        "label": "esy4",
        "ecoregion": "eco.id",
        "altitude_m": "altitude",
        "year": "obs.year",
        "longitude": "longitude",
        "latitude": "latitude",
    }
    header = data / "plots" / "grassworks" / "data_processed_environment_nms_20250603.csv"
    table = {"kind": "labels", "header": header, "header_columns": columns}
    plots, _, _ = gather_plots(PlotSettings(tables=[table]))
    frame = pd.read_csv(header)
    assert len(plots) == len(frame)
    expected = frame["esy4"].value_counts().to_dict()
    assert Counter(code for labels in plots.labels for code in labels) == expected
    assert plots.longitude.tolist() == frame["longitude"].tolist()
    assert set(plots.header["ecoregion"]) == set(frame["eco.id"].astype(str))


def test_the_expert_systems_example_is_read_as_it_is(data):
    table = {
        "kind": "eva",
        "species": data / "esy" / "data_example_species.csv",
        "header": data / "esy" / "data_example_sites.csv",
    }
    plots, _, _ = gather_plots(PlotSettings(tables=[table]))
    assert plots.cover.shape == (200, 1009)
    assert plots.cover.nnz == 3580
    assert "Dryopteris filix-mas (L.) Schott" in plots.species
    settings = PlotSettings(tables=[table], curation={"minimum_plots_of_species": 1})
    curated, report = observe_plots(settings, normalise)
    assert "dryopteris filix-mas" in curated.species
    binomial = next(step for step in report.steps if step.name == "binomial")
    # With authors and subspecies written out, next to all names are of a species.
    assert binomial.after.observations >= 0.95 * binomial.before.observations
