import numpy as np
import pytest
import rasterio
from scipy.sparse import csr_array
from tiny_run import filling_of

from biomap_xr.cluster import profile_of
from biomap_xr.errors import InputError
from biomap_xr.grid import Points
from biomap_xr.habitats.ensemble.plots import PlotPredictors
from biomap_xr.pipeline.makers.observing import Observer
from biomap_xr.pipeline.makers.predictors import feature_table, plot_predictors
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.programs import plot_predictors as program_module
from biomap_xr.programs.plot_predictors import PlotPredictorsProgram


@pytest.fixture(scope="module")
def recipe(environment):
    return environment.recipe.anchored(environment.workspace.root)


@pytest.fixture(scope="module")
def table(recipe):
    return feature_table(recipe, recipe.habitats.by_environment)


@pytest.fixture(scope="module")
def plots(environment, recipe):
    return Observer(recipe, environment.workspace).plots.plots


@pytest.fixture(scope="module")
def filling(tmp_path_factory):
    return filling_of(Workspace(tmp_path_factory.mktemp("plots")))


@pytest.fixture(scope="module")
def found(plots, recipe, table, filling):
    return plot_predictors(plots, recipe, table, filling)


def test_values_are_those_of_the_pixel_under_the_plot(found, recipe, table):
    column = table.names.index("wetness")
    with rasterio.open(recipe.root / "rasters" / "predictors" / "wetness.tif") as file:
        places = list(zip(found.points.x, found.points.y, strict=True))
        sampled = np.array([value[0] for value in file.sample(places)])
    np.testing.assert_array_equal(found.values[:, column], sampled)


def test_units_are_those_of_the_sources(table):
    units = {feature.name: feature.unit for feature in table.features}
    assert units["elevation"] == "m"
    assert units["wetness"] == "percent"


def test_plots_without_habitat_place_or_predictors_are_left_out(plots, recipe, table, filling):
    some = plots.select(np.arange(6))
    some.longitude[1] = np.nan
    some.longitude[2], some.latitude[2] = -30.0, 30.0
    labels = ((), *some.labels[1:])
    found = plot_predictors(some.with_labels(labels), recipe, table, filling)
    assert len(found) == 3
    assert found.lost == {"without coordinates": 1, "without predictors": 1}
    assert found.labels == some.labels[3:]
    assert found.source.tolist() == [3, 4, 5]


def test_no_plot_with_predictors_is_an_error(plots, recipe, table, filling):
    some = plots.select(np.arange(2))
    some.longitude[:] = -30.0
    with pytest.raises(InputError, match="none of 2 plots with a habitat has coordinates and a"):
        plot_predictors(some, recipe, table, filling)


def labelled(found, labels):
    """The first plots under other labels."""
    some = slice(len(labels))
    points = Points(found.points.x[some], found.points.y[some])
    cells, values, source = found.cells[some], found.values[some], found.source[some]
    return PlotPredictors(labels, points, cells, values, found.lost, source)


def test_a_plot_of_several_codes_has_several_rows(found):
    labels = (("T17", "R22", "T15", "T17"), ("T17",), ("R22",), ("T15",))
    some = labelled(found, labels)
    forest = some.of_formation("T", 2)
    assert forest.classes == ("T15", "T17")
    assert forest.labels == (("T17", "T15"), ("T17",), ("T15",))
    assert forest.plot.tolist() == [0, 0, 1, 2]
    assert forest.codes.tolist() == ["T17", "T15", "T17", "T15"]
    assert forest.source.tolist() == found.source[[0, 1, 3]].tolist()
    assert forest.row_points.x[0] == forest.row_points.x[1] == found.points.x[0]
    with pytest.raises(InputError, match=r"formation T: 0 classes have 3 .*T17 \(2\), T15 \(2\)"):
        some.of_formation("T", 3)


def test_rare_classes_are_dropped(found):
    labels = (("T17",), ("T17",), ("T15",), ("T1E", "T15"))
    some = labelled(found, labels)
    forest = some.of_formation("T", 2)
    assert forest.dropped == {"T1E": 1}
    assert forest.labels[3] == ("T15",)
    # Cells of 1 km of the EEA's grid.
    assert forest.block(1000)[0].startswith("1kmE40")


def test_covers_do_not_matter(plots, recipe, table, filling, found):
    bare = type(plots)(
        plots.plot_id, csr_array((len(plots), 0), dtype=np.float32), (), plots.labels,
        plots.longitude, plots.latitude, plots.site, plots.header,
    )  # fmt: skip
    assert plot_predictors(bare, recipe, table, filling).labels == found.labels


def test_slices_and_workers_do_not_matter(plots, recipe, table, found, tmp_path, monkeypatch):
    monkeypatch.setattr(program_module, "SLICE", 123)
    profile = profile_of({"kind": "local", "processes": 2, "memory_limit": "2GiB"})
    with Workers(profile) as workers:
        again = plot_predictors(plots, recipe, table, filling_of(Workspace(tmp_path), workers))
    assert len(tuple((tmp_path / "receipts" / "plot_predictors").glob("*.json"))) > 3
    np.testing.assert_array_equal(again.values, found.values)
    np.testing.assert_array_equal(again.source, found.source)


def test_killed_plots_go_on_and_an_error_names_its_slice(
    plots, recipe, table, found, tmp_path, monkeypatch
):
    monkeypatch.setattr(program_module, "SLICE", 200)
    own, seen = PlotPredictorsProgram.__call__, []

    def failing(at, error):
        def call(program, task):
            seen.append(task.name)
            if task.arguments.start == at:
                raise error
            return own(program, task)

        monkeypatch.setattr(PlotPredictorsProgram, "__call__", call)

    def take():
        return plot_predictors(plots, recipe, table, filling_of(Workspace(tmp_path), retries=0))

    failing(400, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        take()
    failing(600, InputError("soil_ph.tif is torn"))
    with pytest.raises(InputError, match=r"1 slices of plots .*-000000600: InputError: soil_ph"):
        take()
    seen.clear()
    failing(-1, None)
    np.testing.assert_array_equal(take().values, found.values)
    assert [name[-9:] for name in seen] == ["000000600"]
