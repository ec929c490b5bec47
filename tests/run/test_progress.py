import io
import json
import logging
from pathlib import Path

import pytest
from rich.console import Console

from biomap_xr.run.progress import (
    Event,
    EventLog,
    LiveDisplay,
    LogLines,
    Tally,
    duration,
    silent,
    watch,
)

STORY = (
    Event("began", "maps", tiles=4, skipped=5),
    Event("written", "maps", tile="a", cells=250_000, seconds=9.0),
    Event("retried", "maps", tile="b", note="ValueError: no\nsecond line"),
    Event("written", "maps", tile="c", cells=250_000, seconds=9.5),
    Event("set_aside", "maps", tile="b", note="ValueError: no"),
    Event("stopping", "maps", note="SIGTERM"),
    Event("ended", "maps", seconds=61.0),
)


def tally_of(story: tuple[Event, ...]) -> Tally:
    tally = Tally()
    for event in story:
        tally = tally.after(event)
    return tally


def test_the_tally_is_the_sum_of_the_events() -> None:
    tally = tally_of(STORY)
    assert tally == Tally(tiles=4, skipped=5, written=2, retried=1, set_aside=1, cells=500_000)
    assert tally.left == 1
    assert str(tally) == "2 of 4 tiles, 1 set aside, 1 retried, 5 were done before"


def test_the_pace_is_of_this_run_alone() -> None:
    assert tally_of(STORY[:1]).pace(5) == "no tile finished yet"
    assert tally_of(STORY[:2]).pace(10) == "25,000 cells/s, 30 s left"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (3600, "1 h 0 min"), (90_061, "1 d 1 h")],
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_plain_lines_say_trouble_at_once_and_progress_now_and_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    times = iter((0.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0))
    lines = LogLines(every=10, clock=lambda: next(times))
    for event in STORY:
        lines(event)
    assert [record.getMessage() for record in caplog.records] == [
        "maps: 4 tiles to do, 5 done before",
        "maps: 1 of 4 tiles, 5 were done before, 25,000 cells/s, 30 s left",
        "maps: tile b retried: ValueError: no",
        "maps: tile b set aside: ValueError: no",
        "maps: stopping: SIGTERM",
        "maps: 2 of 4 tiles, 1 set aside, 1 retried, 5 were done before in 1 min 1 s",
    ]


def test_the_event_log_holds_every_event_and_nothing_empty(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "new" / "events.jsonl")
    for event in STORY:
        log(event)
    lines = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert [line["kind"] for line in lines] == [event.kind for event in STORY]
    assert {key: lines[0][key] for key in lines[0] if key != "time"} == {
        "kind": "began",
        "program": "maps",
        "tiles": 4,
        "skipped": 5,
    }


def test_an_event_log_that_was_torn_goes_on_on_a_fresh_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"kind": "began"}\n{"ki')
    EventLog(path)(STORY[0])
    EventLog(path)(STORY[1])
    lines = path.read_text().splitlines()
    assert [line[:5] for line in lines] == ['{"kin', '{"ki', '{"tim', '{"tim']


def test_an_empty_event_log_starts_on_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.touch()
    EventLog(path)(STORY[0])
    assert len(path.read_text().splitlines()) == 1


def test_the_live_display_shows_tiles_pace_and_trouble() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=160, color_system=None)
    times = iter(range(0, 70, 10))
    display = LiveDisplay(console, clock=lambda: float(next(times)))
    with display.bar:
        for event in STORY[:4]:
            display(event)
        display.bar.refresh()
    shown = screen.getvalue()
    assert "2 of 4 tiles" in shown
    assert "cells/s" in shown
    assert "tile b retried: ValueError: no" in shown


def test_two_programs_have_a_row_each() -> None:
    console = Console(file=io.StringIO(), force_terminal=True)
    display = LiveDisplay(console)
    for event in (*STORY, Event("began", "reports", tiles=2), Event("ended", "reports")):
        display(event)
    assert [task.description for task in display.bar.tasks] == ["maps", "reports"]


@pytest.mark.parametrize("terminal", [True, False])
def test_watching_logs_everywhere_and_draws_on_terminals_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, terminal: bool
) -> None:
    caplog.set_level(logging.INFO)
    screen = io.StringIO()
    with watch(tmp_path, Console(file=screen, force_terminal=terminal, width=160)) as listener:
        for event in STORY:
            listener(event)
    assert len((tmp_path / "events.jsonl").read_text().splitlines()) == len(STORY)
    assert bool(screen.getvalue()) is terminal
    assert ("4 tiles to do" in caplog.text) is not terminal


def test_silence() -> None:
    silent(STORY[0])


def test_a_program_without_tiles_is_told_in_its_own_unit(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    lines = LogLines(every=0)
    lines(Event("began", "ensembles", tiles=2, unit="fits"))
    lines(Event("retried", "ensembles", tile="R_1", note="no", unit="fits"))
    lines(Event("ended", "ensembles", seconds=1.0, unit="fits"))
    assert [record.getMessage() for record in caplog.records] == [
        "ensembles: 2 fits to do, 0 done before",
        "ensembles: fit R_1 retried: no",
        "ensembles: 0 of 2 fits, 1 retried in 1 s",
    ]
