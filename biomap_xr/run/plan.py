"""What a run set out to do, written down before the first task."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from biomap_xr.grid.cells import Tile
from biomap_xr.run.durable import publish
from biomap_xr.run.receipts import Ledger
from biomap_xr.run.task import Item, Program, key_of


@dataclass(frozen=True)
class Plan:
    """The tasks of one program as the latest run meant them."""

    tiles: int
    fingerprint: str
    """Of the program; receipts of another one are out of date."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Of each task that is no tile, by its name: a receipt of another name or key counts not."""

    @classmethod
    def of(cls, program: Program[Item], items: Iterable[Item]) -> Self:
        """Plan a program over items."""
        wanted = tuple(items)
        keys = {item.name: key_of(item) for item in wanted if not isinstance(item, Tile)}
        return cls(len(wanted), program.fingerprint, keys)

    def finished(self, ledger: Ledger) -> int:
        """Count the tasks that have a receipt of the program as it is planned."""
        return sum(
            each.fingerprint == self.fingerprint
            and (not self.keys or self.keys.get(each.tile) == each.key)
            for each in ledger.receipts()
        )

    def write(self, path: Path) -> None:
        """Keep the plan; one that is there already is left alone."""
        if self.read(path) != self:
            content: dict[str, Any] = asdict(self)
            if not self.keys:
                del content["keys"]
            publish(path, json.dumps(content))

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return the plan of a file, None where there is none that can be read."""
        try:
            return cls(**json.loads(path.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None
