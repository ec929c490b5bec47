"""From a finished run to its report."""

from pathlib import Path

from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe


def make_report(recipe: Recipe, workspace: Workspace) -> Path:
    """Write the report."""
    return workspace.report / "index.html"
