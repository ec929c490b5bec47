"""Habitats of all cells from the environment: cubes declared, two programs run over the tiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from biomap_xr.covariates.cube import Covariates
from biomap_xr.covariates.provenance import content_of
from biomap_xr.covariates.settings import CovariateSettings, MaskSettings
from biomap_xr.cubes import Cube, declare, open_cube, update_attributes
from biomap_xr.errors import RecipeError
from biomap_xr.grid import Tile
from biomap_xr.habitats.cube import (
    BY_ENVIRONMENT,
    WALL_TO_WALL,
    by_environment_cube,
    wall_to_wall_cube,
)
from biomap_xr.habitats.ensemble.artefact import FormationModel
from biomap_xr.habitats.ensemble.uncertainty import definitions
from biomap_xr.habitats.rules.priority import RULES
from biomap_xr.habitats.rules.rulebook import Rulebook
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.makers.covariates import provenance_of
from biomap_xr.pipeline.makers.observing import Observer
from biomap_xr.pipeline.makers.rules import READING, codes_on_map, reader_of, rules_of_run
from biomap_xr.pipeline.makers.stale import drop_group, drop_stale
from biomap_xr.programs import KERNELS
from biomap_xr.programs.by_environment import EnvironmentProgram, WallToWallProgram
from biomap_xr.programs.masks import LAND_COVER, MASKS, CodesProgram, check_known
from biomap_xr.recipe import Recipe
from biomap_xr.run import Summary, fingerprint_of
from biomap_xr.run.contents import Contents
from biomap_xr.run.kept import KeptRecord, kept

if TYPE_CHECKING:
    from pydantic import JsonValue


@dataclass(frozen=True)
class EnvironmentMaps:
    """What became of the tiles."""

    environment: Summary
    wall_to_wall: Summary

    @property
    def status(self) -> int:
        """Exit status: 0, or that of tiles set aside or left."""
        return self.environment.status or self.wall_to_wall.status


def map_by_environment(
    observer: Observer,
    models: Sequence[FormationModel],
    covariates: Covariates,
    tiles: Sequence[Tile],
    filling: Filling,
) -> EnvironmentMaps:
    """Fill ``habitats.zarr`` with the maps of each formation and the one over all of them.

    Args:
        observer: Has the recipe with absolute paths, and the plots.
        models: Trained ensembles.
        covariates: The cube with predictors and masks.
        tiles: Tiles with land.
        filling: Who does the work.

    Raises:
        InputError: A predictor is missing or in other units, a mask or a rule's table does not fit,
            or a code on the map is unknown; all before the first tile is made.
    """
    recipe = observer.recipe
    content = MaskContent.of(recipe, covariates, filling.workspace.contents)
    rules = rules_of_run(observer, covariates, models, content.regions, filling)
    programs = programs_of(recipe, models, covariates, rules, filling)
    _check_masks(programs.environment, tiles, filling, content)
    _declare(recipe, programs, covariates)
    environment = filling.run(programs.environment, tiles)
    finished = {*environment.done, *environment.skipped}
    # Tiles that were set aside have no probabilities to rank.
    ranked = [tile for tile in tiles if tile.name in finished]
    return EnvironmentMaps(environment, filling.run(programs.wall_to_wall, ranked))


@dataclass(frozen=True)
class MaskContent:
    """What the files of the masks hold, in short names."""

    regions: str
    """Of land, ecoregions and coasts."""
    cover: str
    """Of land cover."""

    @classmethod
    def of(cls, recipe: Recipe, covariates: Covariates, known: Contents) -> "MaskContent":
        """Look at the files of the layers, and at the land that was made of them.

        Raises:
            InputError: A file is missing.
        """
        settings = recipe.covariates or CovariateSettings()
        masks = settings.masks
        regions = MaskSettings(ecoregion=masks.ecoregion, coast=masks.coast)
        contents = (
            content_of(settings.model_copy(update={"masks": some}), MASKS, known)
            for some in (regions, MaskSettings(land_cover=masks.land_cover))
        )
        of_regions, of_cover = contents
        land = covariates.dataset(MASKS).attrs.get("land_content")
        return cls(fingerprint_of({"layers": of_regions, "land": land}), of_cover)


@dataclass(frozen=True)
class Programs:
    """The two passes, in this order."""

    environment: EnvironmentProgram
    wall_to_wall: WallToWallProgram


def programs_of(
    recipe: Recipe,
    models: Sequence[FormationModel],
    covariates: Covariates,
    rules: Rulebook,
    filling: Filling,
) -> Programs:
    """Gather all that the passes over a tile need.

    Raises:
        InputError: The cube lacks a predictor, or has it in another unit.
        RecipeError: Models shall predict behind the land-cover filter only, and there is none.
    """
    settings = recipe.habitats
    cells = settings.environment_map.cells
    if cells == "filtered" and rules.matched is None:
        raise RecipeError(
            "habitats.environment_map.cells: 'filtered' without habitats.rules.crosswalk; expected "
            "a crosswalk of land cover: name it, or take 'regional'"
        )
    content = MaskContent.of(recipe, covariates, filling.workspace.contents)
    reader = reader_of(covariates, models, settings.rules)
    store = filling.workspace.habitats
    first: dict[str, JsonValue] = {
        "kernel": KERNELS["environment"],
        "models": [model.weights for model in models],
        "predictors": covariates.dataset("predictors").attrs.get("content"),
        "masks": content.regions,
        "regions": {name: table_of(rules, name) for name in rules.regions},
        "settings": settings.rules.regions.model_dump(mode="json", include=READING),
        "grid": recipe.grid.model_dump(mode="json"),
        "cells": cells,
    }
    second = {"cover": content.cover, "crosswalk": crosswalk_of_run(rules)}
    if cells == "filtered":
        first |= second
    name = fingerprint_of(first)
    environment = EnvironmentProgram(
        masks=reader,
        models=tuple(models),
        columns=tuple(columns_of(model, covariates) for model in models),
        rules=rules,
        store=store,
        fingerprint=name,
        cells=cells,
        threads=settings.by_environment.threads if settings.by_environment else 1,
    )
    last = fingerprint_of({"kernel": KERNELS["environment"], "environment": name, **second})
    return Programs(environment, WallToWallProgram(covariates, tuple(models), rules, store, last))


def columns_of(model: FormationModel, covariates: Covariates) -> tuple[int, ...]:
    """Return the place of each of a model's predictors in the cube ``(feature,)``.

    Raises:
        InputError: The cube lacks one, or has it in another unit than at training.
    """
    names = covariates.names("predictors")
    units = covariates.dataset("predictors")["unit"].to_numpy().tolist()
    found = model.features.positions(names, dict(zip(names, map(str, units), strict=True)))
    return tuple(found.tolist())


def table_of(rules: Rulebook, formation: str) -> "JsonValue":
    """Return a formation's table of regions as plain values."""
    table = rules.regions[formation]
    missing: list[JsonValue] = ["all"] if table.missing is None else [*sorted(table.missing)]
    return [
        table.layer,
        list(table.codes),
        table.regions.tolist(),
        table.allowed.astype(int).tolist(),
        missing,
    ]


