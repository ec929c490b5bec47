"""A program that writes one small file a tile, misbehaves on demand, and counts its calls."""

import hashlib
import os
import signal
import sys
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import cloudpickle
import numpy as np

from biomap_xr.cluster import LocalProfile, SerialSession, open_session
from biomap_xr.cubes import Shard
from biomap_xr.grid import Grid, GridSettings, Tile
from biomap_xr.grid.settings import Extent
from biomap_xr.run import FillSettings, Ledger, Outcome, Summary, WorkspaceLock, fill, stopping

# Workers cannot import this file: it travels with the program.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def toy_tiles(rows: int = 3, columns: int = 3) -> list[Tile]:
    extent = Extent(x_min=4e6, y_min=2.8e6, x_max=4e6 + columns * 25e3, y_max=2.8e6 + rows * 25e3)
    return list(Grid.from_settings(GridSettings(resolution=5000, extent=extent)).tiles())


@dataclass(frozen=True)
class Toy:
    root: Path
    fingerprint: str = "1"
    name: str = "toy"
    mischief: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def __call__(self, tile: Tile) -> Outcome:
        with (self.root / "calls.txt").open("a") as file:
            file.write(f"{tile.name} {os.getpid()}\n")
        time.sleep(self.seconds)
        self.misbehave(tile.name)
        return Outcome((self.write(tile),), {"mean": float(tile.row), "empty": float("nan")})

    def write(self, tile: Tile) -> Shard:
        seed = int(hashlib.sha256(f"{tile.name}{self.fingerprint}".encode()).hexdigest()[:8], 16)
        content = np.random.default_rng(seed).bytes(1000)
        path = self.root / "shards" / f"{tile.name}.raw"
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_bytes(content)
        temporary.replace(path)
        relative = path.relative_to(self.root).as_posix()
        return Shard(relative, len(content), hashlib.sha256(content).hexdigest())

    def misbehave(self, tile: str) -> None:
        first = self.calls().count(tile) == 1
        match self.mischief.get(tile):
            case "poison":
                os._exit(3)
            case "poison once" if first:
                os.kill(os.getpid(), signal.SIGKILL)
            case "raise":
                raise ValueError(f"no luck with {tile}")
            case "raise once" if first:
                raise ValueError(f"no luck with {tile}")
            case "hang once" if first:
                time.sleep(600)
            case "stopped":
                signal.raise_signal(signal.SIGTERM)
                stopping.check()
            case "full disk":
                raise OSError(28, "No space left on device", str(self.root))

    def calls(self) -> list[str]:
        path = self.root / "calls.txt"
        return [line.split()[0] for line in path.read_text().splitlines()] if path.exists() else []


def run_toy(toy: Toy, session=None, *, tiles=None, **options) -> Summary:
    listener = {"listener": options.pop("listener")} if "listener" in options else {}
    options = {"patience": 20.0, **options}
    return fill(
        toy,
        tiles or toy_tiles(),
        Ledger(toy.root / "receipts" / toy.name),
        session or SerialSession(),
        root=toy.root,
        settings=FillSettings(**options),
        **listener,
    )


def state_of(root: Path) -> dict[str, object]:
    """Return what two runs must agree on: the shards' bytes and what the receipts say of them."""
    shards = {path.name: path.read_bytes() for path in (root / "shards").glob("*.raw")}
    receipts = {
        receipt.tile: receipt.model_dump_json(exclude={"seconds", "attempt"})
        for receipt in Ledger(root / "receipts" / "toy").receipts()
    }
    return {"shards": shards, "receipts": receipts}


def hold(workspace: Path, ready: Connection) -> None:
    """Own a workspace until killed."""
    with WorkspaceLock(workspace):
        ready.send(os.getpid())
        signal.pause()


def drive(root: Path, environment: dict[str, str], seconds: float = 0.0) -> None:
    """Be the driver of a serial run in a process of its own, which a test may kill."""
    os.environ.update(environment)
    with WorkspaceLock(root):
        summary = run_toy(Toy(root, seconds=seconds))
    raise SystemExit(summary.status)


def drive_cluster(root: Path, seconds: float) -> None:
    """Be the driver of a run on a worker process."""
    profile = LocalProfile(kind="local", processes=1, memory_limit="1GiB", dashboard=None)
    with stopping.listening(), WorkspaceLock(root), open_session(profile) as session:
        summary = run_toy(Toy(root, seconds=seconds), session)
    raise SystemExit(summary.status)


def drive_deaf(root: Path) -> None:
    """Be the driver of a serial run whose first tile stays in compiled code for minutes."""

    class Deaf(Toy):
        def misbehave(self, tile: str) -> None:
            # Only between two calls of it would Python run a handler.
            hashlib.pbkdf2_hmac("sha256", b"deaf", b"", 10**9)

    with stopping.listening(limit=2.0):
        run_toy(Deaf(root))
