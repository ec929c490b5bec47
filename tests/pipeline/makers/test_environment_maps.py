import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyogrio
import pytest
import yaml
from tiny_run import ENVIRONMENT, SERIAL, SERIAL_FILE, changed, rewrite

from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError, RecipeError
from biomap_xr.grid import Grid
from biomap_xr.habitats.ensemble.artefact import load_ensemble
from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.eunis import number_of
from biomap_xr.habitats.rules.priority import RULES
from biomap_xr.pipeline.makers.environment_maps import columns_of
from biomap_xr.pipeline.running import run
from biomap_xr.pipeline.workers import Workers
from biomap_xr.programs.by_environment import loaded
from biomap_xr.recipe import Recipe

FORMATIONS = ("N", "R", "T")
TILES = 4


def run_with(workspace, changes=None):
    recipe = Recipe.model_validate(
        changed(yaml.safe_load(ENVIRONMENT.read_text()), {"products": None, **(changes or {})})
    )
    with Workers(SERIAL) as workers:
        return run(recipe, workspace, workers)


def group(workspace, formation):
    return open_cube(workspace.habitats, f"by_environment/{formation}").load()


def mask(workspace, name):
    return open_cube(workspace.covariates, "masks")[name].to_numpy()


def stamps(workspace, program):
    """When the receipt of each tile was written."""
    folder = workspace.root / "receipts" / program
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.json")}


def counts(made):
    """How many tiles each of the two passes has made now."""
    passes = made.environment.environment, made.environment.wall_to_wall
    return tuple(len(each.done) for each in passes)


def test_probabilities_are_those_of_the_ensemble_cell_by_cell(environment):
    workspace = environment.workspace
    predictors = open_cube(workspace.covariates, "predictors")["predictors"].to_numpy()
    land = mask(workspace, "land") == 1
    for model in environment.formations:
        cube, ensemble = group(workspace, model.formation), load_ensemble(model.folder)
        said = cube["committee"].to_numpy() != 255
        assert said.any()
        assert not said[~land].any()
        row, column = (each[::37] for each in np.nonzero(said))
        values = predictors[:, row, column].T
        # A plain loop over the voters; all of these know all classes or are left out of the mean.
        votes = ensemble.probabilities(values)
        weight = ensemble.voter_weights[:, None, None] * ensemble.known[:, None, :]
        mean = (votes * weight).sum(axis=0) / weight.sum(axis=0)
        mean /= mean.sum(axis=1, keepdims=True)
        stored = cube["probability"].to_numpy()[:, row, column].T
        kept = stored > 0
        np.testing.assert_allclose(stored[kept], 100 * mean[kept], atol=0.51)


def test_the_regional_filter_holds_in_every_cell(environment):
    workspace = environment.workspace
    tables = workspace.virtual / "tables"
    ecoregion, coast = mask(workspace, "ecoregion"), mask(workspace, "coast")
    regions = pd.read_csv(tables / "ecoregion_habitat.csv").set_index("EUNIS3")
    coasts = pd.read_csv(tables / "coast_habitat_N.csv", index_col=0)
    numbers = json.loads((tables / "coastline_codes.json").read_text())
    codes = dict(zip(*_ecoregions(workspace), strict=True))
    checked = 0
    for formation in FORMATIONS:
        cube = group(workspace, formation)
        for code, probability in zip(
            cube["eunis"].to_numpy(), cube["probability"].to_numpy(), strict=True
        ):
            if formation == "N":
                where = {numbers[name] for name in coasts.index if coasts.loc[name, code]}
                allowed = np.isin(coast, list(where))
            else:
                where = {number for name, number in codes.items() if regions.loc[code, name] > 0}
                allowed = np.isin(ecoregion, list(where))
            some = (probability > 0) & (probability < 255)
            assert not (some & ~allowed).any()
            checked += int(some.sum())
    assert checked > 1000


def _ecoregions(workspace):
    path = workspace.virtual / "vectors" / "ecoregions.gpkg"
    found = pyogrio.read_dataframe(path, read_geometry=False)
    return found["name"], found["code"]


