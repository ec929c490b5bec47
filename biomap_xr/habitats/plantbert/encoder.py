"""From sentences of one length to logits, without any work that the logits do not need.

All sentences of a batch have the same length, so that there is neither padding nor a mask. The
classifier reads the first token alone: the last layer makes queries, and all that follows, for
that token only, and never makes the keys and values of the others, since q . (W x) is (q W) . x
and the sum of weighted W x is W times the sum of weighted x.
"""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from biomap_xr.habitats.plantbert.weights import Layer, Linear, Norm, Weights


class Passes(Protocol):
    """What comes between the products of a layer."""

    def embed(self, sentences: Tensor) -> tuple[Tensor, Tensor]:
        """Make the first layer's input, and its queries, keys and values.

        Args:
            sentences: ``(n, m)`` indices of species.

        Returns:
            ``(n, 2m + 1, hidden)`` float32 and ``(3, n, head, 2m + 1, width)``; the latter is empty
            where the first layer is the last, which does without.
        """
        ...

    def attend(self, attention: Tensor) -> Tensor:
        """Let each token read the others.

        Args:
            attention: ``(3, n, head, token, width)`` queries, keys and values.

        Returns:
            ``(n, token, hidden)``.
        """
        ...

    def multiply(self, linear: Linear, x: Tensor) -> Tensor:
        """Multiply ``(n, token, in)`` to ``(n, token, out)``."""
        ...

    def activate(self, x: Tensor) -> Tensor:
        """Apply the activation to ``(n, token, intermediate)``; x may change."""
        ...

    def add(self, x: Tensor, added: Tensor, norm: Norm) -> Tensor:
        """Add ``(n, token, hidden)`` to x, float32 alike, and normalise; x may change."""
        ...


@dataclass(frozen=True, eq=False)
class TorchPasses:
    """The passes on any device and in any type, as torch has them."""

    weights: Weights
    first: Layer
    """In the type of the products."""

    def embed(self, sentences: Tensor) -> tuple[Tensor, Tensor]:
        """See `Passes`."""
        x = embed(self.weights, sentences)
        if len(self.weights.layers) == 1:
            return x, x.new_empty(0)
        return x, split_heads(self.first.attention(x), self.weights.heads)

    def attend(self, attention: Tensor) -> Tensor:
        """See `Passes`."""
        return read_safely(attention)

    def multiply(self, linear: Linear, x: Tensor) -> Tensor:
        """See `Passes`."""
        return linear(x)

    def activate(self, x: Tensor) -> Tensor:
        """See `Passes`."""
        return self.weights.activation(x)

    def add(self, x: Tensor, added: Tensor, norm: Norm) -> Tensor:
        """See `Passes`."""
        return norm(x + added)


@dataclass(frozen=True, eq=False)
class Encoder:
    """A classifier of sentences of one length."""

    weights: Weights
    """In float32: what is embedded, and the last layer."""
    layers: tuple[Layer, ...]
    """All layers but the last, in the type of their products."""
    passes: Passes

    def __call__(self, sentences: Tensor) -> Tensor:
        """Return the logits of sentences.

        Args:
            sentences: ``(n, m)`` indices of species on the weights' device, m at least 1.

        Returns:
            ``(n, habitat)`` float32.
        """
        passes = self.passes
        x, attention = passes.embed(sentences)
        for number, layer in enumerate(self.layers):
            if number:
                attention = split_heads(passes.multiply(layer.attention, x), self.weights.heads)
            joined = passes.multiply(layer.joined, passes.attend(attention))
            x = passes.add(x, joined, layer.joined_norm)
            wide = passes.activate(passes.multiply(layer.wide, x))
            x = passes.add(x, passes.multiply(layer.narrow, wide), layer.narrow_norm)
        return self._classify(x)

    def _classify(self, x: Tensor) -> Tensor:
        """Run the last layer for the first token ``(n, hidden)``, and the classifier."""
        layer, first = self.weights.layers[-1], x[:, 0]
        first = layer.joined_norm(first + layer.joined(self._read(layer, x)))
        wide = self.weights.activation(layer.wide(first))
        first = layer.narrow_norm(first + layer.narrow(wide))
        return self.weights.classifier(torch.tanh(self.weights.pooler(first)))

    def _read(self, layer: Layer, x: Tensor) -> Tensor:
        """Let the first token read all others: ``(n, token, hidden)`` to ``(n, hidden)``."""
        hidden, heads = self.weights.hidden, self.weights.heads
        query, key, value = layer.attention.weight.view(3, heads, -1, hidden)
        bias = layer.attention.bias.view(3, heads, 1, -1)
        # (head, n, ...) throughout. What the keys' bias adds is the same for all tokens.
        asked = torch.baddbmm(bias[0], x[:, 0].expand(heads, -1, -1), query.transpose(1, 2))
        asked = torch.bmm(asked, key).transpose(0, 1)
        chances = torch.softmax(torch.bmm(asked, x.transpose(1, 2)), dim=-1)
        seen = torch.bmm(chances, x).transpose(0, 1)
        return torch.baddbmm(bias[2], seen, value.transpose(1, 2)).transpose(0, 1).flatten(1)


def read_safely(attention: Tensor) -> Tensor:
    """Let each token read the others, whatever the size of the scores.

    Args:
        attention: ``(3, n, head, token, width)`` queries, already scaled, keys and values.

    Returns:
        ``(n, token, hidden)``.
    """
    query, key, value = attention
    read = functional.scaled_dot_product_attention(query, key, value, scale=1.0)
    return read.transpose(1, 2).flatten(2)


def split_heads(attention: Tensor, heads: int) -> Tensor:
    """Bring (n, token, 3 x hidden) into the order ``(3, n, head, token, width)``."""
    count, tokens, _ = attention.shape
    return attention.view(count, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)


def embed(weights: Weights, sentences: Tensor) -> Tensor:
    """Make the first layer's input.

    Args:
        weights: Of the classifier.
        sentences: ``(n, m)`` indices of species.

    Returns:
        ``(n, 2m + 1, hidden)`` float32: mark, species, comma, species, ..., mark.
    """
    count, length = sentences.shape
    x = weights.marks[1].repeat(count, 2 * length + 1, 1)
    x[:, 0], x[:, -1] = weights.marks[0], weights.marks[2]
    x[:, 1::2] = weights.species[sentences]
    return weights.norm(x + weights.positions[: x.shape[1]])
