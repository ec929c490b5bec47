"""Fast evaluation of a habitat classifier, with the classes of the plain one.

Sentences of one length make a batch, so that nothing is padded. Where the device multiplies
bfloat16 faster, products run in it (softmax, sums and normalisation stay in float32); sentences
whose first two habitats are then closer than the rounding reaches are read again in float32.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.plantbert.compiled import CompiledPasses
from biomap_xr.habitats.plantbert.encoder import Encoder, TorchPasses
from biomap_xr.habitats.plantbert.weights import Layer, Weights
from biomap_xr.habitats.sentences import END, SentenceTokens, check_sentences

Item = TypeVar("Item")
Precision = Literal["auto", "float32", "bfloat16"]
BATCH_BYTES = 2**22
"""Of the widest product of a batch on a CPU: it stays in the cache until the next has read it."""
BATCH_TOKENS = (2048, 2**16)
"""Tokens of a batch on a CPU, at least, and on a GPU: fewer leave products too small."""
SAMPLE = (8, 256)
"""Fewest and most sentences that show how far rounding reaches."""
SAMPLE_SHARE = 1 / 64
SAFETY = 3.0
"""How many times the largest error of the sample is taken for possible."""


@dataclass(frozen=True, eq=False)
class Reading:
    """What a classifier has read from sentences."""

    logits: NDArray[np.float32]
    """``(n, habitat)``."""
    repeated: int
    """Sentences that were read again in float32."""


@dataclass(frozen=True, eq=False)
class FastClassifier:
    """Reads sentences of species; equal to the classifier it was made of."""

    exact: Encoder
    """In float32."""
    rounded: Encoder | None
    """In bfloat16, where that is faster."""

    @classmethod
    def of(
        cls,
        model: Any,
        tokens: SentenceTokens,
        *,
        device: str = "cpu",
        precision: Precision = "auto",
    ) -> "FastClassifier":
        """Take the weights of a classifier.

        Args:
            model: `transformers.BertForSequenceClassification` of any size.
            tokens: Ids of its tokenizer.
            device: Where it runs.
            precision: Of the products; ``auto`` is bfloat16 where the device has it.

        Raises:
            InputError: It is another kind of model, or not the tokenizer's.
        """
        weights = Weights.of(model, tokens, device)
        exact = _encoder(weights, weights.layers)
        fast = precision == "bfloat16" or (precision == "auto" and multiplies_bfloat16(device))
        # The last layer, which reads one token, is in float32 in any case.
        fast &= len(weights.layers) > 1
        layers = tuple(layer.to(torch.bfloat16) for layer in weights.layers)
        return cls(exact, _encoder(weights, layers) if fast else None)

    @property
    def habitats(self) -> int:
        """How many classes there are."""
        return self.exact.weights.habitats

    @torch.inference_mode()
    def read(self, sentences: NDArray[np.integer]) -> Reading:
        """Return the logits of sentences.

        Args:
            sentences: ``(n, K)`` indices of species, the most dominant first, -1 behind the last.

        Raises:
            InputError: One has no species, a species the model does not know, or more species
                than the model reads.

        Equal sentences are best given once (`classify.classify` sees to it).
        """
        weights = self.exact.weights
        check_sentences(sentences, len(weights.species))
        lengths = (sentences != END).sum(axis=1)
        if len(lengths) and (lengths.min() < 1 or lengths.max() > weights.longest):
            raise InputError(
                f"sentences have {lengths.min()} to {lengths.max()} species; expected 1 to "
                f"{weights.longest} with this model: leave out cells without species, or rank "
                "fewer species"
            )
        if self.rounded is None:
            return Reading(self._logits(self.exact, sentences, lengths), 0)
        logits = self._logits(self.rounded, sentences, lengths)
        # Some sentences, chosen evenly, say how far rounding moves the difference of two logits;
        # those whose two likeliest habitats are nearer than that are read again.
        count = len(sentences)
        wanted = min(count, int(np.clip(count * SAMPLE_SHARE, *SAMPLE)))
        shown = (
            np.unique(np.linspace(0, count - 1, wanted).astype(np.intp)) if count else np.arange(0)
        )
        exact = self._logits(self.exact, sentences[shown], lengths[shown])
        error = logits[shown] - exact
        reach = SAFETY * float((error.max(axis=1) - error.min(axis=1)).max(initial=0))
        logits[shown] = exact
        again = _margins(logits) < reach
        again[shown] = False
        logits[again] = self._logits(self.exact, sentences[again], lengths[again])
        return Reading(logits, len(shown) + int(again.sum()))

    def _logits(
        self, encoder: Encoder, sentences: NDArray[np.integer], lengths: NDArray[np.intp]
    ) -> NDArray[np.float32]:
        """Read batches of equal length; logits ``(n, habitat)`` are in the sentences' order."""
        device = encoder.weights.species.device
        logits = np.empty((len(sentences), self.habitats), np.float32)

        @torch.inference_mode()
        def read(batch: tuple[NDArray[np.intp], int]) -> None:
            rows, length = batch
            part = torch.from_numpy(sentences[rows, :length].astype(np.int64)).to(device)
            logits[rows] = encoder(part).cpu().numpy()

        threads = torch.get_num_threads() if device.type == "cpu" else 1
        side_by_side(read, list(self._batches(lengths, threads)), threads)
        return logits

    def _batches(
        self, lengths: NDArray[np.intp], threads: int
    ) -> Iterator[tuple[NDArray[np.intp], int]]:
        """Cut the sentences, by length, into batches: the rows of each and the length."""
        for length in np.unique(lengths).tolist():
            rows = np.flatnonzero(lengths == length)
            # A batch for each thread at least.
            size = min(self._batch_size(2 * length + 1), -(-len(rows) // threads))
            for first in range(0, len(rows), size):
                yield rows[first : first + size], length

    def _batch_size(self, tokens: int) -> int:
        """Choose how many sentences are read at once."""
        weights = self.exact.weights
        if weights.species.device.type != "cpu":
            return max(1, BATCH_TOKENS[1] // tokens)
        fitting = BATCH_BYTES // (2 * weights.intermediate)
        return max(1, max(fitting, BATCH_TOKENS[0]) // tokens)


def side_by_side(work: Callable[[Item], None], items: Sequence[Item], threads: int) -> None:
    """Work on items in threads of their own, each with products of one thread.

    Threads that share each product wait for one another some hundred times a batch, and idle
    where a pass has but one.

    Args:
        work: Called once with each item.
        items: Of about the same size.
        threads: How many.
    """
    if min(threads, len(items)) < 2:
        for item in items:
            work(item)
        return
    try:
        with ThreadPoolExecutor(threads, initializer=lambda: torch.set_num_threads(1)) as pool:
            for _ in pool.map(work, items):
                pass
    finally:
        # What a thread sets is the default of all that begin later.
        torch.set_num_threads(threads)


def multiplies_bfloat16(device: str) -> bool:
    """Say whether a device has instructions for products of bfloat16."""
    if device.startswith("cuda"):
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _encoder(weights: Weights, layers: tuple[Layer, ...]) -> Encoder:
    on_cpu = weights.species.device.type == "cpu"
    passes = (CompiledPasses.of if on_cpu else TorchPasses)(weights, layers[0])
    return Encoder(weights, layers[:-1], passes)


def _margins(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by how much the first habitat leads the second, ``(n,)``; inf where it is alone."""
    if logits.shape[1] < 2:
        return np.full(len(logits), np.inf, np.float32)
    highest = np.partition(logits, -2, axis=1)[:, -2:]
    return highest[:, 1] - highest[:, 0]
