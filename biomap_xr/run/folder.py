"""Folders of files with checksums that are there completely or not at all: artefacts of training.

``sha256sum --check SHA256SUMS`` inside such a folder verifies it from a shell, too.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from biomap_xr.durable import publishing, sweep
from biomap_xr.errors import CorruptError, InputError

CHECKSUMS = "SHA256SUMS"


def write_folder(files: Mapping[str, bytes], folder: Path) -> None:
    """Write a folder of files and their checksums beside its place, then rename it.

    Args:
        files: Content of each file by its name; names with ``/`` make folders inside.
        folder: Final place, which has no other writer; what was there before is removed last.
    """
    sums = (f"{digest(content)}  {name}\n" for name, content in files.items())
    sweep(folder.parent, folder.name)
    with publishing(folder) as partial:
        for name, content in {**files, CHECKSUMS: "".join(sums).encode()}.items():
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            (partial / name).write_bytes(content)


def read_folder(folder: Path, required: Sequence[str] = ()) -> dict[str, bytes]:
    """Read a folder that `write_folder` wrote, every file compared with its checksum.

    Args:
        folder: To be read.
        required: Names of files without which it is worth nothing.

    Returns:
        Content of each file by its name, without the list of checksums.

    Raises:
        InputError: There is no such folder.
        CorruptError: A file is missing or is not the one that was written.
    """
    if not folder.is_dir():
        raise InputError(
            f"{folder} is no folder, expected that of a saved model; train one or give its path"
        )
    sums = _bytes(folder / CHECKSUMS).decode("utf-8", "replace")
    lines = (line.split("  ", 1) for line in sums.splitlines())
    expected = {line[1]: line[0] for line in lines if len(line) == 2}
    expected |= {name: "a file of this name" for name in required if name not in expected}
    return {name: _checked(folder / name, wanted) for name, wanted in expected.items()}


def complete(folder: Path) -> bool:
    """Say whether a folder that `write_folder` wrote has all its files, whatever is in them."""
    try:
        sums = (folder / CHECKSUMS).read_text()
    except (OSError, UnicodeDecodeError):
        return False
    names = (line.partition("  ")[2] for line in sums.splitlines())
    return all((folder / name).is_file() for name in names)


def digest(content: bytes) -> str:
    """Return the SHA-256 of bytes in hexadecimal.

    >>> digest(b"")[:8]
    'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()


def _checked(path: Path, wanted: str) -> bytes:
    content = _bytes(path)
    if digest(content) != wanted:
        raise CorruptError(
            f"{path}: {len(content)} bytes with SHA-256 {digest(content)}, {CHECKSUMS} expects "
            f"{wanted}; restore the file or train again"
        )
    return content


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise CorruptError(
            f"{path} is missing, expected it beside the model's other files; restore it or train "
            "again"
        ) from error
