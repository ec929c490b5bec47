import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from biomap_xr.errors import CorruptError
from biomap_xr.habitats.ensemble.spaces import Range
from biomap_xr.habitats.ensemble.studies import Memory, Trial, search, sweep

SPACE = {"x": Range(-1.0, 1.0), "n": Range(1, 9, log=True, whole=True), "word": ("a", "b")}


class Counted:
    """A hill whose climbs are counted, and that can break off."""

    def __init__(self, breaks_at=None):
        self.calls, self.breaks_at = 0, breaks_at

    def __call__(self, values):
        if self.calls == self.breaks_at:
            raise KeyboardInterrupt
        self.calls += 1
        return -((values["x"] - 0.5) ** 2) - (values["word"] == "a")


def run(evaluate, trials, memory):
    return search(evaluate, SPACE, trials, memory, seed=1, random_trials=4)


def test_search_climbs():
    trials = run(Counted(), 25, Memory("hill"))
    assert len(trials) == 25
    best = max(trials, key=lambda trial: trial.score)
    assert best.score > -0.02
    assert best.values["word"] == "b"
    assert all(isinstance(trial.values["n"], int) for trial in trials)


def test_trials_are_not_repeated(tmp_path):
    memory = Memory("hill", tmp_path / "room" / "trials.log")
    first = run(Counted(), 6, memory)
    again = Counted()
    assert run(again, 6, memory) == first
    assert again.calls == 0
    assert run(again, 9, memory)[:6] == first
    assert again.calls == 3


@pytest.mark.parametrize("cut", [0, 1, 40])
def test_interrupted_search_ends_as_one_that_was_not(tmp_path, cut):
    whole = run(Counted(), 9, Memory("hill"))
    memory = Memory("hill", tmp_path / "trials.log")
    with pytest.raises(KeyboardInterrupt):
        run(Counted(breaks_at=6), 9, memory)
    # A killed process may leave half a line.
    content = memory.journal.read_bytes()
    memory.journal.write_bytes(content[: len(content) - cut])
    resumed = Counted()
    assert run(resumed, 9, memory) == whole
    assert resumed.calls == 3 + (cut > 0)


def test_search_that_lost_a_score_does_it_again(tmp_path):
    memory = Memory("hill", tmp_path / "trials.log")
    whole = run(Counted(), 5, memory)
    lines = memory.journal.read_bytes().splitlines(keepends=True)
    memory.journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:7])
    resumed = Counted()
    assert run(resumed, 5, memory) == whole
    assert resumed.calls == 1


def test_studies_of_other_names_share_a_journal_but_no_trial(tmp_path):
    journal = tmp_path / "trials.log"
    run(Counted(), 3, Memory("hill", journal))
    other = Counted()
    run(other, 3, Memory("dale", journal))
    assert other.calls == 3


def test_journal_is_optunas(tmp_path):
    memory = Memory("hill", tmp_path / "trials.log")
    trials = run(Counted(), 3, memory)
    storage = JournalStorage(JournalFileBackend(str(memory.journal)))
    study = optuna.load_study(study_name="hill", storage=storage)
    assert study.best_value == max(trial.score for trial in trials)


def test_sweep_tries_points_in_order_and_goes_on(tmp_path):
    memory = Memory("grid", tmp_path / "trials.log")
    points = [{"x": x, "word": word} for x in (0.0, 0.5) for word in ("a", "b")]
    with pytest.raises(KeyboardInterrupt):
        sweep(Counted(breaks_at=3), points, memory)
    resumed = Counted()
    assert sweep(resumed, points, memory) == tuple(
        Trial(point, score) for point, score in zip(points, (-1.25, -0.25, -1, 0), strict=True)
    )
    assert resumed.calls == 1


def test_sweep_of_a_single_point_without_values():
    assert sweep(lambda _: 0.5, [{}], Memory("given")) == (Trial({}, 0.5),)


def test_other_files_are_refused(tmp_path):
    journal = tmp_path / "trials.log"
    journal.write_text('{"a": 1}\nwords\nmore words\n')
    with pytest.raises(CorruptError, match=r"no journal of trials .* remove it"):
        run(Counted(), 1, Memory("hill", journal))
