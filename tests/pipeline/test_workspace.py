from pathlib import Path

from biomap_xr.pipeline.workspace import Workspace


def test_everything_of_a_run_lies_in_one_folder():
    place = Workspace(Path("runs/demo"))
    parts = (place.covariates, place.species, place.indicators, place.models, place.report)
    names = ["covariates.zarr", "species.zarr", "indicators.zarr", "models", "report"]
    assert [path.name for path in parts] == names
    assert all(path.parent == place.root for path in parts)
    assert place.ledger("maps").folder == Path("runs/demo/receipts/maps")
