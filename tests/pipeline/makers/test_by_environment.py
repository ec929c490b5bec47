import json
import logging

import numpy as np
import pytest
import yaml
from tiny_run import ENVIRONMENT, changed, filling_of

from biomap_xr.errors import InputError, RecipeError
from biomap_xr.habitats.ensemble.artefact import load_ensemble
from biomap_xr.pipeline.makers.by_environment import learn_by_environment, options_of
from biomap_xr.pipeline.makers.observing import Observer
from biomap_xr.pipeline.scores import HabitatScores
from biomap_xr.recipe import Recipe

FORMATIONS = ("N", "R", "T")


def recipe_with(changes):
    return Recipe.model_validate(changed(yaml.safe_load(ENVIRONMENT.read_text()), changes))


def learn(workspace, changes=None):
    recipe = recipe_with(changes or {})
    observer = Observer(recipe.anchored(workspace.root), workspace)
    return learn_by_environment(recipe, observer, filling_of(workspace))


def files_of(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_each_formation_has_its_ensemble(environment):
    assert tuple(model.formation for model in environment.formations) == FORMATIONS
    for model in environment.formations:
        ensemble = load_ensemble(model.folder)
        assert ensemble.classes == model.codes
        assert all(code.startswith(model.formation) for code in model.codes)
        # Both families vote, once a fold.
        assert len(ensemble.voters) == 2 * 3
        assert ensemble.facts["fingerprint"]
        assert {feature.unit for feature in model.features.features} >= {"m", "degree"}


def test_classes_with_too_few_plots_are_dropped_and_listed(environment):
    facts = [load_ensemble(model.folder).facts for model in environment.formations]
    dropped = {code: count for each in facts for code, count in each["dropped"].items()}
    assert dropped
    assert all(count < 5 for count in dropped.values())
    kept = {code for model in environment.formations for code in model.codes}
    assert not kept & set(dropped)


def test_scores_are_of_voters_that_never_saw_the_block(environment):
    for model in environment.formations:
        scores = HabitatScores.read(model.folder.with_name("scores.zarr"), "plots")
        ensemble = load_ensemble(model.folder)
        assert scores.codes == model.codes
        assert set(scores.probability) == {"ensemble", *ensemble.learners}
        assert all(set(codes) <= set(model.codes) and codes for codes in scores.labels)
        assert "not nested" in scores.notes["ensemble"]
        weighted = sum(
            weight * scores.probability[name] for name, weight in ensemble.weights.items()
        )
        # Where all voters of a fold know all classes, the vote is their weighted mean.
        known = np.array(
            [all(ensemble.of_fold(fold).known.all() for fold in range(3))] * len(scores.labels)
        )
        assert known.all() or model.formation == "N"
        np.testing.assert_allclose(
            scores.probability["ensemble"][known], weighted[known], atol=2e-6
        )
        np.testing.assert_allclose(scores.probability["ensemble"].sum(axis=1), 1, atol=1e-5)
        assert (scores.row >= 0).all()


def test_what_is_done_is_not_done_again(environment_copy, caplog):
    folder = environment_copy.models / "habitats" / "by_environment"
    before = files_of(folder)
    with caplog.at_level(logging.INFO):
        assert len(learn(environment_copy)) == 3
    assert files_of(folder) == before
    assert not [each for each in caplog.messages if each.startswith("formation")]


def test_a_killed_training_goes_on_at_its_members(environment_copy):
    folder = environment_copy.models / "habitats" / "by_environment" / "R"
    card = (folder / "ensemble" / "card.json").read_text()
    (folder / "scores.zarr" / "plots" / "zarr.json").unlink()
    (folder / "members" / "wrf_1" / "SHA256SUMS").unlink()
    for path in (folder / "members" / "wrf_1").iterdir():
        path.unlink()
    (folder / "members" / "wrf_1").rmdir()
    kept = files_of(folder / "members")
    (model,) = [each for each in learn(environment_copy) if each.formation == "R"]
    assert (folder / "members" / "wrf_1").is_dir()
    assert {path: files_of(folder)[path] for path in kept} == kept
    # Equal rows, settings and seeds: what was fitted anew is what was lost.
    assert (model.folder / "card.json").read_text() == card


def test_one_formations_learners_train_that_formation_alone(environment_copy):
    folder = environment_copy.models / "habitats" / "by_environment"
    before = files_of(folder)
    forest = {"only": {"algorithm": "forest", "trees": 4}}
    found = learn(environment_copy, {"habitats.by_environment.by_formation": {"T": forest}})
    after = files_of(folder)
    assert load_ensemble(found[2].folder).learners == ("only",) * 3
    for formation in ("N", "R"):
        mine = [path for path in before if formation in path.relative_to(folder).parts[:1]]
        assert {path: after[path] for path in mine} == {path: before[path] for path in mine}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"habitats.by_environment.formations": ["R", "P"]}, "formation P: 0 classes have 5"),
        ({"habitats.by_environment.features.0.name": "height"}, "'height'.* are missing"),
        ({"habitats.by_environment.features.0.unit": "km"}, "'elevation' is in 'm', expected 'km'"),
        ({"habitats.by_environment.features.4.reference": 1}, "wetness.*expected 0 to 1"),
        ({"habitats.by_environment.blocks.sides_m": [100_000]}, "formation N: .*cells of 100000 m"),
    ],
)
def test_what_cannot_be_trained_is_said_first(environment_copy, changes, message):
    folder = environment_copy.models / "habitats" / "by_environment"
    before = files_of(folder)
    with pytest.raises(InputError, match=message):
        learn(environment_copy, changes)
    assert files_of(folder) == before


def test_a_recipe_without_predictors_or_ensembles_is_refused(environment_copy):
    with pytest.raises(RecipeError, match=r"no section covariates.predictors"):
        learn(environment_copy, {"covariates": None})
    recipe = recipe_with({"habitats.by_environment": None, "habitats.by_species": {}})
    observer = Observer(recipe.anchored(environment_copy.root), environment_copy)
    with pytest.raises(RecipeError, match=r"no habitats.by_environment"):
        learn_by_environment(recipe, observer, filling_of(environment_copy))


def test_published_winners_all_vote(environment):
    settings = environment.recipe.habitats.by_environment
    assert options_of(settings, "R").selection.keep == "family"
    published = settings.model_copy(update={"members": {}})
    assert options_of(published, "R").selection.keep == "all"
    assert json.loads(options_of(settings, "R").vote.model_dump_json())["weights"] == "rank"


def test_a_new_ensemble_forgets_the_external_scores_of_the_former_one(environment_copy):
    scores = environment_copy.models / "habitats" / "by_environment" / "N" / "scores.zarr"
    (scores / "external-former").mkdir()
    (scores / "external-former" / "zarr.json").write_text("{}")
    learn(environment_copy)
    assert (scores / "external-former" / "zarr.json").exists()
    (scores / "plots" / "zarr.json").unlink()
    learn(environment_copy)
    assert not (scores / "external-former" / "zarr.json").exists()
    there = {path.parent.name for path in scores.glob("*/zarr.json")}
    assert there == {"plots", "external-again"}
