import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import rasterio

from biomap_xr.errors import InputError
from biomap_xr.habitats.legend import legend_of
from biomap_xr.habitats.rules.crosswalk import Line, crosswalk_of
from biomap_xr.habitats.rules.tables import read_documented
from biomap_xr.products.write import (
    plan_products,
    plan_species_products,
    tags_of,
)

TREE = [
    "documented_cross_walks.csv",
    "habitat_probability/R.tif",
    "habitat_probability/T.tif",
    "topk_habitats/R_legend.csv",
    "topk_habitats/R_topk.tif",
    "topk_habitats/R_topk_confidence.tif",
    "topk_habitats/T_legend.csv",
    "topk_habitats/T_topk.tif",
    "topk_habitats/T_topk_confidence.tif",
    "wall_to_wall/eunis_dominant.tif",
    "wall_to_wall/eunis_legend_detailed.csv",
    "wall_to_wall/eunis_legend_style.qml",
    "wall_to_wall/eunis_top2.tif",
    "wall_to_wall/eunis_top3.tif",
]


@pytest.fixture
def crosswalk():
    return crosswalk_of([Line(23, ("T",), ("T1",)), Line(44, ("SEA",), ())], ["T11", "T17"])


def test_the_tree_is_paper_2s(store, write, legend, crosswalk, maps, tmp_path):
    folder = tmp_path / "products"
    found = write(plan_products(store, legend, crosswalk), folder)
    paths = [product.path for product in found]
    assert [path for path in paths if not path.endswith(".aux.xml")] == TREE
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.*")) == sorted(paths)
    for product in found:
        content = (folder / product.path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (
            product.size,
            product.sha256,
        )
    ranks = ("dominant", "top2", "top3")
    for rank, name in enumerate(ranks):
        with rasterio.open(folder / f"wall_to_wall/eunis_{name}.tif") as file:
            np.testing.assert_array_equal(file.read(1), maps["wall_to_wall"]["habitat"][rank])
            assert file.tags()["TIFFTAG_COPYRIGHT"] == "CC-BY-4.0"
    with rasterio.open(folder / "topk_habitats/R_topk_confidence.tif") as file:
        np.testing.assert_array_equal(file.read(), maps["by_environment/R"]["confidence"])


def test_legends_and_rules_are_beside_the_maps(store, write, legend, crosswalk, tmp_path):
    write(plan_products(store, legend, crosswalk), tmp_path)
    forests = pd.read_csv(tmp_path / "topk_habitats/T_legend.csv")
    assert dict(zip(forests["Code"], forests["EUNIS3"], strict=True)) == {
        7101: "T11",
        7107: "T17",
        7301: "T31",
    }
    assert (tmp_path / "wall_to_wall/eunis_legend_detailed.csv").read_text() == legend.to_csv()
    again = read_documented(tmp_path / "documented_cross_walks.csv", ["T11", "T17"])
    assert again.of_cover(23) == ("T11", "T17")
    assert again.surface == ("", "SEA")


def test_a_second_run_replaces_the_first(store, write, legend, tmp_path):
    first = write(plan_products(store, legend, None), tmp_path)
    (tmp_path / "wall_to_wall/.eunis_top2.tif.dead.partial").write_bytes(b"left by a killed writer")
    assert write(plan_products(store, legend, None), tmp_path) == first
    assert not list(tmp_path.rglob("*.partial"))


def test_codes_that_the_legend_lacks_come_before_the_work(store):
    with pytest.raises(InputError, match=r"lacks 1 of the codes that the map needs: T31"):
        plan_products(store, legend_of(["R11", "R22", "T11", "T17"]), None)


def test_a_store_without_maps_is_refused(legend, tmp_path):
    with pytest.raises(InputError, match="no group below by_environment"):
        plan_products(tmp_path, legend, None)


def test_habitats_of_species_have_files_of_their_own(store, grid, write, legend, maps, tmp_path):
    found = write(plan_species_products(store, legend), tmp_path)
    assert [p.path for p in found if p.path.endswith((".tif", ".csv", ".qml"))] == [
        "by_species/confidence.tif",
        "by_species/habitat.tif",
        "by_species/legend.csv",
        "by_species/level1.tif",
        "by_species/level2.tif",
        "by_species/style.qml",
    ]
    for name in ("habitat", "confidence", "level1", "level2"):
        with rasterio.open(tmp_path / f"by_species/{name}.tif") as file:
            expected = maps["by_species"][name]
            np.testing.assert_array_equal(file.read(), expected.reshape(-1, *grid.shape))
    with rasterio.open(tmp_path / "by_species/level2.tif") as file:
        assert file.colormap(1)[7100] == (*legend.entry("T1").colour, 255)


def test_attributes_go_with_the_files():
    assert tags_of({"license": "MIT", "other": 1}) == {"TIFFTAG_COPYRIGHT": "MIT"}


def test_files_are_known_before_they_are_written(store, write, legend, crosswalk, tmp_path):
    planned = plan_products(store, legend, crosswalk) + plan_species_products(store, legend)
    assert not any(tmp_path.iterdir())
    found = write(planned, tmp_path)
    assert {each.path for each in found} <= set(planned.paths)
    assert {path for path in planned.paths if not path.endswith(".aux.xml")} == {
        each.path for each in found if not each.path.endswith(".aux.xml")
    }


def test_the_key_of_a_file_names_what_it_is_made_of(store, legend):
    planned = plan_products(store, legend, None)
    tasks = {each.name: each for each in (file.task("maps") for file in planned.files)}
    assert set(tasks) == {path.replace("/", ".") for path in TREE if path.endswith(".tif")}
    assert len({each.key for each in tasks.values()}) == len(tasks)
    (dominant,) = [each for each in planned.files if "dominant" in each.raster.path]
    own = tasks["wall_to_wall.eunis_dominant.tif"].key
    assert dominant.task("maps").key == own
    assert dominant.task("other maps").key != own
    other = legend_of(["T17"], {"T17": "Beech"})
    assert replace(dominant, legend=other).task("maps").key != own
