"""What a recipe says about Pl@ntBERT: its size or its source, and how it is trained.

Published values are those of the published code and model; the other defaults are for small models
that are trained from scratch on some thousand plots with two processor cores.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from biomap_xr.settings import Settings, refuse_device

PUBLISHED_STAGE: dict[str, Any] = {
    "learning_rate": 3e-5,
    "batch": 8,
    "epochs": 5,
    "warm_up": 0.0,
    "steps": None,
}
"""Both stages of the published training; the released model has 2e-5 and batches of 2."""
PUBLISHED_PRETRAINING: dict[str, Any] = {**PUBLISHED_STAGE, "packing": "concatenate"}
PUBLISHED_FINE_TUNING: dict[str, Any] = {
    **PUBLISHED_STAGE,
    "jitter": 0.0,
    "hidden_species": 0.0,
    "teacher": 0.0,
}


class NetworkSettings(Settings):
    """Size of a new network, or the published one to start from."""

    name_or_path: str = ""
    """Model id or folder to start from; empty makes a new network of the sizes below."""
    offline: bool = True
    """Read only files that are on this machine, never the hub."""
    hidden: int = Field(64, ge=8, le=4096)
    """Width of a token's embedding; a multiple of ``heads``."""
    layers: int = Field(1, ge=1, le=48)
    """Few by default, so that training is short without a GPU; BERT-base has 12."""
    heads: int = Field(4, ge=1, le=64)
    intermediate: int = Field(256, ge=8, le=16_384)
    """Width inside a layer's feed-forward part."""
    positions: int = Field(512, ge=8, le=8192)
    """Tokens that it can read: twice the species and one more."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of activations and attention hidden in training; BERT has 0.1. Small networks that
    learn from some thousand plots were no worse without it in trials, and trained in two thirds of
    the time: what varies their sentences (``jitter``, ``hidden_species``) is enough."""

    @model_validator(mode="after")
    def _check(self) -> "NetworkSettings":
        if self.hidden % self.heads:
            raise ValueError(
                f"hidden: {self.hidden} is no multiple of {self.heads} heads; expected one, such "
                f"as {self.heads * (self.hidden // self.heads + 1)}: change one of them"
            )
        return self


class StageSettings(Settings):
    """How weights are fitted in one of the two stages: AdamW, its rate falling linearly to 0."""

    epochs: int = Field(10, ge=0, le=10_000)
    """At most."""
    steps: int | None = Field(1200, ge=1)
    """Epochs are fewer where they would take more steps than this, but never fewer than 5: many
    plots need fewer readings of each. None counts epochs alone, as published."""
    batch: int = Field(32, ge=1)
    """Sentences (or blocks of text) a step."""
    learning_rate: float = Field(3e-3, gt=0, le=1)
    """Before it falls."""
    warm_up: float = Field(0.0, ge=0, lt=1)
    """Share of the steps in which the rate rises from 0 first; the published training has none."""
    weight_decay: float = Field(0.01, ge=0)
    """Of matrices; biases and norms have none."""
    clip: float = Field(1.0, gt=0)
    """Longest gradient of a step, as `transformers` has it."""


class PretrainingSettings(StageSettings):
    """Masked species modelling: hidden species are guessed from those around them."""

    steps: int | None = Field(400, ge=1)
    """As in `StageSettings`."""
    learning_rate: float = Field(5e-4, gt=0, le=1)
    """Before it falls; in single trials on 876 real plots, 3e-3 here left the second stage worse
    than no pretraining did, and 5e-4 did not."""
    share: float = Field(0.15, gt=0, lt=1)
    """Of the species that are to be guessed; 80% of them are hidden, 10% replaced, 10% left."""
    packing: Literal["sentence", "concatenate"] = "sentence"
    """``concatenate`` cuts the joined text of all plots into blocks of as many tokens as the
    network reads, as published; ``sentence`` reads plot by plot, so that a position is a rank, and
    costs a fraction for short sentences."""
    unlabelled: bool = True
    """Also read training plots that have no habitat."""


