"""The maps: traits and specialists first, cubes declared, tiles filled, receipts summed up."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import declare, open_cube, update_attributes
from biomap_xr.grid import Grid, Tile
from biomap_xr.habitats.cube import BY_SPECIES, by_species_cube
from biomap_xr.habitats.plantbert.artefact import fingerprint as habitat_fingerprint
from biomap_xr.habitats.plantbert.model import HabitatModel
from biomap_xr.indicators.cube import indicators_cube
from biomap_xr.indicators.declared import INDICATORS
from biomap_xr.indicators.traits import Traits
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.makers.covariates import provenance_of
from biomap_xr.pipeline.makers.specialists import freeze_specialists
from biomap_xr.pipeline.makers.stale import drop_stale
from biomap_xr.pipeline.makers.traits import traits_of
from biomap_xr.pipeline.summing import MapSums
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.programs import KERNELS
from biomap_xr.programs.by_species import HabitatPart
from biomap_xr.programs.predicted import UNKNOWN, require_shared
from biomap_xr.programs.species import Assemblage, TileProgram
from biomap_xr.recipe import Recipe
from biomap_xr.run import Summary, fingerprint_of
from biomap_xr.species.artefact import fingerprint
from biomap_xr.species.card import ModelCard
from biomap_xr.species.cube import species_cube
from biomap_xr.species.model import SpeciesModel
from biomap_xr.species.settings import ThresholdKind

if TYPE_CHECKING:
    from pydantic import JsonValue


def make_maps(
    recipe: Recipe,
    model: SpeciesModel,
    covariates: Covariates,
    tiles: Sequence[Tile],
    filling: Filling,
    habitats: HabitatModel | None = None,
) -> Summary:
    """Fill the species, indicators and habitats cubes.

    Args:
        recipe: With absolute paths.
        model: The trained and calibrated model.
        covariates: The cube that it reads.
        tiles: Tiles that a prediction can exist on.
        filling: Who does the work.
        habitats: Reads habitats from the assemblages; None where they are not wanted.

    Raises:
        InputError: A trait table does not fit, or a cube of another species table is there.
    """
    program = tile_program(recipe, model, covariates, tiles, filling, habitats)
    workspace = filling.workspace
    described = _described(recipe, program, model.card)
    # Land may have gone since the former model's map: its tiles would stay among the new ones.
    drop_stale(workspace.indicators, "", program.weights)
    if program.species_store is not None:
        drop_stale(workspace.species, "", program.weights)
        declare(workspace.species, species_cube(covariates.grid, model.card, described))
    declare(workspace.indicators, indicators_cube(covariates.grid, described))
    if habitats is not None and program.habitats is not None:
        _declare_habitats(program.habitats, habitats, covariates.grid, described)
    summary = filling.run(program, tiles)
    attributes = open_cube(workspace.indicators).attrs
    told = all(attributes.get(name) == value for name, value in described.items())
    if summary.done or not told or "cells" not in attributes:
        _conclude(program, workspace, described)
    return summary


def with_habitats(
    program: TileProgram,
    recipe: Recipe,
    model: SpeciesModel,
    habitats: HabitatModel,
    workspace: Workspace,
) -> TileProgram:
    """Return a program that names habitats, too.

    Raises:
        InputError: The habitat model knows too few of the mapped species.
    """
    settings = recipe.habitats.on_map
    places = require_shared(model.card.species, habitats.card.species, settings.shared)
    weights = habitat_fingerprint(habitats)
    part = HabitatPart(
        model=workspace.models / "habitats" / "by_species" / "model",
        weights=weights,
        store=workspace.habitats,
        places=places,
        settings=settings,
    )
    parts: dict[str, JsonValue] = {
        "without habitats": program.fingerprint,
        "habitats": weights,
        "places": places.tolist(),
        "settings": settings.model_dump(mode="json"),
    }
    return replace(program, habitats=part, fingerprint=fingerprint_of(parts))


def _declare_habitats(
    part: HabitatPart, model: HabitatModel, grid: Grid, described: Mapping[str, Any]
) -> None:
    """Lay out the group of habitats by species; that of a former habitat model is removed."""
    unknown = int((part.places == UNKNOWN).sum())
    attributes = {
        **described,
        "model": part.weights,
        "species_model": described["model"],
        "species_ranked": len(part.places) - unknown,
        "species_not_in_vocabulary": unknown,
        "species_of_a_sentence": model.card.k,
        "levels": part.settings.levels,
    }
    cube = by_species_cube(
        grid, model.card.habitats, attributes, probabilities=part.settings.probabilities
    )
    drop_stale(part.store, BY_SPECIES, part.weights, [each.name for each in cube.variables])
    declare(part.store, cube)
    # A group that is kept may have been made by another rule.
    update_attributes(part.store, BY_SPECIES, attributes)


def tile_program(
    recipe: Recipe,
    model: SpeciesModel,
    covariates: Covariates,
    tiles: Sequence[Tile],
    filling: Filling,
    habitats: HabitatModel | None = None,
) -> TileProgram:
    """Gather all that the pass over a tile needs.

    Raises:
        InputError: A trait table does not fit, or the habitat model not the species.
    """
    workspace, wanted = filling.workspace, recipe.indicators.specialists
    specialists = freeze_specialists(model, covariates, tiles, wanted, filling)
    table = pd.DataFrame({"species_id": model.card.species_id, "species": model.card.species})
    traits = traits_of(recipe, table).with_specialists(specialists.species_id)
    assemblage = assemblage_of(
        traits, model.card, recipe.indicators.assemblage, recipe.maps.presence
    )
    parts: dict[str, JsonValue] = {
        "kernel": KERNELS["maps"],
        "model": fingerprint(model),
        "covariates": covariates.fingerprint,
        "members": assemblage.members.astype(int).tolist(),
        "known": assemblage.known.tolist(),
        "status": assemblage.status.tolist(),
        "threshold": assemblage.threshold.astype(float).tolist(),
        "maps": recipe.maps.model_dump(mode="json"),
        "grid": recipe.grid.model_dump(mode="json"),
    }
    program = TileProgram(
        covariates=covariates,
        model=workspace.models / "species",
        weights=fingerprint(model),
        assemblage=assemblage,
        species_store=workspace.species if recipe.maps.species_cube else None,
        indicators_store=workspace.indicators,
        settings=recipe.maps,
        reach=recipe.grid.max_displacement,
        fingerprint=fingerprint_of(parts),
        device=filling.workers.device,
    )
    return with_habitats(program, recipe, model, habitats, workspace) if habitats else program


def assemblage_of(
    traits: Traits, card: ModelCard, kind: ThresholdKind, presence: ThresholdKind
) -> Assemblage:
    """Return what the model's species count for, in its order.

    Args:
        traits: Of all species of the model.
        card: Has the thresholds.
        kind: Of the threshold that makes the assemblage that indicators count.
        presence: Of the threshold behind the statistics of the species' own maps.

    Raises:
        InputError: The model has no thresholds.
    """
    thresholds = card.require_thresholds()
    chosen = traits.select(card.species_id)
    return Assemblage(
        members=chosen.members(),
        known=chosen.is_known(),
        status=chosen.status_code,
        threshold=thresholds.of_kind(kind).astype(np.float32),
        widespread=thresholds.of_kind(presence).astype(np.float32),
    )


def _described(recipe: Recipe, program: TileProgram, card: ModelCard) -> dict[str, Any]:
    """Say where a cube comes from, in the attributes of the whole."""
    specialists = program.assemblage.members[list(INDICATORS).index("specialist")]
    return {
        "title": recipe.title or recipe.name,
        **provenance_of(recipe),
        "model": program.weights,
        "covariates": program.covariates.fingerprint,
        "run": program.fingerprint,
        "assemblage": recipe.indicators.assemblage,
        "unknown_status": recipe.indicators.unknown_status,
        "presence": recipe.maps.presence,
        "threshold_f_global": card.require_thresholds().f_score_global,
        "specialist_species": int(specialists.sum()),
        "storage_floor": card.floor(recipe.maps.floor),
    }


def _conclude(program: TileProgram, workspace: Workspace, described: Mapping[str, Any]) -> None:
    """Keep what the tiles' receipts add up to in the attributes of both cubes."""
    sums = MapSums.of(workspace, program.fingerprint)
    attributes = {
        **described,
        "date_created": datetime.now(UTC).date().isoformat(),
        "cells": sums.cells,
        "cells_moved_to_land": sums.moved,
        "richness_lost_to_floor": sums.lost,
    }
    if program.species_store is not None:
        update_attributes(workspace.species, "", attributes)
    update_attributes(workspace.indicators, "", attributes)
