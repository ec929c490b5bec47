import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio

from biomap_xr.errors import InputError
from biomap_xr.virtual import Simulated, TileCount, VirtualSettings, open_truth, simulate
from biomap_xr.virtual.simulate import MANIFEST, UNFINISHED, VERSION


def simulate_until_truth(settings: VirtualSettings, out: Path) -> None:
    """Leave what a run leaves that is killed early: its unfinished manifest and a torn file."""
    (out / UNFINISHED).write_text(
        json.dumps(
            {"version": VERSION, "settings": json.loads(settings.model_dump_json()), "skill": {}}
        )
    )
    (out / "species.csv").write_text("torn")


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in {".csv", ".tif", ".pt", ".jpeg"}
    }


def test_every_file_of_a_real_project_is_there(simulated: Simulated) -> None:
    for path in (
        simulated.surveys,
        simulated.records,
        simulated.plots,
        simulated.plot_header,
        simulated.species,
        simulated.land,
        simulated.ecoregions,
    ):
        assert path.is_file()
    assert (simulated.folder / MANIFEST).is_file()
    assert not (simulated.folder / UNFINISHED).exists()
    assert set(simulated.skill) == {"full", "sentinel2", "landsat", "climate", "predictors"}


def test_a_second_call_finds_it_done(simulated: Simulated) -> None:
    stamp = simulated.surveys.stat().st_mtime_ns
    again = simulate(simulated.settings, simulated.folder)
    assert not again.created
    assert again.skill == simulated.skill
    assert simulated.surveys.stat().st_mtime_ns == stamp


def test_other_settings_are_refused_in_the_same_folder(simulated: Simulated) -> None:
    other = simulated.settings.model_copy(update={"seed": 99})
    with pytest.raises(InputError, match="seed is 3, wanted 99"):
        simulate(other, simulated.folder)


def test_a_folder_of_other_files_is_left_alone(settings: VirtualSettings, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"not empty and has no manifest\.json"):
        simulate(settings, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_broken_manifest_is_named(settings: VirtualSettings, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text("{")
    with pytest.raises(InputError, match="is no JSON"):
        simulate(settings, tmp_path)


def test_tiles_threads_and_a_broken_run_change_nothing(
    simulated: Simulated, tmp_path: Path
) -> None:
    """Half the tile's side, three threads, in a folder where a run was broken off before."""
    finer = simulated.settings.model_copy(
        update={"tile": 500.0, "tiles": TileCount(columns=4, rows=4), "plots": 0}
    )
    simulate_until_truth(finer, tmp_path)
    again = simulate(finer, tmp_path, threads=3)
    assert again.created
    # Without vegetation plots there are no tables of them, and nothing else differs.
    assert not again.plots.exists()
    assert not again.plot_header.exists()
    expected = contents(simulated.folder)
    plots = {"plots/species.csv", "plots/header.csv", "tables/eunis_legend.csv"}
    assert contents(again.folder) == {k: v for k, v in expected.items() if k not in plots}
    first, second = (open_truth(one.folder).open().load() for one in (simulated, again))
    for name in ("presence", "probability", "habitat", "richness", "land"):
        np.testing.assert_array_equal(first[name], second[name])


def test_another_seed_is_another_world(simulated: Simulated) -> None:
    species = pd.read_csv(simulated.species)
    with rasterio.open(simulated.rasters / "predictors" / "elevation.tif") as file:
        assert file.read().std() > 20
    assert species["species"].is_unique
    assert np.isclose(species["appeal"].mean(), 1)
