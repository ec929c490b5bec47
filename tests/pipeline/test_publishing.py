import hashlib

import numpy as np
import pytest
import rasterio

from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError
from biomap_xr.pipeline.publishing import publish_products
from biomap_xr.products.settings import ProductSettings, RasterSettings

FORMATIONS = ("N", "R", "T")


def anchored(environment, workspace):
    return environment.recipe.anchored(workspace.root)


def test_the_files_of_paper_2_are_there(environment):
    folder = environment.workspace.products
    wanted = {
        *(f"habitat_probability/{f}.tif" for f in FORMATIONS),
        *(f"topk_habitats/{f}_topk.tif" for f in FORMATIONS),
        *(f"topk_habitats/{f}_topk_confidence.tif" for f in FORMATIONS),
        *(f"topk_habitats/{f}_legend.csv" for f in FORMATIONS),
        *(f"wall_to_wall/eunis_{name}.tif" for name in ("dominant", "top2", "top3")),
        "wall_to_wall/eunis_legend_detailed.csv",
        "wall_to_wall/eunis_legend_style.qml",
        "documented_cross_walks.csv",
    }
    paths = {each.path for each in environment.products.products}
    assert wanted <= paths
    assert all(path.endswith(".aux.xml") for path in paths - wanted)
    assert environment.products.size == sum((folder / path).stat().st_size for path in paths)


def test_files_hold_what_the_cubes_hold(environment):
    folder, store = environment.workspace.products, environment.workspace.habitats
    with rasterio.open(folder / "habitat_probability" / "T.tif") as file:
        cube = open_cube(store, "by_environment/T")
        np.testing.assert_array_equal(file.read(), cube["probability"].to_numpy())
        assert file.descriptions == tuple(cube["eunis"].to_numpy())
    with rasterio.open(folder / "wall_to_wall" / "eunis_dominant.tif") as file:
        wall = open_cube(store, "wall_to_wall")["habitat"].to_numpy()
        np.testing.assert_array_equal(file.read(1), wall[0])
        assert file.nodata == 65_535


def test_checksums_verify(environment):
    folder = environment.workspace.products
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    assert len(lines) == len(environment.products.products)
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest


def test_nothing_is_written_twice_but_what_is_lost_is(environment, environment_copy):
    recipe = anchored(environment, environment_copy)
    again = publish_products(recipe, environment_copy)
    assert not again.written
    assert again.products == environment.products.products
    (environment_copy.products / "wall_to_wall" / "eunis_top2.tif").unlink()
    assert publish_products(recipe, environment_copy).written
    assert (environment_copy.products / "wall_to_wall" / "eunis_top2.tif").is_file()


def test_another_layout_is_written_anew(environment, environment_copy):
    recipe = anchored(environment, environment_copy)
    layout = ProductSettings(rasters=RasterSettings(overviews=False))
    changed = recipe.model_copy(update={"products": layout})
    assert publish_products(changed, environment_copy).written
    threads = ProductSettings(rasters=RasterSettings(overviews=False, threads=2))
    same = recipe.model_copy(update={"products": threads})
    assert not publish_products(same, environment_copy).written


def test_nothing_is_published_unasked(environment, environment_copy):
    recipe = anchored(environment, environment_copy)
    assert publish_products(recipe.model_copy(update={"products": None}), environment_copy) is None
    species = ProductSettings(by_environment=False)
    # There is no habitat by species in this run.
    assert (
        publish_products(recipe.model_copy(update={"products": species}), environment_copy) is None
    )


def test_a_legend_without_a_code_is_refused(environment, environment_copy):
    recipe = anchored(environment, environment_copy)
    legend = recipe.habitats.rules.legend
    lines = legend.read_text().splitlines()
    legend.unlink()
    legend.write_text("\n".join(line for line in lines if ",R22," not in line))
    with pytest.raises(InputError, match="lacks 1 of the codes that the map needs: R22"):
        publish_products(recipe, environment_copy)