def expanded(listed, codes):
    prefixes = [each.strip() for each in str(listed).split(",") if each.strip() not in ("", "nan")]
    return {code for code in codes if any(code.startswith(prefix) for prefix in prefixes)}


def test_land_cover_and_priority_hold_in_every_cell(environment):
    """A plain reading of steps 3 and 4, from the crosswalk's own lines."""
    workspace = environment.workspace
    table = pd.read_csv(workspace.virtual / "tables" / "crosswalk.csv", dtype=str).fillna("")
    lines = table.set_index(table["corine"].astype(int))
    cover = mask(workspace, "land_cover")
    cubes = {formation: group(workspace, formation) for formation in FORMATIONS}
    wall = open_cube(workspace.habitats, "wall_to_wall").load()
    first, rule = wall["habitat"].to_numpy()[0], wall["rule"].to_numpy()
    every = {f: [str(c) for c in cube["eunis"].to_numpy()] for f, cube in cubes.items()}
    maps = {f: cube["probability"].to_numpy() for f, cube in cubes.items()}
    ranked = {f: cube["habitat"].to_numpy() for f, cube in cubes.items()}
    sure = {f: cube["confidence"].to_numpy() for f, cube in cubes.items()}
    surfaces = {"URBAN": 0, "SEA_OCEAN": 100, "WATER_COURSE": 200, "LAKES_RESERVOIRS": 300,
                "TRANSITIONAL_WATER": 400, "SEA": 100, "WATER_COURSES": 200,
                "TRANSITIONAL_WATERS": 400}  # fmt: skip
    allowed = {
        number: {f: expanded(line[f], every[f]) for f in FORMATIONS}
        for number, line in lines.iterrows()
    }
    seen = set()
    for y, x in np.ndindex(cover.shape):
        order = lines.loc[cover[y, x], "Priority_order"]
        wanted = surfaces.get(order)
        for formation in FORMATIONS:
            left = [
                (-int(maps[formation][i, y, x]), i)
                for i, code in enumerate(every[formation])
                if code in allowed[cover[y, x]][formation] and 0 < maps[formation][i, y, x] < 255
            ]
            best = [number_of(every[formation][i]) for _, i in sorted(left)[:3]]
            assert ranked[formation][: len(best), y, x].tolist() == best
            assert (ranked[formation][len(best) :, y, x] == 65_535).all()
            if left:
                total = -sum(p for p, _ in left)
                assert sure[formation][0, y, x] == int(100 * -min(left)[0] / total + 0.5)
        if wanted is None:
            listed = [f for f in order.split(",") if f in FORMATIONS]
            options = (ranked[f][0, y, x] for f in listed if ranked[f][0, y, x] != 65_535)
            wanted = next(options, 65_535)
        assert first[y, x] == wanted
        seen.add(int(rule[y, x]))
    assert {RULES["priority_1"], RULES["nothing_left"]} <= seen


def test_receipts_count_the_dominant_habitats(environment):
    ledger = environment.workspace.ledger("wall_to_wall")
    total = {}
    for receipt in ledger.receipts():
        for number, cells in zip(
            *(receipt.statistics[n] for n in ("numbers", "cells")), strict=True
        ):
            total[number] = total.get(number, 0) + cells
    habitat = open_cube(environment.workspace.habitats, "wall_to_wall")["habitat"].to_numpy()[0]
    numbers, cells = np.unique(habitat[habitat != 65_535], return_counts=True)
    assert total == dict(zip(numbers.tolist(), cells.tolist(), strict=True))


def test_each_measure_says_what_it_is(environment):
    cube = group(environment.workspace, "R")
    for name in ("committee", "model_spread", "sampling_spread"):
        assert cube[name].attrs["units"] == "percent"
        assert cube[name].attrs["comment"]
        values = cube[name].to_numpy()
        assert values[values != 255].max() <= 100
    assert cube.attrs["model"] == environment.formations[1].weights
    assert "voters whose training had the class" in cube["committee"].attrs["comment"]


