import os
import shutil

import pytest

from biomap_xr.covariates.provenance import (
    SAMPLE_BYTES,
    SAMPLES,
    content_of,
    files_of,
    sampled_digest,
    versions_of,
)
from biomap_xr.errors import InputError


def test_files_of_every_group(region, factory):
    settings = factory.all_settings(region.root)
    counts = {
        group: len(files_of(settings, group))
        for group in ("sentinel2", "landsat", "climate", "predictors", "masks")
    }
    assert counts == {"sentinel2": 6, "landsat": 12, "climate": 12, "predictors": 2, "masks": 3}


def test_content_does_not_depend_on_the_place_or_time_of_files(region, factory, tmp_path):
    settings = factory.all_settings(region.root)
    shutil.copytree(region.root, tmp_path / "copy")
    moved = factory.all_settings(tmp_path / "copy")
    path = files_of(moved, "predictors")[0]
    os.utime(path, ns=(1, 1))
    assert content_of(moved, "predictors") == content_of(settings, "predictors")
    assert versions_of(moved, "predictors")[0] == 1


def test_content_follows_settings(region, factory):
    settings = factory.all_settings(region.root)
    mean = factory.all_settings(region.root, sentinel2={"composite": "mean"})
    assert content_of(settings, "sentinel2") != content_of(mean, "sentinel2")


def test_a_short_file_is_known_by_all_of_it_and_a_long_one_by_samples(tmp_path):
    path = tmp_path / "file"
    for size in (0, 10, SAMPLES * SAMPLE_BYTES, 50 * SAMPLE_BYTES):
        path.write_bytes(bytes(size))
        empty = sampled_digest(path)
        for place in {0, size // 2, size - 1} if 0 < size <= SAMPLES * SAMPLE_BYTES else {size - 1}:
            if size:
                path.write_bytes(bytes(place) + b"x" + bytes(size - place - 1))
                assert sampled_digest(path) != empty


def test_a_missing_file_is_named(region, factory):
    settings = factory.all_settings(region.root, masks={"land": {"path": "nowhere.gpkg"}})
    with pytest.raises(InputError, match=r"nowhere.gpkg"):
        content_of(settings, "masks")
