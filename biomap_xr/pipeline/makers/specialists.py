"""The specialist species of a run: frozen from a sample of the map before the pass."""

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from biomap_xr.covariates.cube import Covariates
from biomap_xr.grid import Tile
from biomap_xr.indicators.settings import SpecialistSettings
from biomap_xr.indicators.specialists import Specialists, sample_tiles
from biomap_xr.pipeline.filling import Filling
from biomap_xr.programs.specialists import PrevalenceProgram
from biomap_xr.run import fingerprint_of
from biomap_xr.species.artefact import fingerprint
from biomap_xr.species.model import SpeciesModel

if TYPE_CHECKING:
    from pydantic import JsonValue


def freeze_specialists(
    model: SpeciesModel,
    covariates: Covariates,
    tiles: Sequence[Tile],
    settings: SpecialistSettings,
    filling: Filling,
) -> Specialists:
    """Decide which species are specialists, or read what was decided before.

    Frozen sets are kept in ``models/specialists``, one file for each model, cube and definition.

    Args:
        model: Predicts the sample's cells; the workers load it from ``models/species``.
        covariates: What it sees.
        tiles: All tiles with land.
        settings: The definition and the sample.
        filling: Whose workers look at the sample, a tile each.

    Raises:
        InputError: A tile cannot be predicted.
        SetAsideError: A tile of the sample is missing at the end.
    """
    chosen = sample_tiles([tile.name for tile in tiles], settings)
    weights = fingerprint(model)
    parts: dict[str, JsonValue] = {
        "model": weights,
        "covariates": covariates.fingerprint,
        "settings": settings.model_dump(mode="json"),
        "tiles": list(chosen),
    }
    name, models = fingerprint_of(parts), filling.workspace.models
    folder = models / "specialists" / name[:16]
    path = folder.with_suffix(".json")
    if path.is_file():
        return Specialists.read(path)
    sample = [tile for tile in tiles if tile.name in chosen]
    program = PrevalenceProgram(
        root=filling.workspace.root,
        model=models / "species",
        weights=weights,
        covariates=covariates,
        settings=settings,
        folder=folder,
        fingerprint=name,
        device=filling.workers.device,
    )
    filling.complete(program, sample)
    prevalence = program.joined(sample, len(model.card.species_id))
    thresholds = model.card.thresholds
    conformal = thresholds.conformal if thresholds else ()
    frozen = Specialists.freeze(
        prevalence, model.card.species_id, np.array(conformal), chosen, settings
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    frozen.write(path)
    shutil.rmtree(folder, ignore_errors=True)
    return frozen
