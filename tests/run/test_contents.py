import hashlib
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.run import contents as module
from biomap_xr.run.contents import Contents


@pytest.fixture
def store(tmp_path: Path) -> Contents:
    return Contents(tmp_path / ".contents.sqlite")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "raster.tif"
    path.write_bytes(bytes(range(256)) * 4096)
    return path


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were hashed, one entry a time."""
    seen: list[str] = []
    digest_of = module.digest_of

    def watched(path: Path) -> str:
        seen.append(path.name)
        return digest_of(path)

    monkeypatch.setattr(module, "digest_of", watched)
    monkeypatch.setattr(module, "SETTLED", 0)
    return seen


def edit(path: Path, place: int) -> None:
    """Change one byte and put the time back."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def test_the_name_is_the_hash_of_the_whole_content(store: Contents, file: Path) -> None:
    assert store.name(file) == hashlib.sha256(file.read_bytes()).hexdigest()
    assert Contents().name(file) == store.name(file)


def test_a_file_is_hashed_once(store: Contents, file: Path, hashed: list[str]) -> None:
    names = store.names([file, file])
    assert store.names([file]) == names[:1] == names[1:]
    assert hashed == ["raster.tif"]


def test_a_touched_file_keeps_its_name_and_is_hashed_once_more(
    store: Contents, file: Path, hashed: list[str]
) -> None:
    name = store.name(file)
    os.utime(file, ns=(1, 1))
    file.chmod(0o600)
    assert [store.name(file), store.name(file)] == [name, name]
    assert len(hashed) == 2


@pytest.mark.parametrize("place", [0, 1, 300_001, 777_777, 256 * 4096 - 1])
def test_an_edit_anywhere_is_seen_also_where_its_time_was_put_back(
    store: Contents, file: Path, place: int
) -> None:
    name = store.name(file)
    edit(file, place)
    assert store.name(file) != name
    edit(file, place)
    assert store.name(file) == name


def test_an_edit_that_follows_at_once_is_seen_even_if_no_time_moved(
    store: Contents, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = module.State.of(str(file))
    monkeypatch.setattr(module.State, "of", classmethod(lambda cls, path: state))
    name = store.name(file)
    edit(file, 5)
    assert store.name(file) != name


def test_a_file_that_takes_the_place_of_another_is_seen(
    store: Contents, file: Path, hashed: list[str]
) -> None:
    name = store.name(file)
    before = file.stat()
    other = file.with_name("other")
    other.write_bytes(b"x" * before.st_size)
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)
    assert store.name(file) != name


def test_equal_content_has_one_name_wherever_it_lies(store: Contents, file: Path) -> None:
    copy = file.with_name("copy")
    copy.write_bytes(file.read_bytes())
    assert store.name(copy) == store.name(file)


class TestLater:
    """Scenes: too many to be read before the work."""

    @pytest.fixture(autouse=True)
    def many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "AT_ONCE", 0)

    def test_no_file_is_read_until_a_task_does(
        self, store: Contents, file: Path, hashed: list[str]
    ) -> None:
        name = store.names([file], later=True)
        assert hashed == []
        store.learn([file])
        store.learn([file])
        assert hashed == ["raster.tif"]
        assert store.names([file], later=True) == name

    def test_what_was_hashed_may_be_touched(self, store: Contents, file: Path) -> None:
        name = store.names([file], later=True)
        store.learn([file])
        os.utime(file, ns=(1, 1))
        assert store.names([file], later=True) == name

    @pytest.mark.parametrize("learnt", [True, False])
    def test_an_edit_is_seen(self, store: Contents, file: Path, *, learnt: bool) -> None:
        name = store.names([file], later=True)
        if learnt:
            store.learn([file])
        edit(file, 300_001)
        changed = store.names([file], later=True)
        assert changed != name
        assert store.names([file], later=True) == changed

    def test_an_edit_between_name_and_task_is_not_taken_for_what_was_named(
        self, store: Contents, file: Path
    ) -> None:
        name = store.names([file], later=True)
        edit(file, 300_001)
        store.learn([file])
        assert store.names([file], later=True) != name

    def test_few_are_read_at_once(
        self, store: Contents, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "AT_ONCE", file.stat().st_size)
        assert store.names([file], later=True) == [Contents().name(file)]

    def test_the_stand_in_is_of_the_file_and_not_of_its_place(
        self, store: Contents, file: Path
    ) -> None:
        copy = file.with_name("copy")
        copy.write_bytes(file.read_bytes())
        time = file.stat().st_mtime_ns
        os.utime(copy, ns=(time, time))
        one, other = store.names([file, copy], later=True)
        assert one == other

    def test_whoever_needs_the_content_gets_it_under_the_first_name(
        self, store: Contents, file: Path, hashed: list[str]
    ) -> None:
        name = store.names([file], later=True)
        assert store.names([file]) == name
        assert hashed == ["raster.tif"]


def test_many_processes_may_write_down_what_they_hashed(store: Contents, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.tif" for number in range(40)]
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]) * 1000)
    threads = [
        threading.Thread(target=store.names, args=(files[start : start + 20],))
        for start in range(0, 21, 5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    assert store.names(files) == expected


def test_a_missing_file_is_named(store: Contents, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.tif cannot be read: No such file"):
        store.name(tmp_path / "gone.tif")


def test_a_file_that_grows_while_it_is_read_is_refused(
    store: Contents, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest_of = module.digest_of

    def growing(path: Path) -> str:
        with path.open("ab") as more:
            more.write(b"more")
        return digest_of(path)

    monkeypatch.setattr(module, "digest_of", growing)
    with pytest.raises(InputError, match="changes while it is read"):
        store.name(file)


def test_hashes_that_cannot_be_read_are_named(store: Contents, file: Path) -> None:
    store.file.write_bytes(b"no database, but longer than a hundred bytes" * 5)
    with pytest.raises(CorruptError, match="remove it"):
        store.name(file)


def test_where_nothing_can_be_written_files_are_hashed_each_time(file: Path) -> None:
    nowhere = Contents(file.parent / "missing" / ".contents.sqlite")
    assert nowhere.name(file) == Contents().name(file)
    assert not nowhere.file.parent.exists()


def test_a_store_without_its_table_is_begun(store: Contents, file: Path) -> None:
    sqlite3.connect(store.file).close()
    assert store.name(file) == Contents().name(file)
