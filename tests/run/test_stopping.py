import signal
import threading

import pytest

from biomap_xr.errors import StoppedError
from biomap_xr.run import stopping

pytestmark = pytest.mark.trust


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_remembered_and_the_second_interrupts(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with stopping.listening():
        stopping.check()
        assert stopping.asked() == ""
        signal.raise_signal(number)
        assert stopping.asked() == number.name
        with pytest.raises(StoppedError, match=r"^stopped; run the same command to go on$") as stop:
            stopping.check()
        assert stop.value.status == 4
        with pytest.raises(KeyboardInterrupt, match=f"after {number.name}"):
            signal.raise_signal(number)
    assert signal.getsignal(number) is before
    stopping.check()


def test_one_context_inside_another_does_not_end_the_listening() -> None:
    with stopping.listening():
        with stopping.listening():
            signal.raise_signal(signal.SIGTERM)
        assert stopping.asked() == "SIGTERM"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert stopping.asked() == ""


def test_outside_the_main_thread_signals_stay_as_they_are() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen = []

    def inside() -> None:
        with stopping.listening():
            seen.append((stopping.asked(), signal.getsignal(signal.SIGTERM)))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert seen == [("", before)]


def test_no_thread_is_left_behind_and_no_signal_goes_astray() -> None:
    before = threading.active_count()
    with stopping.listening(limit=60):
        assert threading.active_count() == before + 1
        signal.raise_signal(signal.SIGTERM)
        assert stopping.asked() == "SIGTERM"
    assert threading.active_count() == before
    assert signal.set_wakeup_fd(-1) == -1
