"""From a run to its report: each stage adds what it found; no model is loaded."""

from dataclasses import dataclass, replace
from pathlib import Path

from biomap_xr.errors import InputError
from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.stages import STAGES
from biomap_xr.pipeline.telling.unfinished import unfinished
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe
from biomap_xr.report.content import ReportContent, Table
from biomap_xr.report.report import write_report


@dataclass(frozen=True)
class Told:
    """A report that was written."""

    page: Path
    unfinished: tuple[str, ...]
    """Maps of which tiles are missing, in words; the page says the same."""


def make_report(recipe: Recipe, workspace: Workspace) -> Told:
    """Write ``report/index.html`` and ``report/metrics.json`` of what a run has made so far.

    Args:
        recipe: As it was loaded.
        workspace: Folder of the run.

    Raises:
        InputError: The run has nothing to tell yet.
    """
    content = content_of(recipe, workspace)
    if not (content.evaluation or content.habitats):
        raise InputError(
            f"{workspace.models} holds no scores, expected those of a trained model; run the "
            "recipe first"
        )
    return Told(write_report(content, workspace.report).page, content.unfinished)


def content_of(recipe: Recipe, workspace: Workspace) -> ReportContent:
    """Gather what every stage of a recipe has found so far; what it has not made is left out.

    Raises:
        InputError: Scores or the legend of the run cannot be read.
    """
    making = Making(recipe, workspace, STAGES)
    content = ReportContent(title=recipe.title or recipe.name, unfinished=unfinished(workspace))
    for stage in making.wanted:
        content = stage.told(making, content)
    pairs = {
        "recipe": recipe.name,
        "licence": recipe.licence,
        "citation": recipe.citation,
        "workspace": str(workspace.root),
    }
    whence = Table.of_pairs("Where this comes from", pairs)
    return replace(content, provenance=(whence, *content.provenance))
