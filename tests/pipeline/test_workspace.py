from pathlib import Path

from biomap_xr.pipeline.workspace import Workspace, identity


def test_everything_of_a_run_lies_in_one_folder():
    place = Workspace(Path("runs/demo"))
    parts = (place.covariates, place.species, place.indicators, place.models, place.report)
    names = ["covariates.zarr", "species.zarr", "indicators.zarr", "models", "report"]
    assert [path.name for path in parts] == names
    assert all(path.parent == place.root for path in parts)
    assert place.ledger("maps").folder == Path("runs/demo/receipts/maps")


def test_a_workspace_belongs_to_name_and_grid(tiny):
    assert identity(tiny).recipe == "tiny"
    other = tiny.grid.model_copy(update={"resolution": 25.0})
    assert identity(tiny) != identity(tiny.model_copy(update={"grid": other}))