def test_nothing_is_made_twice(environment_copy):
    made = run_with(environment_copy)
    assert counts(made) == (0, 0)
    assert len(made.environment.environment.skipped) == TILES


def test_another_land_cover_runs_the_second_pass_alone(environment_copy):
    before = group(environment_copy, "T")
    models = {model: model.stat().st_mtime_ns for model in environment_copy.models.rglob("*.json")}
    gathered, masked = (stamps(environment_copy, name) for name in ("covariates", "masks"))
    cover = environment_copy.virtual / "rasters" / "land_cover.tif"
    # All broad-leaved forest becomes coniferous.
    rewrite(cover, lambda values: np.where(values == 23, 24, values))
    made = run_with(environment_copy)
    assert counts(made) == (0, TILES)
    after = group(environment_copy, "T")
    assert (after["probability"] == before["probability"]).all()
    changed_cells = (after["habitat"] != before["habitat"]).any("rank").to_numpy()
    assert changed_cells.any()
    assert (mask(environment_copy, "land_cover")[changed_cells] == 24).all()
    # The recipe of this run asks for no products, so that their record is gone.
    kept = {path: time for path, time in models.items() if path.name != "products.json"}
    changed = {path.name for path, time in kept.items() if path.stat().st_mtime_ns != time}
    assert changed <= {"mask_codes.json", "on_map.json"}
    # The other covariates were not gathered again either.
    assert stamps(environment_copy, "covariates") == gathered
    assert stamps(environment_copy, "masks") != masked


def test_another_crosswalk_runs_the_second_pass_alone(environment_copy):
    path = environment_copy.virtual / "tables" / "crosswalk.csv"
    text = path.read_text()
    path.unlink()
    path.write_text(text.replace("T1,T2", "T17"))
    assert counts(run_with(environment_copy)) == (0, TILES)


def test_other_regions_run_both_passes(environment_copy):
    path = environment_copy.virtual / "tables" / "ecoregion_habitat.csv"
    table = pd.read_csv(path, index_col=0)
    path.unlink()
    table.loc[table["EUNIS3"] == "R22", table.columns[3:]] = 0
    table.to_csv(path)
    assert counts(run_with(environment_copy)) == (TILES, TILES)
    cube = group(environment_copy, "R")
    probability = cube["probability"].to_numpy()[cube["eunis"].to_numpy().tolist().index("R22")]
    assert set(np.unique(probability)) <= {0, 255}


def test_filtered_cells_give_the_same_habitats_at_less_cost(environment, environment_copy):
    made = run_with(environment_copy, {"habitats.environment_map": {"cells": "filtered"}})
    assert counts(made) == (TILES, TILES)
    cells = {}
    for where in (environment.workspace, environment_copy):
        receipts = list(where.ledger("environment").receipts())
        cells[where] = np.sum([each.statistics["predicted"] for each in receipts], axis=0)
    assert (cells[environment_copy] < cells[environment.workspace]).all()
    for formation in FORMATIONS:
        ours, theirs = (group(w, formation) for w in (environment_copy, environment.workspace))
        assert (ours["habitat"] == theirs["habitat"]).all()
        assert (ours["confidence"] == theirs["confidence"]).all()
        left = ours["probability"].to_numpy()[0] != 255
        named = ours["habitat"].to_numpy()[0] != 65_535
        assert not (named & ~left).any()


def test_without_a_crosswalk_there_is_no_map_over_all_formations(environment_copy):
    run_with(environment_copy, {"habitats.rules.crosswalk": None})
    assert not (environment_copy.habitats / "wall_to_wall").exists()
    cube = group(environment_copy, "T")
    probability = cube["probability"].to_numpy().astype(int)
    probability[probability == 255] = 0
    numbers = cube["habitat_number"].to_numpy()
    best = np.where(probability.max(0) > 0, numbers[probability.argmax(0)], 65_535)
    np.testing.assert_array_equal(cube["habitat"].to_numpy()[0], best)
    with pytest.raises(RecipeError, match=r"'filtered' without habitats.rules.crosswalk"):
        run_with(
            environment_copy,
            {"habitats.rules.crosswalk": None, "habitats.environment_map": {"cells": "filtered"}},
        )


