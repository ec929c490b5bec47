"""What the commands do and say."""

import logging
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from biomap_xr.cluster import (
    LocalProfile,
    Profile,
    check_machines,
    keep_freed_memory,
    read_profile,
)
from biomap_xr.errors import RecipeError
from biomap_xr.pipeline.observing import identity
from biomap_xr.pipeline.running import Run, run
from biomap_xr.pipeline.status import progress_of
from biomap_xr.pipeline.summing import MapSums
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe
from biomap_xr.run import claim, identity_of, watch
from biomap_xr.run.progress import duration
from biomap_xr.virtual import TileCount, VirtualSettings, simulate

RUNS = Path("runs")


def run_recipe(recipe: Path, cluster: Path | None, workspace: Path | None) -> int:
    """Run a recipe and say what came of it; return the exit status.

    Raises:
        BiomapError: The run cannot begin or go on.
    """
    loaded, place = opened(recipe, workspace)
    profile = read_profile(cluster) if cluster else LocalProfile(kind="local")
    check_machines(profile)
    place.make()
    keep_freed_memory()
    start = time.monotonic()
    console = log_to(Console(file=sys.stderr))
    with watch(place.root, console) as listener, Workers(profile) as workers:
        made = run(loaded, place, workers, listener)
    _conclude(made, profile, recipe, time.monotonic() - start)
    return made.status


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


def _conclude(made: Run, profile: Profile, recipe: Path, seconds: float) -> None:
    """Say where everything is and what can be done next."""
    screen, place = standard_output(), made.workspace
    screen.print(f"{made.recipe.name}: finished in {duration(seconds)}", highlight=False)
    if made.model is not None:
        species = len(made.model.card.species_id)
        screen.print(f"model: {place.models / 'species'} ({species} species)", highlight=False)
    if made.habitats is not None:
        folder, codes = (
            place.models / "habitats" / "by_species" / "model",
            made.habitats.card.habitats,
        )
        screen.print(f"habitat model: {folder} ({len(codes)} habitats)", highlight=False)
    if made.maps is not None:
        sums = MapSums.of(place)
        _show_maps(screen, made, sums)
    _show_environment(screen, made)
    screen.print(f"next: biomap report {recipe}", highlight=False)


def _show_environment(screen: Console, made: Run) -> None:
    """Say where habitats from the environment are, and what was published."""
    place = made.workspace
    if made.formations:
        folder = place.models / "habitats" / "by_environment"
        names = ", ".join(model.formation for model in made.formations)
        screen.print(f"ensembles: {folder} ({names})", highlight=False)
    if made.environment is not None:
        screen.print(f"habitats: {place.habitats} (by_environment)", highlight=False)
        for failure in (
            *made.environment.environment.failed,
            *made.environment.wall_to_wall.failed,
        ):
            screen.print(f"set aside: {failure.tile}: {failure.error}", highlight=False)
    if made.products is not None:
        count, size = len(made.products.products), made.products.size / 1e6
        screen.print(
            f"products: {made.products.folder} ({count} files, {size:.1f} MB)", highlight=False
        )


def _show_maps(screen: Console, made: Run, sums: MapSums) -> None:
    place, maps = made.workspace, made.maps
    if made.recipe.maps.species_cube:
        screen.print(f"species: {place.species}", highlight=False)
    screen.print(f"indicators: {place.indicators}", highlight=False)
    if made.habitats is not None:
        screen.print(f"habitats: {place.habitats} (by_species)", highlight=False)
    screen.print(
        f"map: {sums.tiles} tiles, {sums.cells:,} cells, {sums.moved:,} moved to the nearest "
        f"land; {sums.lost:.2%} of the expected richness lost to the storage floor and rounding",
        highlight=False,
    )
    if maps is not None and maps.failed:
        screen.print(f"set aside: {len(maps.failed)} tiles", style="bold red", highlight=False)
        for failure in maps.failed:
            screen.print(f"  {failure.tile}: {failure.error}", highlight=False)
        screen.print("mend their inputs and run the recipe again", highlight=False)
    screen.print(
        f"in Python: xarray.open_zarr('{place.indicators}')",
        highlight=False,
    )
