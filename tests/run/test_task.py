import hashlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path

import cloudpickle
import pytest

from biomap_xr.cluster import LocalProfile, SerialSession, open_session
from biomap_xr.errors import InputError
from biomap_xr.run import Event, FillSettings, Ledger, Outcome, Task, fill, recorded
from biomap_xr.run.plan import Plan
from biomap_xr.run.task import timeout_of

cloudpickle.register_pickle_by_value(sys.modules[__name__])


@dataclass(frozen=True)
class Fits:
    """Writes a folder a fit, with what it was given."""

    root: Path
    refused: frozenset[str] = field(default_factory=frozenset)
    fingerprint: str = "1"
    name: str = "fits"
    unit: str = "fits"

    def __call__(self, task: Task) -> Outcome:
        if task.name in self.refused:
            raise ValueError(f"no fit of {task.name}")
        folder = self.root / "models" / task.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "fit.json").write_text(json.dumps(task.arguments))
        return Outcome(recorded(self.root, folder), {"loss": [0.5, 0.25]})


def do(program: Fits, *tasks: Task, session=None, listener=lambda event: None):
    ledger = Ledger(program.root / "receipts" / program.name)
    settings = FillSettings(retries=0, patience=20)
    return fill(
        program,
        tasks,
        ledger,
        session or SerialSession(),
        root=program.root,
        settings=settings,
        listener=listener,
    )


TASKS = (Task("R_1.mlpw", {"fold": 1}, key="a"), Task("R_2.mlpw", {"fold": 2}, key="b"))


def test_a_task_is_done_once_and_its_files_are_in_the_receipt(tmp_path: Path) -> None:
    fits = Fits(tmp_path)
    assert do(fits, *TASKS).done == ("R_1.mlpw", "R_2.mlpw")
    assert do(fits, *TASKS).skipped == ("R_1.mlpw", "R_2.mlpw")
    receipt = Ledger(tmp_path / "receipts" / "fits").read("R_1.mlpw")
    (file,) = receipt.shards
    assert (file.path, file.size) == ("models/R_1.mlpw/fit.json", 11)
    assert file.sha256 == hashlib.sha256(b'{"fold": 1}').hexdigest()
    assert (receipt.fingerprint, receipt.key) == ("1", "a")
    assert receipt.statistics == {"loss": [0.5, 0.25]}


def test_a_task_whose_own_key_changed_is_done_again_and_no_other(tmp_path: Path) -> None:
    fits = Fits(tmp_path)
    do(fits, *TASKS)
    changed = Task("R_2.mlpw", {"fold": 2}, key="c")
    summary = do(fits, TASKS[0], changed)
    assert (summary.skipped, summary.done) == (("R_1.mlpw",), ("R_2.mlpw",))


def test_workers_do_the_same(tmp_path: Path) -> None:
    with open_session(LocalProfile(kind="local", processes=1, memory_limit="1GiB")) as session:
        summary = do(Fits(tmp_path, frozenset({"R_2.mlpw"})), *TASKS, session=session)
    assert summary.done == ("R_1.mlpw",)
    assert [(each.tile, each.error) for each in summary.failed] == [
        ("R_2.mlpw", "ValueError: no fit of R_2.mlpw")
    ]
    assert summary.status == 4


def test_two_tasks_of_one_name_are_refused_before_any_is_done(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"fits has two fits named 'R_1.mlpw'"):
        do(Fits(tmp_path), *TASKS, TASKS[0])
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "é", "a" * 201])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="cannot name a task"):
        Task(name)


def test_files_are_recorded_below_the_root_and_nothing_is_an_error(tmp_path: Path) -> None:
    for name in ("b", "a/c"):
        path = tmp_path / "made" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "alone").write_text("")
    found = recorded(tmp_path, tmp_path / "made", tmp_path / "alone")
    assert [(each.path, each.size) for each in found] == [
        ("made/a/c", 3),
        ("made/b", 1),
        ("alone", 0),
    ]
    with pytest.raises(InputError, match="holds no file"):
        recorded(tmp_path, tmp_path / "nothing")


def test_the_plan_counts_what_is_meant_now(tmp_path: Path) -> None:
    fits = Fits(tmp_path)
    do(fits, *TASKS)
    ledger = Ledger(tmp_path / "receipts" / "fits")
    assert Plan.of(fits, TASKS).finished(ledger) == 2
    assert Plan.of(fits, TASKS[:1]).finished(ledger) == 1
    assert Plan.of(fits, (TASKS[0], Task("R_2.mlpw", key="c"))).finished(ledger) == 1
    assert Plan.of(Fits(tmp_path, fingerprint="2"), TASKS).finished(ledger) == 0
    place = tmp_path / "receipts" / "fits.json"
    Plan.of(fits, TASKS).write(place)
    assert Plan.read(place) == Plan.of(fits, TASKS)


def test_events_name_the_unit(tmp_path: Path) -> None:
    heard: list[Event] = []
    do(Fits(tmp_path), *TASKS, listener=heard.append)
    assert {event.unit for event in heard} == {"fits"}
    assert [event.cells for event in heard] == [0] * len(heard)


def test_a_program_may_take_as_long_as_it_takes() -> None:
    class Training:
        timeout = None

    assert timeout_of(Training(), 60.0) is None
    assert timeout_of(object(), None) is None
