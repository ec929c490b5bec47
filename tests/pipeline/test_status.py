import pytest

from biomap_xr.pipeline.status import Filled, Progress, progress_of
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.run import Failure, WorkspaceLock
from biomap_xr.run.plan import Plan


def test_nothing_is_there_and_nothing_is_made(run_tiny, tmp_path):
    place = Workspace(tmp_path / "none")
    said = run_tiny(place, command="status")
    assert said.status == 4
    assert said.out.splitlines()[1:] == [
        "running: no",
        "model: not trained yet",
        "habitat model: not trained yet",
        "masks: not begun",
        "covariates: not begun",
        "maps: not begun",
    ]
    assert not place.root.exists()


def test_a_finished_run(finished, run_tiny):
    said = run_tiny(finished.workspace, command="status")
    assert said.status == 0
    assert f"tiny in {finished.workspace.root}" in said.out
    assert "model: trained" in said.out
    for program in ("masks", "covariates", "maps"):
        assert f"{program}: 4 of 4 tiles finished" in said.out


def test_half_of_the_maps(copied, run_tiny):
    for receipt in sorted((copied.root / "receipts" / "maps").glob("*.json"))[:3]:
        receipt.unlink()
    said = run_tiny(copied, command="status")
    assert said.status == 4
    assert "maps: 1 of 4 tiles finished" in said.out


def test_receipts_of_a_former_program_do_not_count(copied, tiny):
    Plan(4, "another").write(copied.plan("maps"))
    found = progress_of(tiny, copied)
    assert found.programs["maps"] == Filled(0, 4)
    assert found.status == 4


def test_a_tile_that_was_set_aside_is_named(copied, tiny):
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
    found = progress_of(tiny, copied)
    assert found.status == 4
    assert "set aside: maps 2500mE40000N28025: OSError: no answer" in tuple(found.lines())


def test_a_run_in_progress_is_named(finished, tiny, tmp_path):
    with WorkspaceLock(tmp_path) as lock:
        assert progress_of(tiny, Workspace(tmp_path)).owner == str(lock.owner)
    assert progress_of(tiny, Workspace(tmp_path)).owner == ""


def test_a_recipe_without_maps_is_done_when_it_is_trained(copied, tiny):
    recipe = tiny.model_copy(update={"covariates": None})
    found = progress_of(recipe, copied)
    assert found.status == 0
    assert tuple(found.lines()) == (
        "running: no",
        "model: trained",
        "habitat model: trained",
    )


@pytest.mark.parametrize(
    ("filled", "done"), [(Filled(), False), (Filled(3, 4), False), (Filled(4, 4), True)]
)
def test_only_a_program_that_has_begun_can_be_done(filled, done):
    assert filled.done is done


def test_every_map_counts_not_the_last_one_alone():
    """Maps of species with a tile missing, maps from the environment whole."""
    programs = {name: Filled(4, 4) for name in ("masks", "covariates", "environment")}
    half = Progress({**programs, "maps": Filled(3, 4)}, (), {"model": True}, "")
    assert half.status == 4
    whole = Progress({**programs, "maps": Filled(4, 4)}, (), {"model": True}, "")
    assert whole.status == 0
    wall = Progress({"maps": Filled(3, 4), **programs}, (), {"model": True}, "")
    assert wall.status == 4


def test_files_that_are_asked_for_count(environment, environment_copy):
    recipe = environment.recipe
    found = progress_of(recipe, environment_copy)
    assert (found.status, found.products) == (0, True)
    assert "products: written" in tuple(found.lines())
    unasked = progress_of(recipe.model_copy(update={"products": None}), environment_copy)
    assert (unasked.status, unasked.products) == (0, None)
    (environment_copy.products / "documented_cross_walks.csv").unlink()
    found = progress_of(recipe, environment_copy)
    assert (found.status, found.products) == (4, False)
    assert "products: not written yet" in tuple(found.lines())


def test_files_of_other_maps_do_not_count(environment, environment_copy):
    cited = environment.recipe.model_copy(update={"citation": "another"})
    assert progress_of(cited, environment_copy).products is False
    next((environment_copy.root / "receipts" / "wall_to_wall").glob("*.json")).unlink()
    assert progress_of(environment.recipe, environment_copy).products is False


def test_compared_splits_count(environment, environment_copy):
    settings = environment.recipe.habitats.by_environment
    wanted = settings.model_copy(update={"formations": ("R",), "compared_splits": ("site",)})
    habitats = environment.recipe.habitats.model_copy(update={"by_environment": wanted})
    recipe = environment.recipe.model_copy(update={"habitats": habitats})
    found = progress_of(recipe, environment_copy)
    assert (found.status, found.splits) == (4, {"split site of R": False})
    assert "split site of R: not scored yet" in tuple(found.lines())
    scores = environment_copy.models / "habitats" / "by_environment" / "R" / "scores"
    (scores / "split-site.json").write_text("{}")
    assert progress_of(recipe, environment_copy).status == 0
