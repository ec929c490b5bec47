import pytest

from biomap_xr.pipeline.plan import Plan
from biomap_xr.pipeline.status import Filled, Progress, progress_of
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.run import Failure, WorkspaceLock


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
