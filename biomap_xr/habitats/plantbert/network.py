"""Networks of BERT: new ones from their sizes, and published ones."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import (
    AutoConfig,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    PreTrainedTokenizerBase,
)

from biomap_xr.errors import InputError
from biomap_xr.habitats.plantbert.settings import NetworkSettings

KIND = "bert"
SPREAD = 0.6
"""Deviation of the random weights of a new network, times the root of its width: 0.022 for BERT's
768, which has 0.02, and more for a narrow one, whose signals would fade."""
OF_SPECIES = 0.02
"""Deviation of the embeddings of species at first."""
OF_RANKS = 0.1
"""Deviation of the embeddings of ranks at first."""
PERIODS = (0.25, 2.0)
"""Slowest and fastest curve over the logarithm of the rank."""


def configuration(
    settings: NetworkSettings, tokenizer: PreTrainedTokenizerBase, habitats: Sequence[str]
) -> BertConfig:
    """Describe a new network.

    Args:
        settings: Its sizes.
        tokenizer: Whose tokens it reads.
        habitats: Codes that it names, in the order of its outputs.
    """
    return BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        intermediate_size=settings.intermediate,
        hidden_dropout_prob=settings.dropout,
        attention_probs_dropout_prob=settings.dropout,
        max_position_embeddings=settings.positions,
        initializer_range=SPREAD / math.sqrt(settings.hidden),
        pad_token_id=tokenizer.pad_token_id,
        **_names(habitats),
    )


def read_configuration(name_or_path: str, *, offline: bool = True) -> BertConfig:
    """Read the description of a published network.

    Args:
        name_or_path: Model id or folder.
        offline: Read only files that are on this machine.

    Raises:
        InputError: There is none, or it is no BERT.
    """
    try:
        config = AutoConfig.from_pretrained(name_or_path, local_files_only=offline)
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise InputError(
            f"no model could be loaded from {name_or_path!r} ({reason}); expected a folder or a "
            f"model id{' whose files are on this machine' if offline else ''}: give a folder that "
            "save_pretrained wrote, or allow downloads"
        ) from error
    if config.model_type != KIND:
        raise InputError(
            f"{name_or_path!r} is of type {config.model_type!r}, expected {KIND!r}; give a BERT"
        )
    return config


def published_network(
    kind: type[Any], name_or_path: str, *, offline: bool = True, **changes: Any
) -> Any:
    """Load a published network with its weights, which must be safetensors.

    Args:
        kind: ``BertForMaskedLM`` or ``BertForSequenceClassification``.
        name_or_path: Model id or folder.
        offline: Read only files that are on this machine.
        **changes: To its configuration, such as other names of outputs.

    Raises:
        InputError: There is none, or its weights are damaged or of another format.
    """
    read_configuration(name_or_path, offline=offline)
    try:
        # A new head where habitats differ: the published training begins with one, too.
        return kind.from_pretrained(
            name_or_path,
            local_files_only=offline,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            **changes,
        )
    except SafetensorError as error:
        raise InputError(
            f"{name_or_path!r}: its weights are damaged ({error}); expected all of "
            "model.safetensors: copy or download it again"
        ) from error
    except (OSError, ValueError) as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise InputError(
            f"{name_or_path!r} has no weights that can be read ({reason}); expected "
            "model.safetensors, since a pickle can run any code: convert them with save_pretrained"
        ) from error


def masked_network(
    settings: NetworkSettings, tokenizer: PreTrainedTokenizerBase, habitats: Sequence[str]
) -> BertForMaskedLM:
    """Make the network of the first stage, which guesses hidden species.

    Args:
        settings: Sizes, or the model to start from.
        tokenizer: Whose tokens it reads; embeddings of a published network grow to as many.
        habitats: Codes that the second stage names.

    Raises:
        InputError: The model to start from cannot be loaded.
    """
    if not settings.name_or_path:
        return _ranked(BertForMaskedLM(configuration(settings, tokenizer, habitats)))
    network = published_network(BertForMaskedLM, settings.name_or_path, offline=settings.offline)
    network.resize_token_embeddings(len(tokenizer))
    return network


def classifying_network(masked: BertForMaskedLM, habitats: Sequence[str]) -> Any:
    """Make the network of the second stage from that of the first: its body and a new head.

    Args:
        masked: As the first stage left it.
        habitats: Codes in the order of the outputs.
    """
    config = BertConfig.from_dict({**masked.config.to_dict(), **_names(habitats)})
    config.architectures = [BertForSequenceClassification.__name__]
    network = BertForSequenceClassification(config)
    # The first stage has no pooling layer, so that one starts new.
    network.bert.load_state_dict(masked.bert.state_dict(), strict=False)
    return network


def _ranked(network: BertForMaskedLM) -> BertForMaskedLM:
    """Start with ranks as smooth curves over their logarithm and with faint species.

    Neighbouring ranks are then alike from the first step on, and the more so the further down they
    are, as in the reciprocal ranks of paper 1; and a species that few plots have says little.
    """
    embeddings = network.bert.embeddings
    with torch.no_grad():
        ranks = embeddings.position_embeddings.weight
        ranks.copy_(rank_curves(*ranks.shape) * OF_RANKS)
        embeddings.word_embeddings.weight.mul_(OF_SPECIES / network.config.initializer_range)
    return network


def rank_curves(positions: int, width: int) -> Tensor:
    """Return sines and cosines over the logarithm of the position.

    Returns:
        ``(positions, width)`` of mean square 1; one half of the columns are sines of 1/4 to 2
        periods, the other half their cosines.
    """
    share = torch.log1p(torch.arange(positions)) / math.log1p(positions)
    angle = 2 * math.pi * share[:, None] * torch.linspace(*PERIODS, (width + 1) // 2)[None]
    return math.sqrt(2) * torch.cat([angle.sin(), angle.cos()], dim=1)[:, :width]


def _names(habitats: Sequence[str]) -> dict[str, Any]:
    return {
        "id2label": dict(enumerate(habitats)),
        "label2id": {code: index for index, code in enumerate(habitats)},
    }
