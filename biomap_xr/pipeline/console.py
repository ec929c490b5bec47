"""What the commands do and say that need no model: `launching` has the run itself."""

import json
import logging
import sys
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from biomap_xr import virtual
from biomap_xr.errors import RecipeError, SetAsideError
from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.stages import STAGES
from biomap_xr.pipeline.workspace import Workspace, identity
from biomap_xr.recipe import Recipe
from biomap_xr.run import claim, identity_of, owner_of
from biomap_xr.virtual import TileCount, VirtualSettings

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


def show_status(recipe: Path, workspace: Path | None, *, as_json: bool = False) -> int:
    """Say how far a run is; return 0 where it is done, 4 where something is missing."""
    loaded, place = opened(recipe, workspace)
    making = Making(loaded, place, STAGES)
    states = {stage.name: stage.state(making) for stage in making.wanted}
    owner, failures = owner_of(place.root), making.failures()
    done = all(state.done for state in states.values()) and not failures
    if as_json:
        said = {
            "recipe": loaded.name,
            "workspace": str(place.root),
            "running": str(owner) if owner else None,
            "done": done,
            "stages": {name: state.as_dict() for name, state in states.items()},
            "set_aside": [failure.model_dump(mode="json") for failure in failures],
        }
        print(json.dumps(said, indent=1))  # noqa: T201 - rich would break long lines
        return 0 if done else SetAsideError.status
    lines = [f"{loaded.name} in {place.root}", f"running: {owner or 'no'}"]
    for name, state in states.items():
        lines += map(str, state.parts)
        if state.progress == "stale":
            lines.append(f"{name}: stale ({state.why}); the next run makes it anew")
        if state.progress == "partial" and all(part.done for part in state.parts):
            lines.append(f"{name}: begun anew and not finished; what is there is a former run's")
        if state.progress == "unknown":
            lines.append(f"{name}: cannot be judged: {state.why}")
    lines += [f"set aside: {each.program} {each.tile}: {each.error}" for each in failures]
    standard_output().print("\n".join(lines), highlight=False, markup=False)
    return 0 if done else SetAsideError.status


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
    made = virtual.simulate(settings, out)
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