def crosswalk_of_run(rules: Rulebook) -> "JsonValue":
    """Return the tables of steps 3 and 4 as plain values; None without a crosswalk."""
    if rules.matched is None:
        return None
    priority = rules.matched.priority
    covers: dict[str, JsonValue] = {
        name: [list(each.codes), each.covers.tolist(), each.allowed.astype(int).tolist()]
        for name, each in rules.matched.covers.items()
    }
    tables = (priority.covers, priority.order, priority.direct, priority.surface, priority.rule)
    missing: list[JsonValue] = [*sorted(priority.missing)]
    return [covers, [each.tolist() for each in tables], missing]


def _check_masks(
    program: EnvironmentProgram, tiles: Sequence[Tile], filling: Filling, content: MaskContent
) -> None:
    """Make sure that every code on the map is known, before the work."""
    layers = program.masks.layers
    if program.rules.matched is not None:
        layers = (*layers, LAND_COVER)
    name = fingerprint_of(
        {
            "masks": [content.regions, content.cover],
            "layers": list(layers),
            "tiles": [tile.name for tile in tiles],
        }
    )
    codes = CodesProgram(program.covariates, layers, name)

    def count() -> dict[str, Mapping[str, Mapping[int, int]]]:
        filling.complete(codes, tiles)
        ledger = filling.workspace.ledger(codes.name)
        return {"codes": codes.counted(ledger.read(tile.name) for tile in tiles)}

    place = filling.workspace.models / "habitats" / "by_environment" / "mask_codes.json"
    found = kept(KeptRecord(place, "content"), name, count)["codes"]
    counts = {
        layer: {int(code): cells for code, cells in own.items()} for layer, own in found.items()
    }
    check_known(program.rules, counts)


def _declare(recipe: Recipe, programs: Programs, covariates: Covariates) -> None:
    """Lay out the groups; those of former models, and of formations no longer asked for, go."""
    store, models = programs.environment.store, programs.environment.models
    described = {
        "title": recipe.title or recipe.name,
        **provenance_of(recipe),
        "covariates": covariates.fingerprint,
    }
    _drop_others(store, {model.formation for model in models})
    for model in models:
        attributes = {
            **described,
            "model": model.weights,
            "run": programs.environment.fingerprint,
            "predicted_cells": programs.environment.cells,
        }
        measures = definitions(model.denominator)
        grid = covariates.grid
        _lay(store, by_environment_cube(grid, model.formation, model.codes, attributes, measures))
    _declare_wall(programs, covariates, described)


def _declare_wall(programs: Programs, covariates: Covariates, described: dict[str, str]) -> None:
    rules, models = programs.wall_to_wall.rules, programs.environment.models
    store = programs.wall_to_wall.store
    if rules.matched is None:
        drop_group(store, WALL_TO_WALL)
        return
    codes = codes_on_map(rules, {})
    weights: dict[str, JsonValue] = {model.formation: model.weights for model in models}
    attributes = {
        **described,
        # With its classes: those of land cover alone change with the crosswalk.
        "model": fingerprint_of({**weights, "codes": list(codes)}),
        "run": programs.wall_to_wall.fingerprint,
        "classes_without_model": ", ".join(rules.matched.without_model),
        "classes_without_column": ", ".join(rules.matched.without_column),
        "classes_of_land_cover_alone": ", ".join(rules.matched.direct),
    }
    _lay(store, wall_to_wall_cube(covariates.grid, codes, RULES, attributes))


def _drop_others(store: Path, formations: set[str]) -> None:
    """Remove maps of formations that no model of the run has: they would be published, too."""
    place = store / BY_ENVIRONMENT
    for path in sorted(place.iterdir()) if place.exists() else ():
        if path.is_dir() and path.name not in formations:
            drop_group(store, f"{BY_ENVIRONMENT}/{path.name}")


def _lay(store: Path, cube: Cube) -> None:
    drop_stale(store, cube.group, str(cube.attributes["model"]))
    declare(store, cube)
    found = open_cube(store, cube.group).attrs
    # A cube that is as it should be is not touched, down to the time of its files.
    if any(found.get(name) != value for name, value in cube.attributes.items()):
        update_attributes(store, cube.group, cube.attributes)
