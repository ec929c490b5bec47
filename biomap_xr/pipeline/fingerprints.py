"""Names for all that a training depends on: recipe sections, files and covariates."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.patches import content_of_patches
from biomap_xr.cubes import digest_of
from biomap_xr.errors import InputError
from biomap_xr.recipe import Recipe
from biomap_xr.run import fingerprint_of

if TYPE_CHECKING:
    from pydantic import JsonValue

KERNEL = 1
"""Raised when the same recipe and data give another model."""


def species_training(recipe: Recipe, anchored: Recipe, covariates: Covariates | None) -> str:
    """Name everything that the species model depends on, wherever it lies.

    Args:
        recipe: As it was loaded: paths as they were written count, not where they lead.
        anchored: The same with absolute paths.
        covariates: The cube that inputs are cut from, if any.

    Raises:
        InputError: A file cannot be read.
    """
    observations = anchored.observations
    files = [table.path for table in observations.tables] if observations else []
    files += [observations.species.path] if observations and observations.species else []
    parts: dict[str, JsonValue] = {
        "kernel": KERNEL,
        "covariates": covariates.fingerprint if covariates else None,
        "files": contents(files),
        "patch files": content_of_patches(anchored.patches) if anchored.patches else None,
        **sections(recipe, "observations", "folds", "inputs", "species", "grid", "patches"),
    }
    return fingerprint_of(parts)


def habitat_training(recipe: Recipe, anchored: Recipe, species: str, plots: Iterable[Path]) -> str:
    """Name everything that Pl@ntBERT depends on.

    Args:
        recipe: As it was loaded.
        anchored: The same with absolute paths.
        species: Fingerprint of the species model whose assemblages it reads; empty without one.
        plots: Files of all plots.

    Raises:
        InputError: A file cannot be read.
    """
    wanted = recipe.habitats.model_dump(mode="json", exclude={"by_environment", "rules", "on_map"})
    rules = anchored.habitats.expert_system
    parts: dict[str, JsonValue] = {
        "kernel": KERNEL,
        "species": species,
        "files": contents([*plots, *([rules] if rules else [])]),
        "habitats": wanted,
        "fine-tuned": recipe.habitats.on_map.fine_tune,
        **sections(recipe, "plots", "folds", "grid", "simulate"),
    }
    return fingerprint_of(parts)


def sections(recipe: Recipe, *names: str) -> "dict[str, JsonValue]":
    """Return sections of a recipe as plain values, None where it has none."""
    values = {name: getattr(recipe, name) for name in names}
    return {
        name: value.model_dump(mode="json") if value is not None else None
        for name, value in values.items()
    }


def contents(paths: Iterable[Path]) -> "list[JsonValue]":
    """Return the digest of each file.

    Raises:
        InputError: One cannot be read.
    """
    return [_digest(path) for path in paths]


def _digest(path: Path) -> str:
    try:
        return digest_of(path)
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}; give the path of a table of observations"
        ) from error
