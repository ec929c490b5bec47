"""A workspace with habitat maps, scores and receipts made by hand, as a run leaves them."""

import json

import numpy as np
from scipy.ndimage import gaussian_filter

from biomap_xr.cubes import declare, write_block
from biomap_xr.grid import Grid
from biomap_xr.habitats.cube import by_environment_cube, by_species_cube, wall_to_wall_cube
from biomap_xr.habitats.eunis import at_level, number_of
from biomap_xr.habitats.plantbert.card import HabitatCard
from biomap_xr.habitats.rules.priority import RULES
from biomap_xr.observations.plot_report import Counts, CurationReport, PlotStep, TableSteps
from biomap_xr.pipeline.scores import HabitatScores
from biomap_xr.recipe import Recipe
from biomap_xr.run import Receipt
from biomap_xr.run.plan import Plan

CODES = (
    "MA221", "MA222", "N11", "N13", "Q11", "Q22", "Q41", "R1A", "R1B", "R22", "R35", "R43", "S22",
    "S35", "S42", "T17", "T1B", "T1E", "T31", "T35", "U29", "U32",
)  # fmt: skip
NUMBERS = np.array([number_of(code) for code in CODES], np.uint16)
SEA, TOWN = 100, 0
PLOTS = {"tables": [{"kind": "plantbert", "species": "s.csv", "header": "h.csv"}]}


def recipe(cells=20, **sections):
    side = 100.0 * cells
    values = {
        "name": "made",
        "title": "Habitats of a made-up country",
        "root": "/",
        "grid": {
            "resolution": 100,
            "tile": side,
            "extent": {"x_min": 4e6, "y_min": 3e6, "x_max": 4e6 + side, "y_max": 3e6 + side},
        },
        "covariates": {"masks": {"land": {"path": "land.gpkg"}}},
        "plots": PLOTS,
        "habitats": {
            "by_species": {},
            "by_environment": {},
            "held_out": "folds",
            "external": {"dikes": PLOTS, "Netherlands": PLOTS},
        },
        "evaluation": {"replicates": 50},
    }
    return Recipe.model_validate(values | sections)


def truth_of(grid, seed=1):
    """Numbers of habitats (y, x) in patches, sea to the west; and their places in `CODES`."""
    random = np.random.default_rng(seed)
    fields = gaussian_filter(random.normal(size=(len(CODES), *grid.shape)), (0, 4, 4))
    place = fields.argmax(axis=0)
    sea = gaussian_filter(random.normal(size=grid.shape), 6)
    sea += np.linspace(-0.3, 0.6, grid.shape[1])
    return np.where(sea < 0, np.uint16(65535), NUMBERS[place]), place


def guesses(place, share, seed):
    """Places of habitats (rank, ...), the first one right with a chance."""
    random = np.random.default_rng(seed)
    patches = gaussian_filter(random.normal(size=place.shape), 2)
    wrong = patches > np.quantile(patches, share)
    other = (place + random.integers(1, 4, place.shape)) % len(CODES)
    first = np.where(wrong, other, place)
    return np.stack([first, np.where(wrong, place, other), (place + 7) % len(CODES)])


