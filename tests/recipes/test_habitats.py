import json
from pathlib import Path

import numpy as np

from biomap_xr.cubes import open_cube
from biomap_xr.grid import Grid
from biomap_xr.habitats.ensemble.feature_reading import features_of
from biomap_xr.habitats.ensemble.features import PUBLISHED_PREDICTORS
from biomap_xr.habitats.ensemble.published import published_members
from biomap_xr.habitats.rules.settings import DIRECT
from biomap_xr.pipeline.scores import HabitatScores
from biomap_xr.recipe import Recipe

RECIPES = Path(__file__).parents[2] / "recipes"
FORMATIONS = ("MA2", "N", "Q", "R", "S", "T", "U", "V")


def test_100m_is_the_run_of_paper_2(tmp_path, monkeypatch):
    monkeypatch.setenv("BIOMAP_XR_DATA", str(tmp_path))
    recipe = Recipe.load(RECIPES / "habitats_100m.yaml")
    assert Grid.from_settings(recipe.grid).geobox.shape == (46_000, 65_000)
    ensemble = recipe.habitats.by_environment
    assert ensemble.formations == FORMATIONS
    assert ensemble.predictors == PUBLISHED_PREDICTORS
    assert recipe.covariates.predictors.names == PUBLISHED_PREDICTORS
    assert (ensemble.blocks.folds, ensemble.blocks.sides_m[0]) == (5, 100_000)
    filters = recipe.plots.filters
    assert (filters.area_m2.minimum, filters.area_m2.maximum) == (1, 1000)
    assert recipe.habitats.rules.regions.coast_depth == 5_000
    assert recipe.habitats.rules.crosswalk.direct == DIRECT
    assert recipe.products is not None


def test_the_published_tables_fit_the_recipe_of_the_full_run(data):
    recipe = Recipe.load(RECIPES / "habitats_100m.yaml").anchored(data)
    ensemble = recipe.habitats.by_environment
    table = features_of(ensemble)
    kinds = {feature.name: feature.kind for feature in table.features}
    assert kinds["aspect"] == kinds["SOSD"] == "cyclic"
    assert [name for name, kind in kinds.items() if kind == "category"] == ["TPILF", "parmado"]
    # The recipe names the published files; the package has the same members built in.
    for formation in FORMATIONS:
        assert ensemble.members_of(formation) == published_members(formation)
    for path in (recipe.habitats.expert_system, recipe.habitats.rules.legend):
        assert path.is_file()


def test_habitats_from_climate_have_all_products(finished):
    made = finished("habitats_climate")
    assert tuple(model.formation for model in made.formations) == FORMATIONS
    assert made.environment.status == 0
    paths = {each.path for each in made.products.products}
    assert {f"habitat_probability/{formation}.tif" for formation in FORMATIONS} <= paths
    assert "wall_to_wall/eunis_dominant.tif" in paths
    folder = made.workspace.models / "habitats" / "by_environment"
    record = json.loads((folder / "regions.json").read_text())
    # Paper 2's own counts allow what surveys show inside of the polygons.
    assert record["pairs"]["allowed"] >= 0.95 * record["pairs"]["seen"]
    assert record["plots"]["ecoregion"]["moved"] > 0
    wall = open_cube(made.workspace.habitats, "wall_to_wall")
    land = open_cube(made.workspace.covariates, "masks")["land"].to_numpy() == 1
    named = wall["habitat"].to_numpy()[0] != 65_535
    assert named[land].mean() > 0.8
    for formation in FORMATIONS:
        scores = HabitatScores.read(folder / formation / "scores.zarr", "plots")
        assert np.isfinite(scores.probability["ensemble"]).all()
