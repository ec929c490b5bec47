"""When the learning rate falls and when training stops: by the validation loss alone."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True)
class Patience:
    """The lowest loss so far and how long it has stood; a new value after each epoch.

    >>> Patience().after(2.0).after(3.0).waited
    1
    """

    lowest: float = float("inf")
    epoch: int = 0
    """The epoch of the lowest loss, 1 for the first, 0 for before training."""
    seen: int = 0
    """Epochs so far."""

    def after(self, loss: float) -> Self:
        """Give the state after one more epoch; a loss that is not a number never is the lowest."""
        seen = self.seen + 1
        if loss < self.lowest:
            return replace(self, lowest=loss, epoch=seen, seen=seen)
        return replace(self, seen=seen)

    @property
    def waited(self) -> int:
        """Epochs since the lowest loss."""
        return self.seen - self.epoch
