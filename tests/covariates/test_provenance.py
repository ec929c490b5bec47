import os
import shutil

import pytest

from biomap_xr.covariates.provenance import content_of, files_of
from biomap_xr.errors import InputError
from biomap_xr.run.contents import Contents


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


def test_content_follows_settings(region, factory):
    settings = factory.all_settings(region.root)
    mean = factory.all_settings(region.root, sentinel2={"composite": "mean"})
    assert content_of(settings, "sentinel2") != content_of(mean, "sentinel2")


def test_an_edit_anywhere_in_a_raster_is_seen_with_its_time_put_back(region, factory, tmp_path):
    shutil.copytree(region.root, tmp_path / "copy")
    settings = factory.all_settings(tmp_path / "copy")
    contents = Contents(tmp_path / ".contents.sqlite")
    for group in ("landsat", "climate", "predictors", "masks"):
        before = content_of(settings, group, contents)
        path = files_of(settings, group)[-1]
        state = path.stat()
        content = bytearray(path.read_bytes())
        content[len(content) * 3 // 7] ^= 1
        path.write_bytes(content)
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
        assert content_of(settings, group, contents) != before, group


class TestScenes:
    """They may be too many to be read before the work."""

    @pytest.fixture(autouse=True)
    def many(self, monkeypatch):
        monkeypatch.setattr("biomap_xr.run.contents.AT_ONCE", 0)

    def test_none_is_read_to_be_named(self, region, factory, tmp_path, monkeypatch):
        def refuse(path):
            raise AssertionError(path)

        monkeypatch.setattr("biomap_xr.run.contents.digest_of", refuse)
        settings = factory.all_settings(region.root)
        contents = Contents(tmp_path / ".contents.sqlite")
        name = content_of(settings, "sentinel2", contents)
        assert content_of(settings, "sentinel2", contents) == name

    def test_those_that_a_tile_has_read_may_be_touched(self, region, factory, tmp_path):
        shutil.copytree(region.root, tmp_path / "copy")
        settings = factory.all_settings(tmp_path / "copy")
        contents = Contents(tmp_path / ".contents.sqlite")
        before = content_of(settings, "sentinel2", contents)
        contents.learn(files_of(settings, "sentinel2"))
        for path in files_of(settings, "sentinel2"):
            os.utime(path, ns=(1, 1))
        assert content_of(settings, "sentinel2", contents) == before

    def test_an_edit_is_seen_before_and_after_a_tile_has_read_them(self, region, factory, tmp_path):
        shutil.copytree(region.root, tmp_path / "copy")
        settings = factory.all_settings(tmp_path / "copy")
        contents = Contents(tmp_path / ".contents.sqlite")
        path = files_of(settings, "sentinel2")[0]
        seen = {content_of(settings, "sentinel2", contents)}
        for _ in range(2):
            state = path.stat()
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
            os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
            seen.add(content_of(settings, "sentinel2", contents))
            contents.learn([path])
        assert len(seen) == 3


def test_a_missing_file_is_named(region, factory):
    settings = factory.all_settings(region.root, masks={"land": {"path": "nowhere.gpkg"}})
    with pytest.raises(InputError, match=r"nowhere.gpkg"):
        content_of(settings, "masks")
