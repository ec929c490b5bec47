import json
import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.sparse import csr_array
from tiny_run import ENVIRONMENT, changed, filling_of

from biomap_xr.errors import InputError
from biomap_xr.folds.blocks import Folds, balance_of
from biomap_xr.folds.settings import BlockSettings
from biomap_xr.grid import Cells, Points
from biomap_xr.habitats.ensemble.plots import FormationPlots
from biomap_xr.observations.plots import Plots
from biomap_xr.pipeline.makers.by_environment import learn_by_environment
from biomap_xr.pipeline.makers.observing import Observer
from biomap_xr.pipeline.makers.splits import (
    Comparison,
    check_fits,
    check_splits,
    split_plots,
)
from biomap_xr.pipeline.reporting import content_of
from biomap_xr.pipeline.scores import HabitatScores
from biomap_xr.recipe import Recipe
from biomap_xr.report.content import Picture
from biomap_xr.report.habitats import gallery as habitat_gallery

SETTINGS = BlockSettings(folds=3)
SPLITS = "habitats.by_environment.compared_splits"
COUNT = 24


def recipe_with(changes):
    """Habitats R alone, which is quick."""
    values = changed(yaml.safe_load(ENVIRONMENT.read_text()), changes)
    values["habitats"]["by_environment"]["formations"] = ["R"]
    return Recipe.model_validate(values)


def learn(workspace, changes):
    recipe = recipe_with(changes)
    observer = Observer(recipe.anchored(workspace.root), workspace)
    return learn_by_environment(recipe, observer, filling_of(workspace))


def files_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def formation(environment_copy):
    return environment_copy.models / "habitats" / "by_environment" / "R"


def given(header, site=None):
    """All plots of a made-up survey; the formation's are every second one."""
    names = np.arange(2 * COUNT).astype(str).astype(object)
    nothing = np.zeros(2 * COUNT)
    return Plots(
        names, csr_array((2 * COUNT, 0), dtype=np.float32), (), ((),) * 2 * COUNT,
        nothing, nothing, names if site is None else site, pd.DataFrame(header, index=names),
    )  # fmt: skip


