"""Sentences of species and the numbers that a language model reads for them.

A sentence is a row of indices into a model's species, the most dominant first and -1 behind the
last one; its text is the names joined by ``", "`` (paper 1, "Habitat Identification"). Every
species is one token, so that indices become token ids by looking up, without any text.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError

END = -1
"""Stands behind the last species of a sentence that is shorter than others."""
SEPARATOR = ", "
"""Between the species of a text."""
NAMED = 5
"""Unknown species that a message names."""


@dataclass(frozen=True, eq=False)
class SentenceTokens:
    """Token ids of a tokenizer: of each species and of what stands around them."""

    cls: int
    """Before the first species."""
    sep: int
    """Behind the last species."""
    comma: int
    """Between two species."""
    pad: int
    """Behind the end of a sentence that is shorter than others."""
    mask: int
    """In the place of a hidden species."""
    species: NDArray[np.int64]
    """``(species,)`` in the order of the model's species."""

    def encode(self, sentences: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Write sentences as a tokenizer writes their texts.

        Args:
            sentences: ``(n, K)`` indices of species, -1 behind the last.

        Returns:
            Token ids ``(n, 2K + 1)``, ``[CLS] s1 , s2 , ... sK [SEP]`` and padding, and the
            attention mask ``(n, 2K + 1)``, 1 for tokens and 0 for padding.

        Raises:
            InputError: An index is not that of a species, or -1 stands before one.

        >>> tokens = SentenceTokens(2, 3, 5, 0, 4, np.array([6, 7, 8]))
        >>> tokens.encode(np.array([[2, 0], [1, -1]]))[0].tolist()
        [[2, 8, 5, 6, 3], [2, 7, 3, 0, 0]]
        """
        check_sentences(sentences, len(self.species))
        there = sentences != END
        rows, width = sentences.shape
        ids = np.full((rows, 2 * width + 1), self.pad, np.int64)
        ids[:, 0] = self.cls
        ids[:, 1::2] = np.where(there, self.species[sentences], self.pad)
        ids[:, 2:-1:2] = np.where(there[:, 1:], self.comma, self.pad)
        # The end is written where the comma behind the last species would be.
        length = there.sum(axis=1)
        end = np.where(length > 0, 2 * length, 1)
        ids[np.arange(rows), end] = self.sep
        attention = np.arange(ids.shape[1]) <= end[:, None]
        return ids, attention.astype(np.int64)


@dataclass(frozen=True)
class Unknown:
    """Species of assemblages that a model does not know, and which its sentences leave out."""

    counts: dict[str, int]
    """How often each occurs, the most frequent first."""

    def __bool__(self) -> bool:
        return bool(self.counts)

    @property
    def message(self) -> str:
        """What a report says about them.

        >>> Unknown({"rosa nova": 3, "salix nova": 1}).message
        "2 species (4 records) are not in the vocabulary and left out: 'rosa nova', 'salix nova'"
        """
        names = ", ".join(repr(name) for name in list(self.counts)[:NAMED])
        more = ", ..." if len(self.counts) > NAMED else ""
        return (
            f"{len(self.counts)} species ({sum(self.counts.values())} records) are not in the "
            f"vocabulary and left out: {names}{more}"
        )


def check_sentences(sentences: NDArray[np.integer], species: int) -> None:
    """Refuse what is no array of sentences.

    Args:
        sentences: ``(n, K)`` indices of species, -1 behind the last; K at least 1.
        species: How many there are.

    Raises:
        InputError: It has other dimensions, an index is out of range, or -1 stands before one.
    """
    if sentences.ndim != 2 or not sentences.shape[1] or sentences.dtype.kind not in "iu":
        raise InputError(
            f"sentences have shape {sentences.shape} and type {sentences.dtype}; expected (n, K) "
            "whole numbers with K of 1 or more: rank the species first"
        )
    if sentences.size and not (sentences.min() >= END and sentences.max() < species):
        raise InputError(
            f"sentences hold species {sentences.min()} to {sentences.max()}; expected -1 to "
            f"{species - 1}: rank them with the table of the model that reads them"
        )
    there = sentences != END
    if (there[:, 1:] > there[:, :-1]).any():
        row = int(np.flatnonzero((there[:, 1:] > there[:, :-1]).any(axis=1))[0])
        raise InputError(
            f"sentence {row} has -1 before a species: {sentences[row, :8].tolist()}...; expected "
            "-1 only behind the last one"
        )


def sentence_text(sentence: NDArray[np.integer], species: Sequence[str]) -> str:
    """Return the text of one sentence.

    Args:
        sentence: (K,) indices, -1 behind the last.
        species: Names.

    >>> sentence_text(np.array([1, 0, -1]), ["agrostis capillaris", "festuca rubra"])
    'festuca rubra, agrostis capillaris'
    """
    return SEPARATOR.join(species[index] for index in sentence if index != END)


def sentences_of(
    assemblages: Iterable[Sequence[str]], species: Sequence[str], k: int
) -> tuple[NDArray[np.int32], Unknown]:
    """Find the species of assemblages in a model's table.

    Args:
        assemblages: Names of each, the most dominant first.
        species: Names that the model knows.
        k: Longest sentence; what comes behind is cut.

    Returns:
        Sentences ``(n, k)``, and the species that were left out since the model does not know them.

    >>> sentences_of([["poa annua", "rosa nova"]], ["lolium perenne", "poa annua"], 3)
    (array([[ 1, -1, -1]], dtype=int32), Unknown(counts={'rosa nova': 1}))
    """
    place = {name: index for index, name in enumerate(species)}
    unknown: Counter[str] = Counter()
    rows = []
    for names in assemblages:
        found = [place[name] for name in names if name in place][:k]
        unknown.update(name for name in names if name not in place)
        rows.append(found + [END] * (k - len(found)))
    return np.array(rows, np.int32).reshape(-1, k), Unknown(dict(unknown.most_common()))
