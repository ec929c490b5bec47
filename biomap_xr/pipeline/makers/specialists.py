"""The specialist species of a run: frozen from a sample of the map before the pass."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.inputs import cut_inputs
from biomap_xr.grid import Cells, Tile
from biomap_xr.indicators.settings import SpecialistSettings
from biomap_xr.indicators.specialists import Prevalence, Specialists, sample_cells, sample_tiles
from biomap_xr.run import fingerprint_of
from biomap_xr.species.artefact import fingerprint
from biomap_xr.species.inference import input_settings
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.scoring import probabilities

if TYPE_CHECKING:
    from pydantic import JsonValue


def freeze_specialists(
    model: SpeciesModel,
    covariates: Covariates,
    tiles: Sequence[Tile],
    settings: SpecialistSettings,
    folder: Path,
) -> Specialists:
    """Decide which species are specialists, or read what was decided before.

    Args:
        model: Predicts the sample's cells.
        covariates: What it sees.
        tiles: All tiles with land.
        settings: The definition and the sample.
        folder: Where frozen sets are kept, one file for each model, cube and definition.

    Raises:
        InputError: The sample holds no land.
    """
    chosen = sample_tiles([tile.name for tile in tiles], settings)
    parts: dict[str, JsonValue] = {
        "model": fingerprint(model),
        "covariates": covariates.fingerprint,
        "settings": settings.model_dump(mode="json"),
        "tiles": list(chosen),
    }
    path = folder / f"{fingerprint_of(parts)[:16]}.json"
    if path.is_file():
        return Specialists.read(path)
    prevalence = Prevalence.zero(len(model.card.species_id))
    for tile in tiles:
        if tile.name in chosen:
            prevalence = prevalence + _prevalence(model, covariates, tile, settings)
    thresholds = model.card.thresholds
    conformal = thresholds.conformal if thresholds else ()
    frozen = Specialists.freeze(
        prevalence, model.card.species_id, np.array(conformal), chosen, settings
    )
    folder.mkdir(parents=True, exist_ok=True)
    frozen.write(path)
    return frozen


def _prevalence(
    model: SpeciesModel, covariates: Covariates, tile: Tile, settings: SpecialistSettings
) -> Prevalence:
    """Predict the sampled land cells of one tile."""
    land = covariates.window("masks", "land", tile) == 1
    row, column = np.nonzero(sample_cells(land, settings))
    window = tile.window
    cells = Cells(row + window.rows.start, column + window.columns.start)
    if not len(cells):
        return Prevalence.zero(len(model.card.species_id))
    own = input_settings(model)
    years = np.full(len(cells), own.reference_year)
    cut = cut_inputs(covariates, cells, years, model.modalities, own)
    inputs = {name: cut[name] for name in model.modalities}
    return Prevalence.of(probabilities(model, inputs, np.arange(len(cells))).T)
