import json
import shutil

import pytest
import yaml
from tiny_run import ENVIRONMENT, SERIAL, TINY, changed

from biomap_xr.errors import InputError
from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.problems import Check, problems_of
from biomap_xr.pipeline.running import run
from biomap_xr.pipeline.stage import Key, Part, Record, State, thing
from biomap_xr.pipeline.stages import STAGES
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe
from biomap_xr.run import Failure
from biomap_xr.run.plan import Plan


def states(recipe, workspace):
    making = Making(recipe, workspace, STAGES)
    return {stage.name: stage.state(making) for stage in making.wanted}


def progress(recipe, workspace):
    return {name: state.progress for name, state in states(recipe, workspace).items()}


def tiny_with(changes):
    return Recipe.model_validate(changed(yaml.safe_load(TINY.read_text()), changes))


def environment_with(changes):
    return Recipe.model_validate(changed(yaml.safe_load(ENVIRONMENT.read_text()), changes))


def test_a_key_names_what_changed(tmp_path):
    one, other = Key({"model": "ab", "grid": [1]}), Key({"model": "cd", "grid": [1]})
    assert one.name != other.name
    Record.keep(tmp_path / "maps.json", one, done=True)
    record = Record.read(tmp_path / "maps.json")
    assert (record.key, record.done) == (one.name, True)
    assert record.changed(other) == ("model",)
    assert record.changed(Key({"grid": [1]})) == ("model",)
    assert record.changed(one) == ()


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"key": "a", "digests": 3, "done": true}'])
def test_a_record_that_cannot_be_read_counts_as_none(tmp_path, content):
    (tmp_path / "maps.json").write_text(content)
    assert Record.read(tmp_path / "maps.json") is None


@pytest.mark.parametrize(
    ("part", "done"),
    [
        (Part("maps", unit="tiles"), False),
        (Part("maps", 3, 4, "tiles"), False),
        (Part("maps", 4, 4, "tiles"), True),
        (thing("model", there=True), True),
        (thing("model", there=False), False),
    ],
)
def test_only_what_has_begun_and_is_whole_is_done(part, done):
    assert part.done is done


def test_a_check_tells_its_section_and_status():
    def look():
        raise InputError("a.csv is missing")

    (problem,) = problems_of(Check("observations", look))
    assert problem == ("observations: a.csv is missing", 3)


def test_nothing_is_there_and_nothing_is_made(tiny, tmp_path, run_tiny):
    place = Workspace(tmp_path / "none")
    assert run_tiny(place, command="status").status == 4
    assert set(progress(tiny, place).values()) == {"absent"}
    assert not place.root.exists()


def test_a_finished_run(finished, tiny, run_tiny):
    assert set(progress(tiny, finished.workspace).values()) == {"done"}
    said = run_tiny(finished.workspace, command="status")
    assert said.status == 0
    assert f"tiny in {finished.workspace.root}" in said.out
    assert "maps: 4 of 4 tiles finished" in said.out


def test_half_of_the_maps(copied, tiny):
    for receipt in sorted((copied.root / "receipts" / "maps").glob("*.json"))[:3]:
        receipt.unlink()
    found = states(tiny, copied)["maps"]
    assert found == State("partial", (Part("maps", 1, 4, "tiles"),))


def test_a_shard_that_is_gone_is_seen(copied, tiny):
    next(copied.species.glob("probability/c/0/0/0")).unlink()
    assert states(tiny, copied)["maps"].parts[0].there == 3


def test_receipts_of_a_former_program_do_not_count(copied, tiny):
    Plan(4, "another").write(copied.plan("maps"))
    assert states(tiny, copied)["maps"].parts == (Part("maps", 0, 4, "tiles"),)


@pytest.mark.parametrize(
    ("changes", "stale"),
    [
        ({"folds.block_m": 600}, {"species": "folds", "by_species": "species", "maps": "species"}),
        ({"maps": {"floor": 0.1}}, {"maps": "maps"}),
        ({"habitats.on_map.probabilities": False}, {"maps": "habitats.on_map"}),
        ({"habitats.by_species.k": 7}, {"by_species": "habitats", "maps": "by_species"}),
        ({"inputs.window": 32}, {"covariates": "window"}),
        ({"evaluation.replicates": 60}, {}),
    ],
)
def test_what_a_changed_recipe_makes_stale(finished, changes, stale):
    found = states(tiny_with(changes), finished.workspace)
    for name, state in found.items():
        if name in stale:
            assert state.progress == "stale"
            assert stale[name] in state.why
    if "covariates" not in stale:
        assert {n for n, s in found.items() if s.progress == "stale"} == set(stale)


