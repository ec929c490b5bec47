import math

from biomap_xr.species.schedule import Patience


def test_waiting_starts_again_at_every_lower_loss() -> None:
    state, waited = Patience(), []
    for loss in (3.0, 2.0, 2.0, 4.0, 1.0, math.nan):
        state = state.after(loss)
        waited.append(state.waited)
    assert waited == [0, 0, 1, 2, 0, 1]
    assert (state.epoch, state.lowest) == (5, 1.0)
