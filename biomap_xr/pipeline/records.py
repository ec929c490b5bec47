"""Under which names scores of habitat models are kept; nothing heavy is loaded for them."""

from pathlib import Path

from biomap_xr.habitats.cube import BY_ENVIRONMENT, BY_SPECIES
from biomap_xr.pipeline.workspace import Workspace

PLOTS = "plots"
"""Scores of the plots that were held out; they end a training."""
SURVEYS = "surveys"
"""Scores of the surveys that were held out, of the species model."""
EXTERNAL, SPLIT = "external-", "split-"
"""Begin the names of scores of external data, and of those under other splits than blocks."""
HABITATS, SCORES = "habitats", "scores.zarr"
ON_MAP = "on_map.json"
"""How far the map over all formations agrees with plots and maps of others."""


def folder_of(workspace: Workspace, formation: str = "") -> Path:
    """Return where a habitat model and its scores are kept.

    Args:
        workspace: Of the run.
        formation: Of an ensemble; empty for Pl@ntBERT.

    >>> folder_of(Workspace(Path("runs/demo")), "R").as_posix()
    'runs/demo/models/habitats/by_environment/R'
    """
    habitats = workspace.models / HABITATS
    return habitats / BY_ENVIRONMENT / formation if formation else habitats / BY_SPECIES


def scored(folder: Path, name: str) -> bool:
    """Say whether a model's folder has scores of a name, of whatever data."""
    return (folder / SCORES / name / "zarr.json").is_file()
