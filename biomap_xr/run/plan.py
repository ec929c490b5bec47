"""What a run set out to fill, written down before the first tile."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from biomap_xr.run.durable import publish


@dataclass(frozen=True)
class Plan:
    """The tiles of one program as the latest run meant them."""

    tiles: int
    fingerprint: str
    """Of the program; receipts of another one are out of date."""

    def write(self, path: Path) -> None:
        """Keep the plan; one that is there already is left alone."""
        if self.read(path) != self:
            publish(path, json.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the plan of a file, None where there is none that can be read."""
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
