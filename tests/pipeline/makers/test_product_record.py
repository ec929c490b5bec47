import pytest

from biomap_xr.pipeline.makers.product_record import ProductRecord
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.products.product import Product


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)


def lay(workspace, *paths):
    for path in paths:
        place = workspace.products / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("abc")


def test_a_record_comes_back_as_it_was(workspace):
    assert ProductRecord.read(workspace) == ProductRecord()
    products = (Product("a/b.tif", 3, "12"), Product("c.csv", 3, "34"))
    ProductRecord("now").end(workspace, products)
    found = ProductRecord.read(workspace)
    assert found == ProductRecord("now", products)
    lay(workspace, "a/b.tif", "c.csv")
    assert found.intact(workspace.products)
    (workspace.products / "c.csv").write_text("longer")
    assert not found.intact(workspace.products)


def test_former_files_go_and_foreign_ones_stay(workspace):
    former = ProductRecord("then", (Product("a/b.tif", 3, ""), Product("c.csv", 3, "")))
    lay(workspace, "a/b.tif", "c.csv", "d/mine.txt")
    former.begin(workspace, ["c.csv", "d/new.tif"])
    there = sorted(path.name for path in workspace.products.rglob("*"))
    assert there == ["c.csv", "d", "mine.txt"]
    begun = ProductRecord.read(workspace)
    assert begun.fingerprint == ""
    # The first file is known still: a kill may come before its removal.
    assert begun.paths == {"a/b.tif", "c.csv", "d/new.tif"}
