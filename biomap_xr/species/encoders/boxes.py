"""Moving sums along an axis by doubling: few additions, and as exact as pairwise summation."""

from torch import Tensor


def box_sum(x: Tensor, size: int, axis: int) -> Tensor:
    """Sum every run of ``size`` neighbours along an axis.

    Sums of 1, 2, 4, ... neighbours are made from one another and joined by the binary digits of
    ``size``, so that no large running total ever loses digits.

    Args:
        x: Any shape, at least ``size`` long on the axis.
        size: Length of a run, 1 or more.
        axis: The axis to sum along.

    Returns:
        The same shape but ``length - size + 1`` on the axis.

    >>> import torch
    >>> box_sum(torch.tensor([1.0, 2.0, 4.0, 8.0]), 3, 0)
    tensor([ 7., 14.])
    """
    count = x.shape[axis] - size + 1
    power, offset, total = 1, 0, None
    while True:
        if size & power:
            part = x.narrow(axis, offset, count)
            total = part if total is None else total + part
            offset += power
        power *= 2
        if power > size:
            break
        half = power // 2
        length = x.shape[axis] - half
        x = x.narrow(axis, 0, length) + x.narrow(axis, half, length)
    return total if total is not None else x
