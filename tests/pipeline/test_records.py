from biomap_xr.pipeline.records import PLOTS, SPLIT, folder_of, scored
from biomap_xr.pipeline.workspace import Workspace


def test_scores_are_found_where_models_keep_them(tmp_path):
    folder = folder_of(Workspace(tmp_path))
    assert folder == tmp_path / "models" / "habitats" / "by_species"
    assert not scored(folder, PLOTS)
    (folder / "scores.zarr" / "plots").mkdir(parents=True)
    (folder / "scores.zarr" / "plots" / "zarr.json").write_text("{}")
    assert scored(folder, PLOTS)
    assert not scored(folder, SPLIT + "site")
