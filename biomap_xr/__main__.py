"""The command line: ``biomap run|check|status|report|simulate``."""

import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from biomap_xr.errors import BiomapError, StoppedError

app = typer.Typer(
    name="biomap",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help=(
        "Biodiversity maps of a continent: species, indicators with their uncertainty.\n\n"
        "Start with: biomap run recipes/demo.yaml"
    ),
    epilog=(
        "Exit status: 0 done, 2 bad recipe or arguments, 3 bad inputs, "
        "4 finished but for tiles set aside or stopped on the way, 5 stored bytes are corrupt."
    ),
)

RecipePath = Annotated[
    Path, typer.Argument(metavar="RECIPE", help="YAML file that says what is made of what.")
]
ClusterPath = Annotated[
    Path | None,
    typer.Option(
        "--cluster",
        metavar="PROFILE",
        help="YAML file that says what the machines are.",
        show_default="all CPUs of this machine, as cluster/local.yaml",
    ),
]
WorkspacePath = Annotated[
    Path | None,
    typer.Option("--workspace", metavar="DIR", help="Folder of the run.", show_default="runs/NAME"),
]


def _say_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"biomap_xr {version('biomap-xr')}")
        raise typer.Exit


@app.callback()
def root(
    *,
    show: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda value: _say_version(wanted=value),
            is_eager=True,
            help="Say the version and leave.",
        ),
    ] = False,
) -> None:
    """Options of every command."""


@app.command()
def run(
    recipe: RecipePath,
    cluster: ClusterPath = None,
    workspace: WorkspacePath = None,
    only: Annotated[
        str,
        typer.Option(
            "--only",
            metavar="STAGE",
            help="Make one stage alone; those that it reads must be done.",
            show_default="all stages",
        ),
    ] = "",
) -> None:
    """Run a recipe, or go on where it stopped.

    Everything that a killed or stopped run finished is kept; only what is missing or depends on a
    change is made again.
    """
    from biomap_xr.pipeline.launching import run_recipe

    raise typer.Exit(run_recipe(recipe, cluster, workspace, only))


@app.command()
def check(recipe: RecipePath, cluster: ClusterPath = None, workspace: WorkspacePath = None) -> None:
    """Look at every input of every stage and print all problems; nothing is made.

    Exit status 0 if there is none, 2 if the recipe is wrong, 3 if inputs are.
    """
    from biomap_xr.pipeline.launching import check_recipe

    raise typer.Exit(check_recipe(recipe, cluster, workspace))


@app.command()
def status(
    recipe: RecipePath,
    workspace: WorkspacePath = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Say it as JSON, for other programs.")
    ] = False,
) -> None:
    """Say how far a run is, and what was set aside; exit status 0 if done, 4 if not."""
    from biomap_xr.pipeline.console import show_status

    raise typer.Exit(show_status(recipe, workspace, as_json=as_json))


@app.command()
def report(recipe: RecipePath, workspace: WorkspacePath = None) -> None:
    """Write one HTML page with maps, scores and statistics of a finished run."""
    from biomap_xr.pipeline.console import opened
    from biomap_xr.pipeline.reporting import make_report

    loaded, place = opened(recipe, workspace)
    made = make_report(loaded, place)
    for words in made.unfinished:
        typer.echo(words)
    typer.echo(f"report: {made.page}\nfigures: {place.report / 'metrics.json'}")


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write to.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same files.")] = 0,
    tiles: Annotated[
        str, typer.Option(metavar="WxH", help="Tiles of 25 km from west to east x north to south.")
    ] = "2x2",
) -> None:
    """Write a simulated Europe in the real file formats, with its truth."""
    from biomap_xr.pipeline.console import simulate_europe

    raise typer.Exit(simulate_europe(out, seed, tiles))


def main() -> None:
    """Run the command line and leave with the documented exit status."""
    try:
        app()
    except BiomapError as error:
        sys.stderr.write(f"biomap: {error}\n")
        if isinstance(error, StoppedError):
            # Threads may still compute for what is not wanted any more; the interpreter would wait.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(error.status)
        sys.exit(error.status)


if __name__ == "__main__":
    main()