def test_scores_of_another_recipe_do_not_count_as_trained(copied, tiny):
    """Somebody else's record in the place of ours."""
    record = copied.record("species")
    content = json.loads(record.read_text())
    record.write_text(json.dumps({**content, "key": "another", "digests": {"folds": "x"}}))
    found = progress(tiny, copied)
    assert found["species"] == "stale"
    assert found["maps"] == "done"


def test_a_workspace_of_an_earlier_version_is_told(copied, tiny, run_tiny):
    shutil.rmtree(copied.root / "stages")
    assert set(progress(tiny, copied).values()) == {"stale"}
    said = run_tiny(copied, command="status")
    assert said.status == 4
    assert "maps: stale (an earlier version made it); the next run makes it anew" in said.out


def test_a_source_that_is_gone_is_told(copied, tiny):
    path = copied.virtual / "species.csv"
    path.unlink()
    found = states(tiny, copied)
    assert found["covariates"].done
    assert found["species"].progress == "unknown"
    assert "species.csv" in found["species"].why


def test_a_tile_that_was_set_aside_is_named(copied, run_tiny):
    copied.ledger("maps").failures.add(
        Failure(
            program="maps",
            tile="2500mE40000N28025",
            fingerprint="a",
            root=str(copied.root),
            attempts=3,
            error="OSError: no answer",
        )
    )
    said = run_tiny(copied, command="status")
    assert said.status == 4
    assert "set aside: maps 2500mE40000N28025: OSError: no answer" in said.out


def test_a_recipe_without_maps_is_done_when_it_is_trained(copied):
    recipe = Recipe.load(TINY).model_copy(update={"covariates": None})
    assert list(progress(recipe, copied)) == ["species", "by_species"]


def test_files_that_are_asked_for_count(environment, environment_copy):
    recipe = environment.recipe
    assert progress(recipe, environment_copy)["products"] == "done"
    assert "products" not in progress(
        recipe.model_copy(update={"products": None}), environment_copy
    )
    (environment_copy.products / "documented_cross_walks.csv").unlink()
    assert progress(recipe, environment_copy)["products"] == "absent"


def test_files_of_other_maps_do_not_count(environment, environment_copy):
    cited = environment.recipe.model_copy(update={"citation": "another"})
    assert progress(cited, environment_copy)["products"] == "stale"
    next((environment_copy.root / "receipts" / "wall_to_wall").glob("*.json")).unlink()
    found = progress(environment.recipe, environment_copy)
    assert (found["environment"], found["products"]) == ("partial", "stale")


def test_a_changed_legend_is_seen(environment_copy):
    wanted = environment_with({})
    path = wanted.anchored(environment_copy.root).habitats.rules.legend
    content = path.read_text()
    path.unlink()
    path.write_text(content + "\n")
    assert progress(wanted, environment_copy)["products"] == "stale"


def test_splits_and_external_plots_count(environment_copy):
    changes = {"habitats.by_environment.compared_splits": ["site"]}
    found = states(environment_with(changes), environment_copy)["ensembles"]
    assert found.progress == "stale"
    assert thing("split site of R", there=False, words=("scored", "not scored yet")) in found.parts
    assert any(str(part) == "external plots again of R: scored" for part in found.parts)


def test_a_model_without_its_weights_is_not_there(copied, tiny, run_tiny):
    (copied.models / "species" / "model.safetensors").unlink()
    shutil.rmtree(copied.models / "habitats" / "by_species" / "model")
    found = progress(tiny, copied)
    assert (found["species"], found["by_species"]) == ("absent", "absent")
    assert run_tiny(copied).status == 0
    assert set(progress(tiny, copied).values()) == {"done"}


def test_a_run_that_has_just_finished_is_done(environment_copy):
    """Also where one stage has changed what a later one depends on."""
    next((environment_copy.root / "receipts" / "wall_to_wall").glob("*.json")).unlink()
    recipe = environment_with({})
    with Workers(SERIAL) as workers:
        run(recipe, environment_copy, workers)
    assert set(progress(recipe, environment_copy).values()) == {"done"}


def test_a_runs_own_model_is_no_input_of_it(copied):
    own = copied.models / "habitats" / "by_species" / "model"
    recipe = tiny_with({"habitats.by_species.model": str(own)})
    messages = [problem.message for problem in Making(recipe, copied, STAGES).problems()]
    assert any("is a result of this run" in message for message in messages)
