"""Running a recipe from the command line: what is said before, meanwhile and in the end."""

import sys
import time
from pathlib import Path

from rich.console import Console

from biomap_xr.cluster import (
    LocalProfile,
    Profile,
    check_machines,
    keep_freed_memory,
    read_profile,
)
from biomap_xr.pipeline.console import log_to, opened, standard_output
from biomap_xr.pipeline.running import Run, run
from biomap_xr.pipeline.summing import MapSums
from biomap_xr.pipeline.workers import Workers
from biomap_xr.run import stopping, watch
from biomap_xr.run.progress import duration


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
    with (
        stopping.listening(limit=stopping.LIMIT),
        watch(place.root, console) as listener,
        Workers(profile) as workers,
    ):
        made = run(loaded, place, workers, listener)
    _conclude(made, profile, recipe, time.monotonic() - start)
    return made.status


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
