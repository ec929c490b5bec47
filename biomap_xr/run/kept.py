"""The shelf: what was made once is kept with the key of all that it depends on.

A shelf is a place on disk for one thing. Whoever has made the thing under the same key reads it,
everybody else makes it and puts it there, durably and whole (`biomap_xr.durable`).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from biomap_xr.durable import remove
from biomap_xr.run.durable import publish
from biomap_xr.run.folder import read_folder, write_folder

Value = TypeVar("Value")


class Shelf(Protocol[Value]):
    """A place for one thing; `KeptRecord` and `KeptFolder` are two, a room may have its own."""

    @property
    def key(self) -> str:
        """Under which what lies here was made; empty where nothing whole does."""

    def read(self) -> Value:
        """Return what lies here."""

    def write(self, value: Value, key: str) -> None:
        """Put a value here instead of what there was; a reader sees the one or the other."""


def kept(shelf: Shelf[Value], key: str, make: Callable[[], Value]) -> Value:
    """Return what lies on a shelf if it was made under a key; make it and put it there otherwise.

    Args:
        shelf: The place.
        key: Of all that the value depends on (see `fingerprint_of`).
        make: Makes the value; a kill or an error in it leaves the shelf as it was.

    >>> import tempfile
    >>> shelf = KeptRecord(Path(tempfile.mkdtemp()) / "counts.json")
    >>> kept(shelf, "1f", lambda: {"tiles": 4})
    {'tiles': 4}
    >>> kept(shelf, "1f", lambda: {"tiles": 5}), shelf.key
    ({'tiles': 4}, '1f')
    """
    if key and shelf.key == key:
        return shelf.read()
    value = make()
    shelf.write(value, key)
    return value


@dataclass(frozen=True)
class KeptRecord:
    """A file of JSON that holds a few values and, beside them, their key.

    It may also end something larger: arrays are written first, the record that vouches for them
    last, and `forget` comes before they change.
    """

    path: Path
    field: str = "key"
    """Under which the file names the key."""

    @property
    def key(self) -> str:
        """Of the record; empty where there is none, or none that is whole."""
        return str(self._content().get(self.field, ""))

    def read(self) -> dict[str, Any]:
        """Return the values without the key; empty where there is no record."""
        content = self._content()
        content.pop(self.field, None)
        return content

    def write(self, value: Mapping[str, Any], key: str) -> None:
        """Keep values that JSON can say, instead of the former ones.

        Raises:
            ValueError: A value is NaN or infinite, for which JSON has no word.
        """
        publish(self.path, json.dumps({self.field: key, **value}, indent=1, allow_nan=False))

    def forget(self) -> None:
        """Remove the record: from now on what it vouched for counts as not made."""
        self.path.unlink(missing_ok=True)

    def _content(self) -> dict[str, Any]:
        try:
            content = json.loads(self.path.read_bytes())
        except (FileNotFoundError, ValueError):
            # A torn one is made anew, as is one that somebody edited beyond JSON.
            return {}
        return content if isinstance(content, dict) else {}


@dataclass(frozen=True)
class KeptFolder:
    """A folder of files with their checksums, one of which names the key."""

    path: Path
    stamp: str = "fingerprint.json"
    """Name of the file with the key."""

    @property
    def key(self) -> str:
        """Of the folder; empty where there is none, or where it has no key."""
        return KeptRecord(self.path / self.stamp, "fingerprint").key

    def read(self) -> dict[str, bytes]:
        """Return the content of each file by its name, without the key.

        Raises:
            InputError: There is no such folder.
            CorruptError: A file is missing, or is not the one that was written.
        """
        files = read_folder(self.path, (self.stamp,))
        del files[self.stamp]
        return files

    def write(self, value: Mapping[str, bytes], key: str) -> None:
        """Keep files by their names, instead of the former ones.

        Raises:
            ValueError: A file has the name that the key's has.
        """
        if self.stamp in value:
            raise ValueError(f"{self.path}: a file named {self.stamp} would hide the key of all")
        stamp = json.dumps({"fingerprint": key}, sort_keys=True).encode()
        write_folder({**value, self.stamp: stamp}, self.path)

    def forget(self) -> None:
        """Remove the folder, its key first: a part of it is never taken for all."""
        (self.path / self.stamp).unlink(missing_ok=True)
        remove(self.path)
