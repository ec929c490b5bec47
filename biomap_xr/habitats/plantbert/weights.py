"""The weights of a classifier as its fast evaluation reads them.

A sentence has no other tokens than species, commas and the two marks around it, so that only their
rows of the vocabulary are kept. Queries, keys and values of a layer are one product, and what
scales the queries is part of their weights.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from biomap_xr.errors import InputError
from biomap_xr.habitats.sentences import SentenceTokens


@dataclass(frozen=True, eq=False)
class Linear:
    """A product and what is added to it."""

    weight: Tensor
    """``(out, in)``."""
    bias: Tensor
    """``(out,)``."""

    def __call__(self, x: Tensor) -> Tensor:
        """Multiply rows (..., in) to (..., out), in the type of the weights."""
        return functional.linear(x.to(self.weight.dtype), self.weight, self.bias)

    def to(self, dtype: torch.dtype) -> "Linear":
        """Return the same in another type."""
        return Linear(self.weight.to(dtype), self.bias.to(dtype))


@dataclass(frozen=True, eq=False)
class Norm:
    """A layer normalisation, always in float32."""

    weight: Tensor
    """``(hidden,)``."""
    bias: Tensor
    """``(hidden,)``."""
    epsilon: float

    def __call__(self, x: Tensor) -> Tensor:
        """Normalise rows (..., hidden)."""
        return functional.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.epsilon)


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer: attention, then two products for each token."""

    attention: Linear
    """hidden to 3 x hidden: queries, already scaled, then keys, then values."""
    joined: Linear
    """hidden to hidden, behind the heads."""
    joined_norm: Norm
    wide: Linear
    """hidden to intermediate."""
    narrow: Linear
    """intermediate to hidden."""
    narrow_norm: Norm

    def to(self, dtype: torch.dtype) -> "Layer":
        """Return the layer with its products in another type."""
        linear = (field.name for field in fields(self) if field.type is Linear)
        return replace(self, **{name: getattr(self, name).to(dtype) for name in linear})


@dataclass(frozen=True, eq=False)
class Weights:
    """All that the logits of a sentence depend on, in float32 on one device."""

    species: Tensor
    """``(species, hidden)`` rows of the vocabulary."""
    marks: Tensor
    """``(3, hidden)``: before the first species, between two, behind the last."""
    positions: Tensor
    """``(position, hidden)``, with that of the first token type."""
    norm: Norm
    layers: tuple[Layer, ...]
    pooler: Linear
    classifier: Linear
    activation: Callable[[Tensor], Tensor]
    heads: int

    @classmethod
    def of(
        cls, model: Any, tokens: SentenceTokens, device: str | torch.device = "cpu"
    ) -> "Weights":
        """Take the weights of a classifier.

        Args:
            model: `transformers.BertForSequenceClassification` of any size.
            tokens: Ids of its tokenizer.
            device: Where they are to be.

        Raises:
            InputError: It is another kind of model, or has fewer tokens than the tokenizer.
        """
        kind = getattr(getattr(model, "config", None), "model_type", type(model).__name__)
        if kind != "bert" or not hasattr(model, "classifier") or model.config.is_decoder:
            raise InputError(
                f"model of type {kind!r} ({type(model).__name__}); expected a "
                "BertForSequenceClassification: load the classifier, not the masked species model"
            )
        highest = max(tokens.cls, tokens.sep, tokens.comma, int(tokens.species.max(initial=0)))
        if highest >= model.config.vocab_size:
            raise InputError(
                f"token id {highest} for a model of {model.config.vocab_size} tokens; expected a "
                "smaller one: load the tokenizer of the same folder"
            )
        bert = model.bert
        embeddings = bert.embeddings
        words = embeddings.word_embeddings.weight
        marks = [tokens.cls, tokens.comma, tokens.sep]
        first_type = embeddings.token_type_embeddings.weight[0]
        layers = tuple(_layer(layer) for layer in bert.encoder.layer)
        weights = cls(
            species=words[torch.as_tensor(tokens.species.astype(np.int64), device=words.device)],
            marks=words[marks],
            positions=embeddings.position_embeddings.weight + first_type,
            norm=_norm(embeddings.LayerNorm),
            layers=layers,
            pooler=_linear(bert.pooler.dense),
            classifier=_linear(model.classifier),
            activation=bert.encoder.layer[0].intermediate.intermediate_act_fn,
            heads=model.config.num_attention_heads,
        )
        return _moved(weights, torch.device(device))

    @property
    def hidden(self) -> int:
        """Width of a token."""
        return self.species.shape[1]

    @property
    def intermediate(self) -> int:
        """Width between the two products of a layer."""
        return len(self.layers[0].wide.bias)

    @property
    def longest(self) -> int:
        """Most species that a sentence can have."""
        return (len(self.positions) - 1) // 2

    @property
    def habitats(self) -> int:
        """How many classes there are."""
        return len(self.classifier.bias)


def _layer(layer: Any) -> Layer:
    attention = layer.attention.self
    parts = [attention.query, attention.key, attention.value]
    scale = torch.ones(3, len(attention.query.bias), device=attention.query.bias.device)
    scale[0] = attention.attention_head_size**-0.5
    scale = scale.flatten()
    return Layer(
        attention=Linear(
            torch.cat([part.weight for part in parts]) * scale[:, None],
            torch.cat([part.bias for part in parts]) * scale,
        ),
        joined=_linear(layer.attention.output.dense),
        joined_norm=_norm(layer.attention.output.LayerNorm),
        wide=_linear(layer.intermediate.dense),
        narrow=_linear(layer.output.dense),
        narrow_norm=_norm(layer.output.LayerNorm),
    )


def _linear(module: torch.nn.Linear) -> Linear:
    return Linear(module.weight, module.bias)


def _norm(module: torch.nn.LayerNorm) -> Norm:
    return Norm(module.weight, module.bias, module.eps)


def _moved(part: Any, device: torch.device) -> Any:
    """Copy all tensors, also those of parts, as float32 that no training changes."""
    if isinstance(part, Tensor):
        return part.detach().to(device, torch.float32, copy=True).contiguous()
    if isinstance(part, tuple):
        return tuple(_moved(one, device) for one in part)
    if isinstance(part, Weights | Layer | Linear | Norm):
        names = (field.name for field in fields(part))
        return replace(part, **{name: _moved(getattr(part, name), device) for name in names})
    return part