def plots(labels=None):
    labels = labels or (("R11", "R22"), ("R22",)) * (COUNT // 2)
    places = np.arange(COUNT)
    return FormationPlots(
        "R",
        ("R11", "R22"),
        labels,
        Points(100.0 * places, 100.0 * places),
        Cells(places, places),
        np.zeros((COUNT, 1), np.float32),
        2 * places,
        {},
    )


def blocks(some, units=6):
    """Spatial blocks of four plots in a row each."""
    unit = some.plot * units // COUNT
    classes, label = np.unique(some.codes, return_inverse=True)
    return Folds(unit % 3, unit.astype(str), balance_of(unit % 3, label, len(classes), 3))


def split(name, survey, some=None, settings=SETTINGS):
    some = some or plots()
    return split_plots(name, some, survey, blocks(some), settings)


def test_rows_of_a_plot_are_never_on_both_sides():
    some = plots()
    found = split("random", given({}), some)
    assert found.rows.tolist() == list(range(COUNT * 3 // 2))
    frame = pd.DataFrame({"plot": some.plot, "fold": found.folds.fold})
    assert (frame.groupby("plot")["fold"].nunique() == 1).all()
    # Single plots, not blocks: some block is in several folds.
    frame["block"] = found.folds.unit
    assert (frame.groupby("block")["fold"].nunique() > 1).any()
    assert found.note == "3 folds of 24 groups"


@pytest.mark.parametrize("count", ["frequency", "presence"])
def test_few_groups_are_held_out_in_turn(count):
    country = np.repeat(["France", "Spain"], COUNT)
    some = plots()
    settings = BlockSettings(folds=5, count=count)
    found = split("country", given({"country": country}), some, settings)
    assert found.folds.number == 2
    own = country[some.source][some.plot]
    assert len({(each, fold) for each, fold in zip(own, found.folds.fold, strict=True)}) == 2
    assert found.note == "each of 2 groups is held out in turn"


def test_groups_are_those_of_the_formations_plots():
    # Every plot of the formation is in one group, whatever the others are in.
    region = np.where(np.arange(2 * COUNT) % 2, "other", "own")
    with pytest.raises(
        InputError,
        match="formation R, compared_splits 'ecoregion': 24 of 24 plots have a value, in 1 groups",
    ):
        split("ecoregion", given({"ecoregion": region}))


def test_plots_without_a_value_are_left_out_and_counted():
    year = np.repeat([1990.0, 2000.0, 2010.0, np.nan], COUNT // 2)
    some = plots()
    found = split("year", given({"year": year}), some)
    assert found.lost == COUNT // 4
    assert (some.plot[found.rows] < COUNT * 3 // 4).all()
    assert found.note.endswith("; 6 plots without a value are left out")
    blank = np.where(np.isnan(year), " ", "a")
    with pytest.raises(InputError, match="18 of 24 plots have a value, in 1 groups"):
        split("country", given({"country": blank}))


def test_sites_stay_together():
    site = (np.arange(2 * COUNT) // 8).astype(str).astype(object)
    some = plots()
    found = split("site", given({}, site), some)
    frame = pd.DataFrame({"site": site[some.source][some.plot], "fold": found.folds.fold})
    assert (frame.groupby("site")["fold"].nunique() == 1).all()
    assert found.groups == 6


def test_an_unknown_column_is_named_with_those_there_are():
    with pytest.raises(
        InputError, match=r"names 'nation'.* random, site or one of country, year: "
    ):
        split("nation", given({"country": "France", "year": 2000}))


def test_a_field_of_one_value_is_named_before_formations_are_known():
    survey = given({"country": np.repeat(["France", "Spain"], COUNT), "coast": ""})
    check_splits(("random", "site", "country"), survey)
    with pytest.raises(InputError, match=f"'coast': {2 * COUNT} plots have 0 different values"):
        check_splits(("country", "coast"), survey)
    with pytest.raises(InputError, match="names 'nation', which is no field of the plots"):
        check_splits(("nation",), survey)


def test_a_split_that_leaves_nothing_to_learn_is_refused():
    labels = (("R11",),) * 12 + (("R22",),) * 12
    survey = given({"country": np.repeat(["France", "Spain"], COUNT)})
    some = plots(labels)
    with pytest.raises(InputError, match="12 plots of 1 habitats in 3 spatial blocks"):
        check_fits(split("country", survey, some), some, nested=False)
    some = plots()
    alone = replace(split("country", survey, some), rows=np.arange(COUNT * 3 // 2))
    check_fits(alone, some, nested=False)
    # Without both of two groups nothing is left to choose learners on.
    with pytest.raises(InputError, match="0 plots of 0 habitats in 0 spatial blocks"):
        check_fits(alone, some, nested=True)
    one = split_plots("country", some, survey, blocks(some, 2), SETTINGS)
    with pytest.raises(InputError, match="2 habitats in 1 spatial blocks"):
        check_fits(one, some, nested=False)


def test_a_split_that_nothing_can_be_scored_on_is_refused():
    # Each country has one of three pairs of habitats, none of which another country has.
    labels = tuple(
        (("R11", "R22", "R31", "R41")[2 * (each // 12) + each % 2],) for each in range(24)
    )
    survey = given({"country": np.repeat(["France", "Spain"], COUNT)})
    some = plots(labels)
    with pytest.raises(InputError, match="no fold has plots of two habitats that the others have"):
        check_fits(split("country", survey, some), some, nested=False)


def test_splits_are_scored_beside_the_ensemble(environment_copy, formation, caplog):
    before = files_of(formation)
    with caplog.at_level(logging.INFO):
        learn(environment_copy, {SPLITS: ["random", "ecoregion"]})
    # A split that is added later trains no voter of the ensemble anew.
    assert {path: files_of(formation)[path] for path in before} == before
    added = {path.relative_to(formation) for path in set(files_of(formation)) - set(before)}
    groups = {"/".join(path.parts[:2]) for path in added}
    assert groups == {f"scores.zarr/split-{name}" for name in ("random", "ecoregion")}
    assert not (formation / "splits" / "random").exists()
    own = HabitatScores.read(formation / "scores.zarr", "plots")
    for name in ("random", "ecoregion"):
        scores = HabitatScores.read(formation / "scores.zarr", f"split-{name}")
        assert (scores.codes, scores.labels) == (own.codes, own.labels)
        np.testing.assert_array_equal(scores.block, own.block)
        np.testing.assert_allclose(scores.probability["ensemble"].sum(axis=1), 1, atol=1e-5)
        assert (scores.probability["ensemble"] != own.probability["ensemble"]).any()
    assert any("formation R, split random (3 folds of" in each for each in caplog.messages)
    # Nothing is left to do, and a further split trains itself alone.
    done = files_of(formation)
    learn(environment_copy, {SPLITS: ["random", "ecoregion", "site"]})
    assert {path: files_of(formation)[path] for path in done} == done
    assert (formation / "scores.zarr" / "split-site" / "zarr.json").is_file()


def test_a_killed_split_goes_on_at_its_fits(environment_copy, formation, monkeypatch):
    whole = HabitatScores.write

    def torn(scores, folder, name, data):
        if name.startswith("split-"):
            raise KeyboardInterrupt
        whole(scores, folder, name, data)

    # The ensemble itself is scored anew in the same run, and before its splits.
    (formation / "scores.zarr" / "plots" / "zarr.json").unlink()
    monkeypatch.setattr(HabitatScores, "write", torn)
    with pytest.raises(KeyboardInterrupt):
        learn(environment_copy, {SPLITS: ["random"]})
    assert (formation / "scores.zarr" / "plots" / "zarr.json").is_file()
    fits = formation / "splits" / "random"
    assert {path.name for path in fits.iterdir()} == {
        f"{name}_{fold}" for name in ("wrf", "lgbm") for fold in range(3)
    }
    kept = files_of(fits)

    def seen(scores, folder, name, data):
        # Other scores are written behind the splits, when their fits are gone.
        assert not name.startswith("split-") or files_of(fits) == kept
        whole(scores, folder, name, data)

    monkeypatch.setattr(HabitatScores, "write", seen)
    learn(environment_copy, {SPLITS: ["random"]})
    assert not fits.exists()
    assert (formation / "scores.zarr" / "split-random" / "zarr.json").is_file()


def test_members_are_those_that_were_tuned(environment_copy, formation, monkeypatch):
    seen = []

    def trained(formation, observations, table, members, options, *, folder):
        seen.append((members, options.selection.least))
        raise KeyboardInterrupt

    monkeypatch.setattr("biomap_xr.programs.fits.train_formation", trained)
    card = formation / "ensemble" / "card.json"
    described = json.loads(card.read_text())
    described["facts"]["members"]["wrf"]["trees"] = 17
    card.write_text(json.dumps(described))
    with pytest.raises(KeyboardInterrupt):
        learn(environment_copy, {SPLITS: ["random"]})
    ((members, least),) = seen
    assert (list(members), members["wrf"].trees, least) == (["wrf", "lgbm"], 17, None)


def test_scores_of_another_ensemble_are_forgotten(tmp_path):
    of_data = {data: Comparison(tmp_path, data, None, None, SETTINGS) for data in ("old", "new")}
    empty = np.zeros(0, np.int64)
    scores = HabitatScores(("R11",), (), empty.astype(str), {}, empty, empty)
    for name, data in {"random": "old", "site": "new"}.items():
        scores.write(tmp_path / "scores.zarr", f"split-{name}", of_data[data]._data_of(name))
    assert of_data["new"].missing(("random", "site", "year")) == ("random", "year")
    of_data["new"].forget_others()
    assert {path.parent.name for path in (tmp_path / "scores.zarr").glob("*/zarr.json")} == {
        "split-site"
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("country", r"formation R, compared_splits 'country': \d+ of \d+ .* in 1 groups"),
        ("cover_scale", r"formation R, compared_splits 'cover_scale': 0 of \d+ plots have a value"),
    ],
)
def test_a_split_that_cannot_be_is_said_before_any_training(
    environment_copy, formation, name, message
):
    (formation / "scores.zarr" / "plots" / "zarr.json").unlink()
    before = files_of(formation)
    with pytest.raises(InputError, match=message):
        learn(environment_copy, {SPLITS: [name]})
    assert files_of(formation) == before


def test_the_report_shows_the_splits_that_the_recipe_names(environment_copy, monkeypatch):
    # Maps are drawn by the tests of the gallery.
    undrawn = Picture("name", "alt", "caption", b"light", b"dark")
    monkeypatch.setattr(habitat_gallery, "picture", lambda *_: undrawn)
    changes = {SPLITS: ["random"], "evaluation": {"replicates": 20}}
    learn(environment_copy, changes)
    section = content_of(recipe_with(changes), environment_copy).habitats[0]
    (board,) = [each for each in section.scoreboards if "other splits" in each.caption]
    assert [row.name for row in board.rows] == ["spatial blocks", "single plots at random"]
    assert board.rows[1].note.startswith("3 folds of")
    plain = content_of(recipe_with({}), environment_copy).habitats[0]
    assert not [each for each in plain.scoreboards if "other splits" in each.caption]