def make_by_species(made, workspace):
    grid = Grid.from_settings(made.grid)
    truth, place = truth_of(grid)
    land = truth != 65535
    numbers = np.where(land, NUMBERS[guesses(place, 0.7, 2)], np.uint16(65535))
    store, group = workspace.habitats, "by_species"
    attributes = {"species_ranked": 90, "species_not_in_vocabulary": 10}
    declare(store, by_species_cube(grid, CODES, attributes, probabilities=False))
    write_block(store, group, "habitat", numbers, {})
    write_block(store, group, "confidence", percent(land, 3, 3), {})
    for level, unit in ((1, 1000), (2, 100)):
        coarse = np.where(land, numbers[0] // unit * unit, 65535).astype(np.uint16)
        write_block(store, group, f"level{level}", coarse, {})
    counts = [int((numbers[0] == number).sum()) for number in NUMBERS]
    said = {"habitat_cells": counts, "sentences": int(land.sum()), "distinct_sentences": 77}
    receive(workspace, "maps", said)
    return truth


def percent(land, seed, ranks=0, highest=100):
    random = np.random.default_rng(seed)
    values = gaussian_filter(random.normal(size=(max(ranks, 1), *land.shape)), (0, 3, 3))
    low, high = values.min(), values.max()
    scaled = (highest * (values - low) / (high - low)).astype(np.uint8)
    found = np.where(land, scaled, np.uint8(255))
    return found if ranks else found[0]


def make_by_environment(made, workspace, formation):
    grid = Grid.from_settings(made.grid)
    truth, place = truth_of(grid)
    land = truth != 65535
    inside = [i for i, code in enumerate(CODES) if at_level(code, 1) == formation]
    codes = [CODES[i] for i in inside]
    ranked = np.array(inside)[(guesses(place, 0.8, 5)) % len(inside)]
    # Where the formation is true, one of its habitats is the right one more often than not.
    ranked[0] = np.where(np.isin(place, inside), place, ranked[0])
    numbers = np.where(land, NUMBERS[ranked], np.uint16(65535))
    store, group = workspace.habitats, f"by_environment/{formation}"
    declare(store, by_environment_cube(grid, formation, codes, {}))
    write_block(store, group, "habitat", numbers, {})
    write_block(store, group, "confidence", percent(land, 6, 3), {})
    write_block(store, group, "committee", percent(land, 7), {})
    for seed, name in ((8, "model_spread"), (9, "sampling_spread")):
        write_block(store, group, name, percent(land, seed, highest=10 + seed), {})


def make_wall_to_wall(made, workspace):
    grid = Grid.from_settings(made.grid)
    truth, place = truth_of(grid)
    land = truth != 65535
    towns = land & (percent(land, 11) > 80)
    numbers = np.where(land, NUMBERS[guesses(place, 0.9, 10)], np.uint16(65535))
    numbers[0] = np.where(land, np.where(towns, TOWN, numbers[0]), SEA)
    confidence = percent(land & ~towns, 12, 3)
    rule = np.where(land, RULES["priority_1"] + place % 3, RULES["sea"]).astype(np.uint8)
    rule[towns] = RULES["urban"]
    store, group = workspace.habitats, "wall_to_wall"
    declare(store, wall_to_wall_cube(grid, CODES, RULES, {}))
    write_block(store, group, "habitat", numbers, {})
    write_block(store, group, "confidence", confidence, {})
    write_block(store, group, "rule", rule, {})
    found, counts = np.unique(numbers[0], return_counts=True)
    receive(workspace, "wall_to_wall", {"numbers": found.tolist(), "cells": counts.tolist()})


def receive(workspace, program, statistics, tile="only", fingerprint="now"):
    Plan(1, "now").write(workspace.plan(program))
    receipt = Receipt(
        program=program,
        tile=tile,
        fingerprint=fingerprint,
        statistics=statistics,
        seconds=1.0,
        attempt=1,
    )
    workspace.ledger(program).write(receipt)


def scores_of(codes, models, plots, seed):
    """Predictions of models, each right with its own chance."""
    random = np.random.default_rng(seed)
    true = random.integers(0, len(codes), plots)
    probability = {}
    for name, share in models.items():
        drawn = random.dirichlet(np.ones(len(codes)), plots)
        drawn[np.arange(plots), true] += np.where(random.random(plots) < share, 1.0, 0.0)
        probability[name] = (drawn / drawn.sum(axis=1, keepdims=True)).astype(np.float32)
    return HabitatScores(
        codes=tuple(codes),
        labels=tuple((codes[each],) for each in true),
        block=random.integers(0, 12, plots).astype(str),
        probability=probability,
        row=np.zeros(plots, np.int64),
        column=np.zeros(plots, np.int64),
        notes=dict.fromkeys(list(models)[1:2], "said below"),
    )


def make_species_model(workspace, plots=300):
    folder = workspace.models / "habitats" / "by_species"
    models = {
        "Pl@ntBERT": 0.7,
        "linear on reciprocal ranks": 0.6,
        "EUNIS-ESy expert system": 0.5,
        "Pl@ntBERT on predicted assemblages, first 20 species": 0.4,
    }
    scores = scores_of(CODES, models, plots, 1)
    # The species model says nothing of plots off the grid.
    scores.probability["Pl@ntBERT on predicted assemblages, first 20 species"][:20] = np.nan
    scores.write(folder / "scores.zarr", "plots", "data")
    scores_of(CODES, {"Pl@ntBERT": 0.5}, 60, 2).write(
        folder / "scores.zarr", "external-dikes", "data"
    )
    card = HabitatCard(habitats=CODES, species=("a b", "c d"), k=50, weights_sha256="ab12")
    (folder / "model").mkdir()
    (folder / "model" / "card.json").write_text(card.model_dump_json())


def make_ensemble(workspace, formation, plots=200):
    codes = [code for code in CODES if at_level(code, 1) == formation]
    folder = workspace.models / "habitats" / "by_environment" / formation
    models = {"ensemble": 0.7, "wrf": 0.65, "wxgb": 0.6}
    scores_of(codes, models, plots, len(codes)).write(folder / "scores.zarr", "plots", "data")
    external = scores_of(codes, {"ensemble": 0.5}, 50, 99)
    external.write(folder / "scores.zarr", "external-Netherlands", "data")
    card = {
        "classes": codes,
        "weights": {"wrf": 0.6, "wxgb": 0.4},
        "voters": [{"learner": name, "fold": fold} for name in ("wrf", "wxgb") for fold in (0, 1)],
        "features": {"features": [{"name": "elevation"}]},
    }
    (folder / "card.json").write_text(json.dumps(card))


def make_curation(workspace):
    read, left = Counts(1000, 500, 20_000, 900), Counts(900, 420, 18_500, 850)
    steps = (PlotStep("cover", read, left, {"": 90, "Bromus": 10}),)
    report = CurationReport((TableSteps("/data/header.csv", "plantbert", steps),), steps, left)
    workspace.models.mkdir(parents=True, exist_ok=True)
    (workspace.models / "plots.json").write_text(json.dumps(report.as_dict()))


def make_all(made, workspace, formations=("MA2", "N", "Q", "R", "S", "T", "U")):
    """Make everything that a run can leave; return the truth (y, x)."""
    truth = make_by_species(made, workspace)
    make_species_model(workspace)
    for formation in formations:
        make_by_environment(made, workspace, formation)
        make_ensemble(workspace, formation)
    make_wall_to_wall(made, workspace)
    make_curation(workspace)
    return truth
