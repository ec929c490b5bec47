"""What the commands do and say that need no model: `launching` has the run itself."""

import logging
import sys
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from biomap_xr.errors import RecipeError
from biomap_xr.pipeline.status import progress_of
from biomap_xr.pipeline.workspace import Workspace, identity
from biomap_xr.recipe import Recipe
from biomap_xr.run import claim, identity_of
from biomap_xr.virtual import TileCount, VirtualSettings, simulate

RUNS = Path("runs")


def log_to(console: Console) -> Console:
    """Send our own log lines to a console: above the live display, or as plain text elsewhere."""
    handler: logging.Handler = logging.StreamHandler(console.file)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    if console.is_terminal:
        handler = RichHandler(console=console, show_path=False, show_level=False)
    # Other libraries speak up only when something is wrong.
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("biomap_xr").setLevel(logging.INFO)
    return console


def show_status(recipe: Path, workspace: Path | None) -> int:
    """Say how far a run is; return 0 where it is done, 4 where something is missing."""
    loaded, place = opened(recipe, workspace)
    found = progress_of(loaded, place)
    screen = standard_output()
    screen.print(f"{loaded.name} in {place.root}", highlight=False)
    for line in found.lines():
        screen.print(line, highlight=False)
    return found.status


def simulate_europe(out: Path, seed: int, tiles: str) -> int:
    """Write a simulated Europe of ``tiles`` (columns x rows).

    Raises:
        RecipeError: The tiles are not two numbers with an x between them.
    """
    columns, cross, rows = tiles.partition("x")
    if not (cross and columns.isdigit() and rows.isdigit() and int(columns) and int(rows)):
        raise RecipeError(f"--tiles {tiles!r} is no size; expected columns x rows, such as 2x2")
    log_to(Console(file=sys.stderr))
    settings = VirtualSettings(seed=seed, tiles=TileCount(columns=int(columns), rows=int(rows)))
    made = simulate(settings, out)
    verb = "written to" if made.created else "was there already, in"
    skill = ", ".join(f"{name} {auc:.3f}" for name, auc in made.skill.items())
    standard_output().print(
        f"simulated Europe {verb} {out}\ntruth: {made.truth}\nbest possible AUC: {skill}",
        highlight=False,
    )
    return 0


def opened(recipe: Path, workspace: Path | None) -> tuple[Recipe, Workspace]:
    """Read a recipe and find its workspace, which must be its own where there is one.

    Raises:
        BiomapError: The recipe cannot be read, or the workspace is another's.
    """
    loaded = Recipe.load(recipe)
    place = Workspace((workspace or RUNS / loaded.name).resolve())
    place.check()
    if identity_of(place.root) is not None:
        claim(place.root, identity(loaded))
    return loaded, place


def standard_output() -> Console:
    """Return a console on standard output that breaks no paths."""
    return Console(file=sys.stdout, soft_wrap=True)
