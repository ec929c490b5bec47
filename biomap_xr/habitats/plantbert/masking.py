"""Masked species modelling: which species are to be guessed, and what is shown in their place.

As published: 15% of the species are to be guessed; of these 80% are hidden by the mask, 10% shown
as another species and 10% as they are. Commas and the frame of a sentence are always shown.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biomap_xr.habitats.sentences import SentenceTokens

HIDDEN = 0.8
"""Of the species to be guessed, the share that the mask hides."""
REPLACED = 0.1
"""Of the species to be guessed, the share that another species stands for."""


@dataclass(frozen=True, eq=False)
class Masked:
    """Token ids with gaps, and where the gaps are."""

    ids: NDArray[np.int64]
    """``(n, L)`` as the network sees them."""
    chosen: NDArray[np.bool_]
    """``(n, L)`` tokens to be guessed; all of them species."""


def mask_species(
    ids: NDArray[np.int64],
    tokens: SentenceTokens,
    share: float,
    generator: np.random.Generator,
) -> Masked:
    """Choose species to be guessed and hide them.

    Args:
        ids: ``(n, L)`` token ids of sentences or of blocks of text.
        tokens: Which ids are species.
        share: Of the species that are to be guessed, 0 to 1; each is drawn apart.
        generator: Of random numbers.

    Returns:
        Ids with gaps; at least one species is to be guessed where there is any.
    """
    species = np.isin(ids, tokens.species)
    chosen = species & (generator.random(ids.shape) < share)
    if not chosen.any() and species.any():
        # A step without a gap would teach nothing and have no loss.
        chosen.flat[generator.choice(np.flatnonzero(species))] = True
    draw = generator.random(ids.shape)
    shown = np.where(chosen & (draw < HIDDEN), tokens.mask, ids)
    replaced = chosen & (draw >= HIDDEN) & (draw < HIDDEN + REPLACED)
    shown[replaced] = generator.choice(tokens.species, size=int(replaced.sum()))
    return Masked(shown, chosen)


def blocks_of_text(
    ids: NDArray[np.int64], attention: NDArray[np.int64], length: int
) -> NDArray[np.int64]:
    """Join sentences and cut them into blocks of equal length, as the published training does.

    Args:
        ids: ``(n, L)`` token ids.
        attention: ``(n, L)`` 1 for tokens, 0 for padding, which is left out.
        length: Tokens of a block.

    Returns:
        ``(blocks, length)``; what is left over at the end is dropped, unless it is all there is.

    >>> blocks_of_text(np.array([[2, 7, 3, 0], [2, 8, 5, 9]]), np.array([[1, 1, 1, 0], [1] * 4]), 3)
    array([[2, 7, 3],
           [2, 8, 5]])
    """
    text = ids[attention == 1]
    length = min(length, len(text))
    whole = len(text) // length * length
    return text[:whole].reshape(-1, length)
