import json

import numpy as np
import pytest
import rasterio
import yaml
from pyproj import Transformer
from tiny_run import ENVIRONMENT, SERIAL

from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError
from biomap_xr.grid import Grid
from biomap_xr.habitats.eunis import code_of
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.makers.map_scores import (
    check_reference,
    map_at,
    reference_programs,
    reference_record,
    reference_scores,
    to_score,
)
from biomap_xr.pipeline.makers.plots import take_plots
from biomap_xr.pipeline.workers import Workers
from biomap_xr.recipe import Recipe

FINER = 4


@pytest.fixture(scope="module")
def recipe(environment):
    return environment.recipe.anchored(environment.workspace.root)


@pytest.fixture(scope="module")
def wall(environment):
    return open_cube(environment.workspace.habitats, "wall_to_wall")["habitat"].to_numpy()


def with_reference(recipe, path, numbers, grid, **settings):
    """A recipe with a reference of pixels a quarter of a cell wide, of the numbers of a map."""
    affine = grid.geobox.affine * rasterio.Affine.scale(1 / FINER)
    height, width = numbers.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=1, dtype="uint16",
        crs="EPSG:3035", transform=affine, nodata=65_535,
    ) as file:  # fmt: skip
        file.write(numbers, 1)
    borne = [number for number in np.unique(numbers).tolist() if 1000 <= number < 65_535]
    codes = {number: code_of(number) for number in borne}
    reference = {"path": path, "codes": codes, "no_habitat": [0, 100, 200, 300, 400], **settings}
    values = recipe.model_dump()
    values["habitats"]["reference"] = {"made": reference}
    return Recipe.model_validate(values)


def scores(recipe, workspace, name="made"):
    grid = Grid.from_settings(recipe.grid)
    (program,) = reference_programs(recipe, workspace)
    with Workers(SERIAL) as workers:
        filling = Filling(workspace, workers, recipe.run)
        filling.complete(program, grid.tiles())
        again = filling.complete(program, grid.tiles())
    # A second time nothing is left to do.
    assert not again.done
    return reference_scores([program], workspace)[name]


def test_a_map_agrees_with_itself_and_not_where_it_was_changed(
    recipe, wall, environment_copy, tmp_path
):
    grid = Grid.from_settings(recipe.grid)
    fine = wall[0].repeat(FINER, 0).repeat(FINER, 1)
    named = (wall[0] >= 1000) & (wall[0] != 65_535)
    # In every cell of the first rows a quarter of the pixels is another habitat, in those of the
    # next rows three quarters are; beyond column 60 the reference has nothing.
    fine[: 10 * FINER : 2, ::2] = 8101
    fine[10 * FINER : 20 * FINER] = 8101
    fine[10 * FINER : 20 * FINER : 2, ::2] = wall[0, 10:20].repeat(2, 0).repeat(2, 1)
    fine[:, 60 * FINER :] = 65_535
    found = scores(with_reference(recipe, tmp_path / "made.tif", fine, grid), environment_copy)
    named[:, 60:] = False
    surfaces = wall[0] < 1000
    surfaces[:, 60:] = False
    assert found[3].cells == named[:10].sum() + named[20:].sum() + 10 * 60
    right = named[:10].sum() + named[20:].sum() + (wall[0, 10:20, :60] == 8101).sum()
    assert found[3].accuracy == right / found[3].cells
    assert found[3].without == (~named[10:20, :60]).sum()
    assert 0 < found[3].accuracy <= found[2].accuracy <= found[1].accuracy < 1
    record = json.loads(json.dumps(reference_record(found)))
    assert [level["level"] for level in record] == [1, 2, 3]
    assert np.sum(record[2]["confusion"]) == found[3].cells
    # Nine tenths of a cell is more than any changed cell has of one class.
    strict = with_reference(recipe, tmp_path / "made.tif", fine, grid, minimum_share=0.9)
    few = scores(strict, environment_copy)
    assert few[3].cells == named[20:].sum()
    assert few[3].accuracy == 1


def test_a_reference_is_looked_at_before_any_work(recipe, wall, tmp_path):
    grid = Grid.from_settings(recipe.grid)
    fine = wall[0].repeat(FINER, 0).repeat(FINER, 1)
    settings = with_reference(recipe, tmp_path / "made.tif", fine, grid).habitats.reference["made"]
    check_reference(settings)
    with pytest.raises(InputError, match=r"gone\.tif"):
        check_reference(settings.model_copy(update={"path": tmp_path / "gone.tif"}))


def test_the_map_is_read_in_the_cells_of_plots(environment, recipe, wall):
    plots, _ = take_plots(recipe.plots, recipe.habitats)
    found = map_at(plots, recipe, environment.workspace)
    grid = Grid.from_settings(recipe.grid)
    assert found.off + len(found.source) == sum(map(bool, plots.labels))
    way = Transformer.from_crs("EPSG:4326", "EPSG:3035", always_xy=True)
    x, y = way.transform(plots.longitude[found.source], plots.latitude[found.source])
    column = np.floor((x - grid.geobox.affine.c) / 100).astype(int)
    row = np.floor((grid.geobox.affine.f - y) / 100).astype(int)
    np.testing.assert_array_equal(found.mapped.ranks, wall[:, row, column])
    # Models were trained on these plots, and nearly all of their land has the right cover.
    assert found.mapped.hits(1).mean() > 0.5


def test_plots_of_the_training_are_left_out_or_flagged(recipe):
    training, _ = take_plots(recipe.plots, recipe.habitats)
    again, _ = take_plots(recipe.habitats.external["again"], recipe.habitats)
    with pytest.raises(
        InputError, match=r"external.again: 900 of 900 plots .*overlap.scores: flag"
    ):
        to_score("again", again, training, recipe)
    half = training.select(np.arange(len(training)) % 2 == 0)
    kept, found = to_score("again", again, half, recipe)
    assert len(kept) == len(again) - found.either.sum()
    assert found.same_name.sum() == len(half)
    flagged = yaml.safe_load(ENVIRONMENT.read_text())
    flagged["habitats"]["overlap"] = {"scores": "flag"}
    kept, found = to_score("again", again, half, Recipe.model_validate(flagged))
    assert len(kept) == len(again)
    assert found.either.sum() >= len(half)
