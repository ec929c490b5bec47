"""Which files a run has published, and from what; looked at without loading a model."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from biomap_xr.habitats.cube import WALL_TO_WALL
from biomap_xr.pipeline.records import HABITATS
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.products.product import Product
from biomap_xr.run import fingerprint_of
from biomap_xr.run.durable import publish
from biomap_xr.run.folder import CHECKSUMS
from biomap_xr.run.plan import Plan

if TYPE_CHECKING:
    from pydantic import JsonValue

logger = logging.getLogger(__name__)

KERNEL = 1
"""Raised when the same maps give other files."""
RECORD = "products.json"
MAPS, ENVIRONMENT = "maps", "environment"
PROGRAMS = (MAPS, ENVIRONMENT, WALL_TO_WALL)


@dataclass(frozen=True)
class ProductRecord:
    """What is known of a run's files."""

    fingerprint: str = ""
    """Of all that the files depend on; empty where they are not all written."""
    products: tuple[Product, ...] = ()
    """Those that were written last, by path."""
    begun: tuple[str, ...] = ()
    """Paths of those, and of former ones, that may be there while they are not all written."""

    @classmethod
    def read(cls, workspace: Workspace) -> Self:
        """Read the record of a workspace; an empty one where there is none."""
        try:
            found = json.loads(_place(workspace).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return cls()
        products = (Product(path, int(size), digest) for path, size, digest in found["products"])
        return cls(
            found["fingerprint"],
            tuple(products),
            tuple(found.get("begun", ())),
        )

    def write(self, workspace: Workspace) -> None:
        """Keep the record instead of the former one."""
        content: dict[str, JsonValue] = {
            "fingerprint": self.fingerprint,
            "products": [[each.path, each.size, each.sha256] for each in self.products],
            "begun": list(self.begun),
        }
        publish(_place(workspace), json.dumps(content, indent=1))

    @property
    def paths(self) -> frozenset[str]:
        """All files that a run may have written."""
        return frozenset({*self.begun, *(each.path for each in self.products)})

    def intact(self, folder: Path) -> bool:
        """Say whether all files are there, by their sizes."""
        sizes = ((folder / each.path, each.size) for each in self.products)
        return all(path.is_file() and path.stat().st_size == size for path, size in sizes)

    def begin(self, workspace: Workspace, paths: Iterable[str]) -> None:
        """Note which files are about to be written, and remove former ones that are not.

        A run that is killed from here on leaves no file that its record does not name.

        Args:
            workspace: Of the run.
            paths: Of the files, relative to the folder of products.
        """
        wanted = frozenset(paths)
        ProductRecord(begun=tuple(sorted(self.paths | wanted))).write(workspace)
        removed = remove(workspace.products, sorted(self.paths - wanted))
        if removed:
            logger.info("products: %d files of former maps are removed", removed)

    def end(self, workspace: Workspace, products: tuple[Product, ...]) -> None:
        """Note that these files are all that there is to write."""
        replace(self, products=products, begun=()).write(workspace)


def remove(folder: Path, paths: Iterable[str]) -> int:
    """Remove files below a folder, and folders that are empty then; return how many were there."""
    there = [folder / path for path in paths if (folder / path).is_file()]
    for path in there:
        path.unlink()
        if path.parent != folder and not any(path.parent.iterdir()):
            path.parent.rmdir()
    return len(there)


def withdraw(workspace: Workspace) -> None:
    """Remove all files that runs have published here, and the record of them."""
    record = ProductRecord.read(workspace)
    if not record.paths:
        return
    removed = remove(workspace.products, [*sorted(record.paths), CHECKSUMS])
    _place(workspace).unlink(missing_ok=True)
    if workspace.products.is_dir() and not any(workspace.products.iterdir()):
        workspace.products.rmdir()
    logger.info("products: the recipe asks for none, %d files are removed", removed)


def maps_of(workspace: Workspace) -> "JsonValue":
    """Name what files can be made of: the plan of each program, and its finished tiles."""
    return {name: state_of(workspace, name) for name in PROGRAMS}


def _place(workspace: Workspace) -> Path:
    return workspace.models / HABITATS / RECORD


def state_of(workspace: Workspace, program: str) -> "JsonValue":
    """Name what a program has made: its latest plan, and the tiles that are finished by it."""
    plan = Plan.read(workspace.plan(program))
    if plan is None:
        return None
    receipts = workspace.ledger(program).receipts()
    done = sorted(each.tile for each in receipts if each.fingerprint == plan.fingerprint)
    return [plan.fingerprint, fingerprint_of({"tiles": list(done)})]
