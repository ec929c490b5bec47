"""How training sentences vary from epoch to epoch: order, and species that are left out."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from biomap_xr.habitats.plantbert.settings import FineTuningSettings
from biomap_xr.habitats.sentences import END, SentenceTokens

POOL = 16
"""Batches whose sentences are sorted by length together, which wastes little on padding while
batches still differ from epoch to epoch."""


def varied(
    sentences: NDArray[np.int32], settings: FineTuningSettings, generator: np.random.Generator
) -> NDArray[np.int32]:
    """Vary sentences as the settings say.

    Args:
        sentences: ``(n, K)`` indices of species, -1 behind the last.
        settings: Order, jitter and dropout.
        generator: Of random numbers.

    Returns:
        ``(n, K)`` of the same species, or of fewer: the most dominant stays where all would be
        lost.
    """
    there = sentences != END
    key = np.broadcast_to(np.log1p(np.arange(sentences.shape[1])), sentences.shape)
    if settings.order == "random":
        key = generator.random(sentences.shape)
    elif settings.jitter:
        key = key + settings.jitter * generator.standard_normal(sentences.shape)
    if settings.species_dropout:
        kept = there & (generator.random(sentences.shape) >= settings.species_dropout)
        kept[~kept.any(axis=1), 0] = True
        there = kept & there
    key = np.where(there, key, np.inf)
    order = np.argsort(key, axis=1, kind="stable")
    moved = np.take_along_axis(sentences, order, axis=1)
    return np.where(np.take_along_axis(there, order, axis=1), moved, np.int32(END))


def hidden_species(
    ids: NDArray[np.int64], tokens: SentenceTokens, share: float, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Show some species as the mask, which keeps the ranks of the others.

    Args:
        ids: ``(n, L)`` token ids.
        tokens: Which ids are species.
        share: Of the species that are hidden, 0 to 1.
        generator: Of random numbers.

    Returns:
        ``(n, L)`` ids.
    """
    if not share:
        return ids
    hidden = np.isin(ids, tokens.species) & (generator.random(ids.shape) < share)
    return np.where(hidden, tokens.mask, ids)


def shuffled_batches(
    lengths: NDArray[np.integer], batch: int, generator: np.random.Generator
) -> Sequence[NDArray[np.int64]]:
    """Deal rows out into batches of similar length, anew at each call.

    Args:
        lengths: ``(n,)`` species of each row.
        batch: Rows of a batch; the last one may have fewer.
        generator: Of random numbers.

    Returns:
        Rows of each batch, in random order; every row occurs once.
    """
    order = generator.permutation(len(lengths))
    batches = []
    for start in range(0, len(order), POOL * batch):
        pool = order[start : start + POOL * batch]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        batches += [pool[first : first + batch] for first in range(0, len(pool), batch)]
    return [batches[index] for index in generator.permutation(len(batches))]
