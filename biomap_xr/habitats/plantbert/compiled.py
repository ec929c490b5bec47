"""The passes between products on a CPU, and tables that spare the first layer's.

Before its normalisation, the first input is the sum of a row for the species and one for the place.
Queries, keys and values are linear in the normalised sum: so they are the sum of two rows that are
made once, times a factor that depends on species and place.
"""

import math
import threading
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from biomap_xr.habitats.plantbert.encoder import embed, read_safely, split_heads
from biomap_xr.habitats.plantbert.kernels import (
    LARGEST,
    add_and_normalise,
    embed_sentences,
    exponentials,
    join_heads,
    largest,
    look_up,
)
from biomap_xr.habitats.plantbert.weights import Layer, Linear, Norm, Weights

TABLE_BYTES = 2**26
"""Largest table; beyond, the product costs little beside the others (and memory more)."""


class Tables(NamedTuple):
    """The first layer's queries, keys, values and input of every token, side by side.

    For a species at its place in the sentence they are
    ``(species + positions) * factors + constant``, for the marks ``marks`` itself.
    """

    species: NDArray[np.float32]
    """(species, 4 x hidden)."""
    positions: NDArray[np.float32]
    """(place, 4 x hidden)."""
    factors: NDArray[np.float32]
    """``(species, place)``, one over the deviation."""
    constant: NDArray[np.float32]
    """(4 x hidden,)."""
    marks: NDArray[np.float32]
    """(2, place, 4 x hidden): before the species or between them, and behind them."""

    @classmethod
    def of(cls, weights: Weights) -> "Tables":
        """Make the tables of a classifier's first layer."""
        norm, first, hidden = weights.norm, weights.layers[0].attention, weights.hidden
        widened = torch.cat([first.weight, torch.eye(hidden)])
        constant = widened @ norm.bias
        constant[: 3 * hidden] += first.bias
        species, positions = (
            (x.double() - x.double().mean(1, keepdim=True))
            for x in (weights.species, weights.positions[1::2])
        )
        variance = (
            species.square().mean(1, keepdim=True)
            + positions.square().mean(1)
            + species @ positions.T * (2 / hidden)
        )
        weighted = (widened * norm.weight).double()
        places = weights.positions[0::2][: weights.longest + 1]
        before = weights.marks[1].repeat(len(places), 1)
        before[0] = weights.marks[0]
        parts = (
            species @ weighted.T,
            positions @ weighted.T,
            (variance + norm.epsilon).rsqrt(),
            constant,
            weights.norm(torch.stack([before, weights.marks[2].expand_as(before)]) + places)
            @ widened.T
            + constant
            - widened @ norm.bias,
        )
        return cls(*(np.ascontiguousarray(part.float().numpy()) for part in parts))


class Scratch(threading.local):
    """Memory that each batch uses again, of a thread's own.

    Allocated anew, it is given back to the system and zeroed by it each time, which takes longer
    than a small model's products.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[str, torch.dtype], Tensor] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        """Return memory of a shape, holding anything; the next call of that name takes it back."""
        size, kept = math.prod(shape), self._kept.get((name, dtype))
        if kept is None or len(kept) < size:
            kept = self._kept[name, dtype] = torch.empty(size, dtype=dtype)
        return kept[:size].view(shape)


@dataclass(frozen=True, eq=False)
class CompiledPasses:
    """The passes in float32 or bfloat16 on a CPU; exact but for the rounding of the type."""

    weights: Weights
    first: Layer
    """In the type of the products."""
    tables: Tables | None
    activation: NDArray[np.uint16] | None
    """(65536,) what it makes of every bfloat16, as bits; float32 has too many numbers."""
    scratch: Scratch = field(default_factory=Scratch)

    @classmethod
    def of(cls, weights: Weights, first: Layer) -> "CompiledPasses":
        """Choose what is looked up."""
        size = 4 * 4 * weights.hidden * len(weights.species)
        tables = Tables.of(weights) if size <= TABLE_BYTES else None
        rounded = first.wide.weight.dtype == torch.bfloat16
        return cls(weights, first, tables, _every_activation(weights) if rounded else None)

    def embed(self, sentences: Tensor) -> tuple[Tensor, Tensor]:
        """See `encoder.Passes`."""
        heads, hidden = self.weights.heads, self.weights.hidden
        if self.tables is None:
            x = embed(self.weights, sentences)
            if len(self.weights.layers) == 1:
                return x, x.new_empty(0)
            return x, split_heads(self.multiply(self.first.attention, x), heads)
        count, tokens = len(sentences), 2 * sentences.shape[1] + 1
        x = self.scratch.take("x", (count, tokens, hidden), torch.float32)
        parts = 3 if len(self.weights.layers) > 1 else 0
        attention = self._take("attention", parts, count, heads, tokens, hidden // heads)
        embed_sentences(sentences.numpy(), tuple(self.tables), x.numpy(), _bits(attention))
        return x, attention

    def attend(self, attention: Tensor) -> Tensor:
        """See `encoder.Passes`."""
        _, count, heads, tokens, width = attention.shape
        query, key, value = (part.reshape(count * heads, tokens, width) for part in attention)
        chances = self._take("chances", count * heads, tokens, tokens)
        torch.bmm(query, key.transpose(1, 2), out=chances)
        flat = _bits(chances).reshape(-1)
        # Written so that NaN, too, goes the slow way.
        if not largest(flat) <= LARGEST:
            return read_safely(attention)
        exponentials(flat)
        read = torch.bmm(chances, value, out=self._take("read", *value.shape))
        joined = self._take("joined", count, tokens, heads, width)
        join_heads(
            _bits(chances).reshape(count, heads, tokens, tokens),
            _bits(read).reshape(count, heads, tokens, width),
            _bits(joined),
        )
        return joined.flatten(2)

    def multiply(self, linear: Linear, x: Tensor) -> Tensor:
        """See `encoder.Passes`; the next product of this width takes the memory back."""
        rows = x.reshape(-1, x.shape[-1])
        if x.dtype != linear.weight.dtype:
            rows = self._take("rounded", *rows.shape).copy_(rows)
        width = len(linear.bias)
        out = self._take(f"product {width}", len(rows), width)
        torch.addmm(linear.bias, rows, linear.weight.T, out=out)
        return out.view(*x.shape[:-1], width)

    def activate(self, x: Tensor) -> Tensor:
        """See `encoder.Passes`; x is replaced."""
        if self.activation is None:
            return self.weights.activation(x)
        look_up(_bits(x).reshape(-1), self.activation)
        return x

    def add(self, x: Tensor, added: Tensor, norm: Norm) -> Tensor:
        """See `encoder.Passes`; x is replaced."""
        rows = x.view(-1, self.weights.hidden)
        weight, bias = norm.weight.numpy(), norm.bias.numpy()
        add_and_normalise(rows.numpy(), _bits(added.view(rows.shape)), weight, bias, norm.epsilon)
        return x

    def _take(self, name: str, *shape: int) -> Tensor:
        return self.scratch.take(name, shape, self.first.wide.weight.dtype)


def _every_activation(weights: Weights) -> NDArray[np.uint16]:
    every = torch.arange(2**16, dtype=torch.int32).to(torch.uint16).view(torch.bfloat16)
    return _bits(weights.activation(every.float()).to(torch.bfloat16))


def _bits(x: Tensor) -> NDArray[Any]:
    """Look at contiguous numbers as NumPy does; at a bfloat16, which it lacks, as bits."""
    plain = x.contiguous()
    return (plain.view(torch.uint16) if x.dtype == torch.bfloat16 else plain).numpy()
