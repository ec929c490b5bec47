import hashlib
import shutil

import numpy as np
import pytest
import rasterio
from tiny_run import filling_of

from biomap_xr.cluster import profile_of
from biomap_xr.cubes import open_cube
from biomap_xr.errors import CorruptError, InputError
from biomap_xr.pipeline.makers.products import publish_products
from biomap_xr.pipeline.makers.stale import drop_group
from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.stages import STAGES
from biomap_xr.pipeline.workers import Workers
from biomap_xr.products.geotiff import write_raster
from biomap_xr.products.settings import ProductSettings, RasterSettings
from biomap_xr.run.plan import Plan

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
    again = publish_products(recipe, filling_of(environment_copy))
    assert not again.written
    assert again.products == environment.products.products
    lost = environment_copy.products / "wall_to_wall" / "eunis_top2.tif"
    lost.unlink()
    before = times(environment_copy.products)
    assert publish_products(recipe, filling_of(environment_copy)).written
    after = times(environment_copy.products)
    assert after.pop("wall_to_wall/eunis_top2.tif")
    # Legends and the list of checksums are small, and written again.
    assert {path for path in after if path.endswith((".tif", ".aux.xml"))} == {
        path for path in before if path.endswith((".tif", ".aux.xml"))
    }
    assert all(after[path] == before[path] for path in after if path.endswith(".tif"))


def test_another_layout_is_written_anew(environment, environment_copy):
    recipe = anchored(environment, environment_copy)
    layout = ProductSettings(rasters=RasterSettings(overviews=False))
    changed = recipe.model_copy(update={"products": layout})
    assert publish_products(changed, filling_of(environment_copy)).written
    memory = ProductSettings(rasters=RasterSettings(overviews=False, cache_megabytes=64))
    same = recipe.model_copy(update={"products": memory})
    assert not publish_products(same, filling_of(environment_copy)).written


def test_nothing_is_published_unasked(environment, environment_copy):
    recipe = anchored(environment, environment_copy)
    assert (
        publish_products(recipe.model_copy(update={"products": None}), filling_of(environment_copy))
        is None
    )
    species = ProductSettings(by_environment=False)
    # There is no habitat by species in this run.
    assert (
        publish_products(
            recipe.model_copy(update={"products": species}), filling_of(environment_copy)
        )
        is None
    )


def test_a_legend_without_a_code_is_refused(environment, environment_copy):
    recipe = anchored(environment, environment_copy)
    legend = recipe.habitats.rules.legend
    lines = legend.read_text().splitlines()
    legend.unlink()
    legend.write_text("\n".join(line for line in lines if ",R22," not in line))
    with pytest.raises(InputError, match="lacks 1 of the codes that the map needs: R22"):
        publish_products(recipe, filling_of(environment_copy))


def fewer(recipe, formations):
    ensembles = recipe.habitats.by_environment.model_copy(update={"formations": formations})
    habitats = recipe.habitats.model_copy(update={"by_environment": ensembles})
    return recipe.model_copy(update={"habitats": habitats})


def times(folder):
    files = (each for each in folder.rglob("*") if each.is_file())
    return {each.relative_to(folder).as_posix(): each.stat().st_mtime_ns for each in files}


def files_in(folder):
    return {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}


def other_maps(workspace, formation):
    """Leave a formation out, as a run with fewer of them does: its map goes, the plan is new."""
    drop_group(workspace.habitats, f"by_environment/{formation}")
    Plan(4, f"without {formation}").write(workspace.plan("environment"))


def test_files_of_former_maps_go(environment, environment_copy, caplog):
    recipe, folder = anchored(environment, environment_copy), environment_copy.products
    (folder / "habitat_probability" / "mine.txt").write_text("of somebody else")
    gone = {path for path in files_in(folder) if "/N" in path}
    assert len(gone) >= 4
    other_maps(environment_copy, "N")
    with caplog.at_level("INFO"):
        made = publish_products(fewer(recipe, ("R", "T")), filling_of(environment_copy))
    assert made.written
    assert f"products: {len(gone)} files of former maps are removed" in caplog.messages
    listed = {each.path for each in made.products}
    assert files_in(folder) == {*listed, "SHA256SUMS", "habitat_probability/mine.txt"}


@pytest.mark.parametrize(
    "place",
    ["biomap_xr.pipeline.makers.product_record.remove", "biomap_xr.products.write.write_raster"],
)
def test_a_kill_between_forgets_no_file(environment, environment_copy, monkeypatch, place):
    """Killed before former files are removed, or before new ones are written."""
    recipe, folder = anchored(environment, environment_copy), environment_copy.products

    def stop(*arguments, **options):
        raise KeyboardInterrupt

    other_maps(environment_copy, "N")
    monkeypatch.setattr(place, stop)
    with pytest.raises(KeyboardInterrupt):
        publish_products(fewer(recipe, ("R", "T")), filling_of(environment_copy))
    monkeypatch.undo()
    making = Making(environment.recipe, environment_copy, STAGES)
    assert not making.stage("products").state(making).done
    other_maps(environment_copy, "R")
    made = publish_products(fewer(recipe, ("T",)), filling_of(environment_copy))
    assert files_in(folder) == {*(each.path for each in made.products), "SHA256SUMS"}


def test_workers_write_the_same_files(environment, environment_copy):
    recipe, folder = anchored(environment, environment_copy), environment_copy.products
    own = {name: (folder / name).read_bytes() for name in files_in(folder)}
    shutil.rmtree(folder)
    profile = profile_of({"kind": "local", "processes": 2, "memory_limit": "2GiB"})
    with Workers(profile) as workers:
        made = publish_products(recipe, filling_of(environment_copy, workers))
    assert made.products == environment.products.products
    assert {name: (folder / name).read_bytes() for name in files_in(folder)} == own


def test_killed_files_go_on_and_an_error_names_its_file(environment, environment_copy, monkeypatch):
    recipe, folder = anchored(environment, environment_copy), environment_copy.products
    shutil.rmtree(folder)
    seen = []

    def failing(at, error):
        def write(source, *arguments):
            seen.append(source.raster.path)
            if source.raster.path == at:
                raise error
            return write_raster(source, *arguments)

        monkeypatch.setattr("biomap_xr.products.write.write_raster", write)

    failing("topk_habitats/R_topk.tif", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        publish_products(recipe, filling_of(environment_copy))
    failing("wall_to_wall/eunis_top3.tif", CorruptError("torn"))
    with pytest.raises(CorruptError, match=r"products: 1 files .*eunis_top3.tif: CorruptError"):
        publish_products(recipe, filling_of(environment_copy, retries=0))
    assert not (folder / "SHA256SUMS").exists()
    seen.clear()
    failing("", None)
    assert publish_products(recipe, filling_of(environment_copy)).written
    assert seen == ["wall_to_wall/eunis_top3.tif"]
