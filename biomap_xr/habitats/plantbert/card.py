"""The card of a trained Pl@ntBERT: everything about it but weights and tokenizer, as JSON."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from biomap_xr.habitats import eunis
from biomap_xr.habitats.plantbert.settings import PlantBertSettings
from biomap_xr.settings import Settings

FORMAT_VERSION: Literal[1] = 1


class HabitatCard(Settings):
    """Habitats, species table, settings and provenance of a model."""

    format_version: Literal[1] = FORMAT_VERSION
    habitats: tuple[str, ...] = Field(min_length=1)
    """EUNIS codes in the order of the model's outputs, sorted by their number on a map."""
    species: tuple[str, ...] = Field(min_length=1)
    """Names in the order that sentences index them."""
    k: int = Field(ge=1)
    """Species of a sentence at most."""
    settings: PlantBertSettings = PlantBertSettings()
    training: dict[str, Any] = Field(default_factory=dict)
    """Course of both stages."""
    metrics: dict[str, Any] = Field(default_factory=dict)
    data_fingerprint: str = ""
    """Of the sentences, labels and roles it was trained on."""
    provenance: dict[str, Any] = Field(default_factory=dict)
    """Sources and licences of plots and of a published model."""
    weights_sha256: str = ""
    """Of the file of weights; filled in when the model is saved."""

    @field_validator("settings", mode="before")
    @classmethod
    def _without_device(cls, settings: Any) -> Any:
        # Cards of an earlier day name the device of the training.
        if isinstance(settings, dict):
            return {key: value for key, value in settings.items() if key != "device"}
        return settings

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.habitats != tuple(sorted(set(self.habitats), key=eunis.number_of)):
            raise ValueError(
                f"habitats: {self.habitats[:8]} are not in the order of their numbers or occur "
                "twice; expected each once, sorted by eunis.number_of"
            )
        if len(set(self.species)) != len(self.species):
            raise ValueError(
                f"species: {len(self.species) - len(set(self.species))} of {len(self.species)} "
                "names occur twice; expected each once: merge them"
            )
        return self
