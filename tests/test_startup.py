"""What is loaded for nothing: settings, help and the package itself need none of the libraries."""

import json
import subprocess
import sys

import pytest

LIBRARIES = {
    *("bokeh", "catboost", "dask", "distributed", "geopandas", "lightgbm", "matplotlib", "numba"),
    *("odc", "optuna", "pandas", "pyarrow", "rasterio", "scipy", "sklearn", "torch"),
    *("transformers", "xarray", "xgboost", "zarr"),
}


def loaded_by(code):
    """Return the top-level names of all modules that some code loads in a fresh interpreter."""
    names = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{*sys.modules}})))"
    said = subprocess.run([sys.executable, "-c", names], capture_output=True, check=True, text=True)
    return {name.partition(".")[0] for name in json.loads(said.stdout.splitlines()[-1])}


@pytest.mark.parametrize(
    "code",
    [
        "import biomap_xr.recipe",
        "from biomap_xr.grid import GridSettings",
        "from biomap_xr.run import FillSettings",
        "from biomap_xr.virtual import VirtualSettings",
        "from biomap_xr.observations import PlotSettings",
        "from biomap_xr.indicators import IndicatorSettings",
        "from biomap_xr.__main__ import app",
    ],
)
def test_settings_and_command_line_load_no_library_of_the_models(code):
    assert not loaded_by(code) & LIBRARIES


def test_rooms_are_whole_when_asked_for_a_name():
    code = "from biomap_xr.run import fill\nassert callable(fill)\nimport biomap_xr.run.fill"
    assert "zarr" in loaded_by(f"{code}\nfrom biomap_xr.run import fill\nassert callable(fill)")


def test_a_worker_without_plantbert_does_not_load_transformers():
    assert "transformers" not in loaded_by("import biomap_xr.programs.species")


def test_how_far_a_run_is_needs_no_data_frames_and_no_model():
    loaded = loaded_by("import biomap_xr.pipeline.console")
    # Tiles and the stores' metadata need these.
    assert loaded & LIBRARIES <= {"dask", "odc", "rasterio", "zarr"}
