"""What happens to a finished run whose sources were edited, or only touched."""

import os

import numpy as np
import pytest
from tiny_run import rewrite

from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.stages import STAGES


def progress(recipe, workspace):
    making = Making(recipe, workspace, STAGES)
    states = {stage.name: stage.state(making) for stage in making.wanted}
    return {name: f"{state.progress} {state.why}".strip() for name, state in states.items()}


def raised(values):
    """900 m more on 14 % of the rows, away from the ends of the file."""
    rows = values.shape[1]
    higher = values.copy()
    higher[:, rows // 2 : rows // 2 + round(0.14 * rows)] += 900
    assert 0.1 < np.mean(higher != values) < 0.18
    return higher


def test_an_edit_whose_time_was_put_back_is_seen_by_covariates_models_and_maps(copied, tiny):
    assert set(progress(tiny, copied).values()) == {"done"}
    path = copied.virtual / "rasters/predictors/elevation.tif"
    before = path.stat()
    rewrite(path, raised)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    found = progress(tiny, copied)
    for name in ("covariates", "species", "maps"):
        assert found[name].startswith("stale"), name


def test_touched_sources_leave_all_that_was_made_as_it_is(finished, tiny):
    paths = [path for path in finished.workspace.virtual.rglob("*") if path.is_file()]
    assert any("sentinel2" in path.parts for path in paths)
    times = {path: path.stat() for path in paths}
    try:
        for path in paths:
            os.utime(path, ns=(1, 1))
        assert set(progress(tiny, finished.workspace).values()) == {"done"}
    finally:
        for path, state in times.items():
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


def test_looking_at_a_run_hashes_no_source_again(finished, tiny, monkeypatch: pytest.MonkeyPatch):
    # Another test may have touched them a moment ago.
    monkeypatch.setattr("biomap_xr.run.contents.SETTLED", 0)
    progress(tiny, finished.workspace)

    def refuse(path):
        raise AssertionError(path)

    monkeypatch.setattr("biomap_xr.run.contents.digest_of", refuse)
    assert set(progress(tiny, finished.workspace).values()) == {"done"}
