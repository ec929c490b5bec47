"""Small files of a run, written so that a kill at any point leaves them whole."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from biomap_xr.durable import publishing
from biomap_xr.run.failpoints import reach


class Record(BaseModel):
    """Content of a small file; not-a-number is kept, since a tile of open sea has no mean."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")


def publish(path: Path, content: str | bytes) -> None:
    """Write a file as `publishing` does.

    Args:
        path: Final name; its folder is made where it is missing.
        content: All of it; text is written as UTF-8.
    """
    with publishing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        reach("unpublished")
    reach("published")
