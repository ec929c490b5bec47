import numpy as np

from biomap_xr.species.augmentation import turn


def test_the_eight_symmetries_are_all_different_and_keep_the_values() -> None:
    windows = np.broadcast_to(np.arange(18).reshape(1, 2, 3, 3), (8, 2, 3, 3))
    turned = turn(windows, np.arange(8))
    assert len({item.tobytes() for item in turned}) == 8
    assert (np.sort(turned.reshape(8, 2, 9)) == windows.reshape(8, 2, 9)).all()
    assert (turned[0] == windows[0]).all()


def test_bands_turn_together_and_unsigned_values_survive() -> None:
    window = np.array([[[[1, 2], [3, 60000]]] * 2], np.uint16)
    assert turn(window, np.array([1])).tolist() == [[[[2, 60000], [1, 3]]] * 2]