def test_a_formation_no_longer_asked_for_goes(environment_copy):
    made = run_with(environment_copy, {"habitats.by_environment.formations": ["R", "T"]})
    assert counts(made) == (TILES, TILES)
    assert not (environment_copy.habitats / "by_environment" / "N").exists()


def test_plots_are_counted_where_there_is_no_table(environment_copy):
    without = {"ecoregion_table": None, "coast_tables": {}}
    changes = {f"habitats.rules.regions.{name}": value for name, value in without.items()}
    run_with(environment_copy, changes)
    record = json.loads(
        (environment_copy.models / "habitats/by_environment/regions.json").read_text()
    )
    assert record["pairs"]["seen"] == record["pairs"]["allowed"] > 0
    assert record["plots"]["ecoregion"]["inside"] == 900
    assert set(record["counted"]) == {"ecoregion", "coast"}
    assert counts(run_with(environment_copy, changes)) == (0, 0)


@pytest.mark.parametrize(
    ("raster", "code", "message"),
    [
        ("land_cover", 77, r"masks/land_cover has the codes 77 \(\d+ pixels\)"),
        ("coast", 9, r"masks/coast has the codes 9 \(\d+ pixels\)"),
    ],
)
def test_an_unknown_code_is_said_before_any_tile(environment_copy, raster, code, message):
    before = [each.seconds for each in environment_copy.ledger("environment").receipts()]

    def strange(values):
        values[:, 50:60, 50:60] = code
        return values

    rewrite(environment_copy.virtual / "rasters" / f"{raster}.tif", strange)
    with pytest.raises(InputError, match=message):
        run_with(environment_copy)
    assert [each.seconds for each in environment_copy.ledger("environment").receipts()] == before


def test_a_cube_in_other_units_or_without_a_predictor_is_refused(environment):
    covariates = Covariates.open(
        environment.workspace.covariates, Grid.from_settings(environment.recipe.grid)
    )
    model = environment.formations[0]
    assert columns_of(model, covariates) == tuple(range(8))
    features = list(model.features.features)
    for change, message in (
        ({"unit": "km"}, "'elevation' is in 'm', expected 'km' as at training"),
        ({"name": "height"}, r"predictors \['height'\] are missing"),
    ):
        other = FeatureTable(features=(features[0].model_copy(update=change), *features[1:]))
        with pytest.raises(InputError, match=message):
            columns_of(replace(model, features=other), covariates)


def test_the_command_line_says_what_was_made(environment_copy, biomap):
    said = biomap(
        "run", ENVIRONMENT, "--cluster", SERIAL_FILE, "--workspace", environment_copy.root
    )
    assert said.status == 0
    assert "by_environment (N, R, T)" in said.out.replace("\n", "")
    assert "24 files" in said.out
    said = biomap("status", ENVIRONMENT, "--workspace", environment_copy.root)
    assert said.status == 0
    assert "ensemble of T: trained" in said.out
    assert "wall_to_wall: 4 of 4 tiles finished" in said.out


def test_a_damaged_ensemble_sets_tiles_aside_and_the_rest_waits(environment_copy):
    changes = {"habitats.environment_map": {"cells": "filtered"}}
    folder = environment_copy.models / "habitats" / "by_environment" / "R" / "ensemble"
    damaged = next(folder.glob("wrf_0/*"))
    damaged.write_bytes(damaged.read_bytes()[:-1])
    loaded.cache_clear()
    made = run_with(environment_copy, {**changes, "run": {"retries": 0}})
    assert len(made.environment.environment.failed) == TILES
    assert "CorruptError" in made.environment.environment.failed[0].error
    # Nothing is ranked where nothing was predicted.
    assert not made.environment.wall_to_wall.done
    assert made.status == 4
