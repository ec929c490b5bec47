from dataclasses import replace

import pytest
import yaml
from tiny_run import ENVIRONMENT, SERIAL, changed, linked

from biomap_xr.errors import InputError
from biomap_xr.pipeline.making import Making
from biomap_xr.pipeline.running import refuse, run
from biomap_xr.pipeline.stages import STAGES
from biomap_xr.pipeline.workers import Workers
from biomap_xr.recipe import Recipe

pytestmark = pytest.mark.trust

ENSEMBLE, RULES = "habitats.by_environment", "habitats.rules"
EXTERNAL = "habitats.external.again.tables.0"


@pytest.fixture
def only_inputs(environment, tmp_path):
    """A workspace in which nothing but the simulated Europe is there, its files linked."""
    return linked(environment.workspace, tmp_path / "run", "virtual")


def recipe_with(changes):
    return Recipe.model_validate(changed(yaml.safe_load(ENVIRONMENT.read_text()), changes))


def check(workspace, changes):
    refuse(list(Making(recipe_with(changes), workspace, STAGES).problems()))


def test_what_fits_passes(only_inputs):
    check(only_inputs, {})


@pytest.mark.parametrize(
    ("changes", "section"),
    [
        ({f"{ENSEMBLE}.features": [], f"{ENSEMBLE}.feature_table": "nope.csv"}, ENSEMBLE),
        ({f"{ENSEMBLE}.configurations": "nope.csv", f"{ENSEMBLE}.members": {}}, ENSEMBLE),
        ({f"{RULES}.legend": "nope.csv"}, f"{RULES}.legend"),
        ({f"{RULES}.regions.ecoregion_table": "nope.csv"}, f"{RULES}.regions"),
        ({f"{RULES}.regions.ecoregion_codes": "nope.csv"}, f"{RULES}.regions"),
        ({f"{RULES}.regions.coast_tables.N": "nope.csv"}, f"{RULES}.regions.coast_tables.N"),
        ({f"{RULES}.crosswalk.table": "nope.csv"}, f"{RULES}.crosswalk"),
        ({f"{RULES}.crosswalk.mask": "nope.csv"}, f"{RULES}.crosswalk"),
        ({"habitats.expert_system": "nope.csv"}, "habitats.expert_system"),
        ({"plots.tables.0.species": "nope.csv"}, "plots"),
        ({f"{EXTERNAL}.header": "nope.csv"}, "habitats.external.again"),
    ],
)
def test_a_missing_table_is_named_with_its_section(only_inputs, changes, section):
    with pytest.raises(InputError, match=rf"^{section}: .*nope\.csv"):
        check(only_inputs, changes)


def test_tables_that_do_not_fit_are_named(only_inputs):
    header = "plots/header.csv"
    with pytest.raises(InputError, match=r"^habitats\.external\.again: .*header\.csv"):
        check(only_inputs, {f"{EXTERNAL}.species": header})
    with pytest.raises(InputError, match=r"^habitats\.rules\.legend: .*no column"):
        check(only_inputs, {f"{RULES}.legend": header})
    with pytest.raises(InputError, match=r"^habitats\.by_environment: .*'slope'.* are missing"):
        check(only_inputs, {f"{ENSEMBLE}.features.0.name": "slope"})
    with pytest.raises(InputError, match=r"^plots: compared_splits 'cover_scale'"):
        check(only_inputs, {f"{ENSEMBLE}.compared_splits": ["cover_scale"]})


def test_all_problems_are_told_before_anything_is_made(only_inputs):
    recipe = recipe_with({f"{RULES}.legend": "one.csv", f"{EXTERNAL}.species": "two.csv"})
    with (
        pytest.raises(InputError, match=r"(?s)2 problems .*one\.csv.*external\.again: .*two\.csv"),
        Workers(SERIAL) as workers,
    ):
        run(recipe, only_inputs, workers)
    assert not only_inputs.covariates.exists()


def test_files_are_looked_at_also_where_models_are_there(environment_copy):
    assert (environment_copy.models / "plots.json").is_file()
    with pytest.raises(InputError, match=r"^habitats\.external\.again: .*nope\.csv"):
        check(environment_copy, {f"{EXTERNAL}.species": "nope.csv"})


def test_habitats_of_one_number_are_named_before_they_are_learnt(only_inputs):
    making = Making(recipe_with({}), only_inputs, STAGES)
    placed = making.observer.plots
    labels = tuple((("T1J",), ("T1K",))[row % 2] for row in range(len(placed.plots)))
    # The plots are read once, so that others can stand in for them.
    making.observer.__dict__["plots"] = replace(placed, plots=placed.plots.with_labels(labels))
    (problem,) = making.problems()
    assert problem.message.startswith("plots: T1J and T1K both have the number 7119")


def test_nothing_is_asked_of_a_recipe_without_habitats(only_inputs):
    recipe = recipe_with({f"{RULES}.legend": "nope.csv"})
    habitats = recipe.habitats.model_copy(update={"by_environment": None})
    unasked = recipe.model_copy(update={"habitats": habitats, "products": None})
    assert list(Making(unasked, only_inputs, STAGES).problems()) == []
