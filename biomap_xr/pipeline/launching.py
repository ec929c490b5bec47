"""Running or checking a recipe from the command line, and what is said of it."""

import sys
import time
from functools import partial
from os import PathLike
from pathlib import Path

from rich.console import Console

from biomap_xr.cluster import (
    LocalProfile,
    check_machines,
    keep_freed_memory,
    read_profile,
)
from biomap_xr.pipeline.console import log_to, opened, standard_output
from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.problems import Check, Problem, problems_of
from biomap_xr.pipeline.running import Run, run
from biomap_xr.pipeline.stages import STAGES
from biomap_xr.pipeline.workers import Workers
from biomap_xr.run import stopping, watch
from biomap_xr.run.progress import duration
from biomap_xr.virtual.simulate import MANIFEST


def run_recipe(
    recipe: str | PathLike[str],
    cluster: str | PathLike[str] | None = None,
    workspace: str | PathLike[str] | None = None,
    only: str = "",
) -> int:
    """Run a recipe and say what came of it; return the exit status.

    Args:
        recipe: YAML file.
        cluster: Profile of the machines; None: all CPUs of this one.
        workspace: Folder of the run; None: ``runs`` and the recipe's name.
        only: Name of the one stage to make; empty: all.

    Raises:
        BiomapError: The run cannot begin or go on.
    """
    recipe = Path(recipe)
    loaded, place = opened(recipe, Path(workspace) if workspace else None)
    profile = read_profile(Path(cluster)) if cluster else LocalProfile(kind="local")
    check_machines(profile)
    keep_freed_memory()
    start = time.monotonic()
    console = log_to(Console(file=sys.stderr))
    place.make()
    with (
        stopping.listening(limit=stopping.LIMIT),
        watch(place.root, console) as listener,
        Workers(profile) as workers,
    ):
        made = run(loaded, place, workers, listener, only=only)
    _conclude(made, recipe, time.monotonic() - start)
    return made.status


def _conclude(made: Run, recipe: Path, seconds: float) -> None:
    """Say where everything is and what can be done next."""
    screen = standard_output()
    end = "finished" if not made.unmade else "ended, but not whole,"
    screen.print(f"{made.recipe.name}: {end} in {duration(seconds)}", highlight=False)
    for stage in made.stages:
        if made.unmade.get(stage.name, "not whole") != "not whole":
            screen.print(f"{stage.name}: {made.unmade[stage.name]}", highlight=False)
        else:
            for line in stage.said(made.making):
                screen.print(line, highlight=False)
    if made.failed:
        screen.print(f"set aside: {len(made.failed)} tiles", style="bold red", highlight=False)
        for failure in made.failed:
            screen.print(f"  {failure.program} {failure.tile}: {failure.error}", highlight=False)
        screen.print("mend their inputs and run the recipe again", highlight=False)
    screen.print(f"next: biomap report {recipe}", highlight=False)


def check_recipe(recipe: Path, cluster: Path | None, workspace: Path | None = None) -> int:
    """Look at every input of every stage and print all that is wrong; nothing is made.

    Returns:
        0 where nothing is wrong, 2 where the recipe is, 3 where inputs are.
    """
    loaded, place = opened(recipe, workspace)
    screen = standard_output()
    making = Making(loaded, place, STAGES)
    problems = machine_problems(cluster)
    simulated = loaded.simulate is not None and not (place.virtual / MANIFEST).is_file()
    # The inputs of a simulated Europe are there when the run has made them.
    problems += [] if simulated else list(making.problems())
    for problem in problems:
        screen.print(problem.message, highlight=False, markup=False)
    names = ", ".join(stage.name for stage in making.wanted)
    found = (
        f"{len(problems)} problem{'s' if len(problems) > 1 else ''}" if problems else "no problem"
    )
    screen.print(f"{loaded.name}: {found} (stages: {names})", highlight=False, markup=False)
    if simulated and not problems:
        screen.print("its inputs are a simulated Europe, which the run makes", highlight=False)
    return min((problem.status for problem in problems), default=0)


def machine_problems(cluster: Path | None) -> list[Problem]:
    """Return what is wrong with a profile, or with this machine for it."""
    profile = read_profile(cluster) if cluster else LocalProfile(kind="local")
    return problems_of(Check("", partial(check_machines, profile)))
