import numpy as np

from biomap_xr.grid import Grid
from biomap_xr.observations.reading import observe
from biomap_xr.pipeline.learning import prepare
from biomap_xr.recipe import Recipe

EDITION = {
    "sentinel2": "SatelliteData/Sentinel2Patches-jpeg",
    "landsat": "TimeSeries/Landsat",
    "climate": "TimeSeries/Bioclim",
}
MODALITIES = ("sentinel2", "landsat", "climate")


def test_sites_without_files_are_left_out_and_so_are_species_of_theirs_alone(
    finished, tiny, tmp_path
):
    values = tiny.model_dump(mode="json")
    values["patches"] = {"editions": [EDITION], "without": "drop"}
    values["species"]["modalities"] = {name: {} for name in MODALITIES}
    values["folds"]["fractions"] = {"train": 0.5, "validation": 0.5, "calibration": 0, "test": 0}
    recipe = Recipe.model_validate(values).anchored(finished.workspace.root)
    sites, _ = observe(recipe.observations, Grid.from_settings(recipe.grid))
    lesson = prepare(recipe, sites, None, tmp_path)
    assert len(lesson.sites) == tiny.simulate.patches < len(sites)
    assert {name: len(values) for name, values in lesson.inputs.items()} == dict.fromkeys(
        MODALITIES, tiny.simulate.patches
    )
    assert (np.asarray(lesson.sites.presence.sum(axis=0)) > 0).all()
    assert len(lesson.sites.species) < len(sites.species)
    roles = lesson.roles.indices()
    assert sum(map(len, roles.values())) == len(lesson.sites)
