import json

import numpy as np

from biomap_xr.covariates.gather import declare_covariates
from biomap_xr.covariates.sampling import sample_predictors, select_predictors
from biomap_xr.cubes import open_cube


def with_selection(factory, root, threshold):
    names = {"elevation": "elevation", "twin": "slope"}
    variables = [
        {"name": name, "path": f"rasters/predictors/{file}.tif"} for name, file in names.items()
    ]
    selection = {"threshold": threshold, "samples": 300}
    return factory.all_settings(
        root, predictors={"variables": variables, "selection": selection, "resolution": 100}
    )


def test_without_a_selection_all_are_kept(region, factory, grid):
    kept = select_predictors(factory.all_settings(region.root), grid)
    assert kept.kept == ("elevation", "cover_forest", "cover_meadow", "cover_rock")
    assert kept.attributes() == {}


def test_without_predictors_there_is_nothing_to_select(region, factory, grid):
    assert select_predictors(factory.all_settings(region.root, predictors=None), grid) is None


def test_a_sample_is_the_same_for_a_seed(region, factory, grid):
    settings = with_selection(factory, region.root, 0.5)
    grid = grid.with_resolution(100)
    draws = [sample_predictors(settings, grid, settings.predictors) for _ in range(2)]
    np.testing.assert_array_equal(*draws)
    assert draws[0].shape == (300, 2)


def test_what_was_dropped_is_reported_in_the_cube(region, factory, grid, tmp_path):
    r = select_predictors(with_selection(factory, region.root, 0.01), grid).selection.dropped[0]
    assert (r.name, r.partner) == ("twin", "elevation")
    declare_covariates(tmp_path / "c.zarr", with_selection(factory, region.root, 0.01), grid)
    dataset = open_cube(tmp_path / "c.zarr", "predictors")
    assert dataset["variable"].values.tolist() == ["elevation"]
    report = json.loads(json.dumps(dataset.attrs["selection"]))
    assert report["dropped"][0]["correlation"] == r.correlation
    assert report["threshold"] == 0.01
