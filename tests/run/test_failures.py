from pathlib import Path

from biomap_xr.run.failures import Failure, Failures


def failure_of(tile: str, error: str = "ValueError: no luck") -> Failure:
    return Failure(
        program="toy", tile=tile, fingerprint="1", root="/runs/demo", attempts=3, error=error
    )


def test_records_are_kept_by_tile_and_replaced_by_later_ones(tmp_path: Path) -> None:
    failures = Failures(tmp_path / "set_aside")
    assert failures.all() == ()
    failures.add(failure_of("b"))
    failures.add(failure_of("a"))
    path = failures.add(failure_of("b", "OSError: worse"))
    assert failures.all() == (failure_of("a"), failure_of("b", "OSError: worse"))
    assert "OSError: worse" in path.read_text()


def test_a_record_is_discarded_once_the_tile_is_finished(tmp_path: Path) -> None:
    failures = Failures(tmp_path)
    failures.add(failure_of("a"))
    failures.discard("a")
    failures.discard("never there")
    assert failures.all() == ()
