"""The model card: everything about a model but its weights, as one JSON object."""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from biomap_xr.errors import InputError
from biomap_xr.settings import Settings
from biomap_xr.species.normalisation import Normalisation
from biomap_xr.species.settings import MODALITIES, EncoderSettings, Modality, check_kinds
from biomap_xr.species.thresholds import Thresholds

FORMAT_VERSION: Literal[1] = 1


class ModelCard(Settings):
    """Architecture, species table, normalisation, thresholds and provenance of a species model."""

    format_version: Literal[1] = FORMAT_VERSION
    modalities: dict[Modality, EncoderSettings]
    """Each branch's encoder, in the order of the head's columns."""
    species_id: tuple[int, ...] = Field(min_length=1)
    """Ids in the order of the head's rows."""
    species: tuple[str, ...]
    """Names in the same order."""
    normalisation: dict[Modality, Normalisation]
    inputs: dict[str, Any] = Field(default_factory=dict)
    """How raw inputs are cut from cubes: settings of other rooms, kept as they are."""
    thresholds: Thresholds | None = None
    training: dict[str, Any] = Field(default_factory=dict)
    """Settings and course of the training."""
    metrics: dict[str, Any] = Field(default_factory=dict)
    data_fingerprint: str = ""
    """Of the training inputs and observations."""
    weights_sha256: str = ""
    """Of the file of weights; filled in when the model is saved."""

    @field_validator("modalities")
    @classmethod
    def _in_order(
        cls, modalities: dict[Modality, EncoderSettings]
    ) -> dict[Modality, EncoderSettings]:
        check_kinds(modalities)
        return {name: modalities[name] for name in MODALITIES if name in modalities}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.species) != len(self.species_id):
            raise ValueError(
                f"species: {len(self.species)} names for {len(self.species_id)} ids, "
                "expected as many; give one name per id"
            )
        if len(set(self.species_id)) != len(self.species_id):
            raise ValueError(
                f"species_id: {len(self.species_id) - len(set(self.species_id))} ids occur twice, "
                "expected each once; merge these species"
            )
        self._check_thresholds()
        if set(self.normalisation) != set(self.modalities):
            raise ValueError(
                f"normalisation: given for {sorted(self.normalisation)}, expected for "
                f"{sorted(self.modalities)}; fit one per modality"
            )
        return self

    def _check_thresholds(self) -> None:
        if self.thresholds is not None and len(self.thresholds.f_score) != len(self.species_id):
            raise ValueError(
                f"thresholds: {len(self.thresholds.f_score)} for {len(self.species_id)} species, "
                "expected as many; calibrate the model again"
            )

    def require_thresholds(self) -> Thresholds:
        """Return the thresholds.

        Raises:
            InputError: The model has none.
        """
        if self.thresholds is None:
            raise InputError(
                "the model's card has no thresholds, expected those of its calibration; train it "
                "again"
            )
        return self.thresholds

    def floor(self, wanted: float | Literal["f_score_global"]) -> float:
        """Return the smallest probability that a map of the model stores, 0 to 1.

        Args:
            wanted: A number, or the single threshold of the best F-score (paper 1, section 4).

        Raises:
            InputError: The threshold is wanted, and the model has none.
        """
        return wanted if isinstance(wanted, float) else self.require_thresholds().f_score_global

    def require_species(self, species_id: Sequence[int]) -> None:
        """Refuse another species table than the model's own.

        Args:
            species_id: Ids in the order in which predictions are asked for.

        Raises:
            InputError: Ids or their order differ.
        """
        given = tuple(int(value) for value in species_id)
        if given == self.species_id:
            return
        pairs = enumerate(zip(given, self.species_id, strict=False))
        shorter = min(len(given), len(self.species_id))
        where = next((index for index, (a, b) in pairs if a != b), shorter)
        raise InputError(
            f"species table: {len(given)} species, the model has {len(self.species_id)}; they "
            f"differ from row {where} on (given {given[where : where + 3]}, expected "
            f"{self.species_id[where : where + 3]}); train a model for this table"
        )
