import pytest
import yaml
from tiny_run import ENVIRONMENT, changed, filling_of

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.pipeline.makers.by_environment import learn_by_environment
from biomap_xr.pipeline.makers.observing import Observer
from biomap_xr.pipeline.scores import HabitatScores
from biomap_xr.recipe import Recipe

FORMATIONS = ("N", "R", "T")


def learn(workspace, external):
    recipe = Recipe.model_validate(
        changed(yaml.safe_load(ENVIRONMENT.read_text()), {"habitats.external": external})
    )
    observer = Observer(recipe.anchored(workspace.root), workspace)
    return learn_by_environment(recipe, observer, filling_of(workspace))


def times(workspace):
    folder = workspace.models / "habitats" / "by_environment"
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_finished_model_is_better_where_it_has_learnt(environment):
    # The external plots are those of the training again: seen plots score higher than unseen ones.
    for model in environment.formations:
        folder = model.folder.with_name("scores.zarr")
        found = {}
        for name in ("plots", "external-again"):
            judged, _ = HabitatScores.read(folder, name).judged("ensemble")
            found[name] = judged.hits(3).mean()
        assert found["external-again"] > found["plots"]


def test_a_set_that_is_added_later_is_scored_alone(environment_copy):
    tables = yaml.safe_load(ENVIRONMENT.read_text())["habitats"]["external"]["again"]
    before = times(environment_copy)
    learn(environment_copy, {"later": tables})
    after = times(environment_copy)
    assert {name: after[name] for name in before} == before
    added = {name for name in after if name not in before}
    groups = {"/".join(name.split("/")[:3]) for name in added}
    assert groups == {f"{formation}/scores.zarr/external-later" for formation in FORMATIONS}
    # And not again.
    learn(environment_copy, {"later": tables})
    assert times(environment_copy) == after


def test_other_plots_under_the_same_name_are_scored_again(environment_copy):
    tables = yaml.safe_load(ENVIRONMENT.read_text())["habitats"]["external"]["again"]
    place = environment_copy.models / "habitats" / "by_environment" / "R" / "scores.zarr"
    before = HabitatScores.read(place, "external-again").labels
    learn(environment_copy, {"again": {**tables, "filters": {"area_m2": {"minimum": 50}}}})
    assert len(HabitatScores.read(place, "external-again").labels) < len(before)


def test_plots_that_are_not_there_are_named(environment_copy):
    tables = [{"kind": "plantbert", "species": "none.csv", "header": "none.csv"}]
    with pytest.raises(InputError, match=r"none\.csv"):
        learn(environment_copy, {"missing": {"tables": tables}})


def test_an_error_names_formation_and_plots(environment_copy):
    tables = yaml.safe_load(ENVIRONMENT.read_text())["habitats"]["external"]["again"]
    folder = environment_copy.models / "habitats" / "by_environment" / "R" / "ensemble"
    (weights, *_) = sorted(folder.glob("*/*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(CorruptError, match=r"external: 1 formations .* first R-later: Corrupt"):
        learn(environment_copy, {"later": tables})