class FineTuningSettings(StageSettings):
    """Habitat classification from ranked species."""

    epochs: int = Field(40, ge=0, le=10_000)
    order: Literal["dominance", "random"] = "dominance"
    """``random`` shuffles the species of a training sentence anew each time, as one of the
    published models has it."""
    species_dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the species that a training sentence loses each time, as one of the published
    models has it; at least one stays."""
    jitter: float = Field(0.3, ge=0)
    """Deviation of random numbers added to the logarithm of the ranks of a training sentence, which
    swaps species of similar dominance; 0 keeps the order."""
    hidden_species: float = Field(0.1, ge=0, lt=1)
    """Share of the species of a training sentence that are shown as the mask each time, which keeps
    the ranks of the others."""
    teacher: float = Field(0.5, ge=0, le=1)
    """Share of the target that is what the linear model on reciprocal ranks, fitted to the same
    training rows, says of the sentence as it is varied. Scores are then not independent of that
    baseline: compare with 0, which the published training has, to see what BERT alone does."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Share of the target that is spread over all habitats."""
    class_weights: Literal["none", "balanced"] = "none"
    """``balanced`` gives every habitat the same total weight in the loss."""
    patience: int = Field(10, ge=1)
    """Epochs without a better validation before training stops."""
    monitor: Literal["loss", "accuracy"] = "loss"
    """What the best epoch is chosen by, on validation plots."""


class BaselineSettings(Settings):
    """Which plain classifiers are trained beside it, so that a report shows what BERT adds."""

    linear: bool = True
    """A multinomial linear model on reciprocal ranks."""
    tabular: bool = True
    """A small network on amounts of species."""
    expert: bool = True
    """The EUNIS-ESy expert system, where covers are known."""
    untaught: bool = False
    """Pl@ntBERT without its teacher, the linear model: what it learns from plots alone."""


class PlantBertSettings(Settings):
    """Pl@ntBERT: paper 1, "Habitat Identification"."""

    k: int = Field(50, ge=1, le=4095)
    """Species of a sentence at most; paper 1's table 2 compares 50 and 100."""
    model: Path | None = None
    """Folder of a classifier that is used without training: one of ours, or one that
    ``save_pretrained`` wrote, whose outputs are EUNIS codes."""
    network: NetworkSettings = NetworkSettings()
    pretraining: PretrainingSettings = PretrainingSettings()
    fine_tuning: FineTuningSettings = FineTuningSettings()
    baselines: BaselineSettings = BaselineSettings()
    seed: int = Field(0, ge=0)
    threads: int | None = Field(None, ge=1)
    """Threads of the arithmetic; weights are identical for one seed and one number of threads. None
    takes one where a step is too small to be shared, else all that the process may use."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of products in training on a GPU."""

    _profile = model_validator(mode="before")(refuse_device)

    @model_validator(mode="before")
    @classmethod
    def _published(cls, values: Any) -> Any:
        """Take published values for what is not given where a published network is trained on."""
        if not isinstance(values, dict) or not _source(values.get("network")):
            return values
        stages = {"pretraining": PUBLISHED_PRETRAINING, "fine_tuning": PUBLISHED_FINE_TUNING}
        given = {name: _plain(values.get(name)) for name in stages}
        return values | {name: stages[name] | given[name] for name in stages}

    @model_validator(mode="after")
    def _check(self) -> "PlantBertSettings":
        if not self.network.name_or_path and 2 * self.k + 1 > self.network.positions:
            raise ValueError(
                f"k: {self.k} species are {2 * self.k + 1} tokens, the network reads "
                f"{self.network.positions}; expected at most {(self.network.positions - 1) // 2} "
                "species: lower k or raise network.positions"
            )
        return self


def _source(network: Any) -> str:
    return str(_plain(network).get("name_or_path", ""))


def _plain(section: Any) -> dict[str, Any]:
    """Return what was given of a section, be it a mapping or settings already."""
    if isinstance(section, Settings):
        return section.model_dump(exclude_unset=True)
    return dict(section) if isinstance(section, dict) else {}
