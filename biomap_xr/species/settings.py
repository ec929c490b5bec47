"""What a recipe says about the species model: encoders, normalisation, training and thresholds."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from biomap_xr.settings import Settings

Modality = Literal["landsat", "climate", "sentinel2", "predictors"]

MODALITIES: tuple[Modality, ...] = ("landsat", "climate", "sentinel2", "predictors")
"""The order in which embeddings are concatenated: the published one, then the static predictors."""

WEIGHT_FILES = (".pth", ".pt", ".safetensors")
"""How the name of a file of published weights ends."""

Width = Annotated[int, Field(ge=1, le=8192)]
FourWidths = tuple[Width, Width, Width, Width]
ThresholdKind = Literal["f_score_global", "f_score", "conformal"]
"""Ways to a presence threshold: one for all species, or one each (see `Thresholds`)."""


class PublishedSettings(Settings):
    """The published ResNet-6: four zero-padded convolutions, no skip connection."""

    kind: Literal["published"] = "published"
    widths: FourWidths = (64, 128, 256, 512)
    """Channels after each convolution; the default is the published one."""
    standardise: bool = False
    """Standardise each embedding dimension before the head (folds into the linear head)."""


class LatticeSettings(Settings):
    """The encoder whose first pooling is 5 x 5, so that a whole tile is one dense convolution."""

    kind: Literal["lattice"] = "lattice"
    widths: FourWidths = (64, 128, 256, 512)
    standardise: bool = True
    precision: Literal["float32", "bfloat16"] = "float32"
    """Arithmetic of the dense convolutions; sums stay in float32."""
    strip: int = Field(32, ge=1)
    """Rows of map cells that are computed at once: bounds the memory of a tile."""


class SeriesSettings(Settings):
    """Convolutions along the years with the seasons of a year as channels."""

    kind: Literal["series"] = "series"
    widths: tuple[Width, Width] = (64, 64)
    kernel: int = Field(3, ge=1, le=9)
    """Years that one filter sees."""
    standardise: bool = True


class VectorSettings(Settings):
    """A multilayer perceptron over static predictors."""

    kind: Literal["vector"] = "vector"
    widths: tuple[Width, ...] = Field((64, 64), min_length=1)
    standardise: bool = True


EncoderSettings = Annotated[
    PublishedSettings | LatticeSettings | SeriesSettings | VectorSettings,
    Field(discriminator="kind"),
]

KINDS: dict[Modality, tuple[str, ...]] = {
    "landsat": ("series", "published"),
    "climate": ("series", "published"),
    "sentinel2": ("lattice", "published"),
    "predictors": ("vector",),
}
"""The encoders that fit each modality; the first is the default."""


class NormalisationSettings(Settings):
    """How raw values become what an encoder sees; fitted on training inputs, stored in the card."""

    preset: Literal[
        "fitted", "geoplant", "geoplant_ensemble", "geolifeclef2024", "geolifeclef2025"
    ] = "fitted"
    """``fitted``: mean and deviation of the training inputs; others: the published constants."""
    statistics: Literal["channel", "slot"] = "channel"
    """One mean per channel, or one per channel and slot of a cube (year, quarter, month)."""
    missing: Literal["mean", "zero"] = "mean"
    """What a missing value counts as: the mean of its channel, or a raw zero as in the published
    code."""
    encoding: Literal["linear", "gamma8"] = "linear"
    """Sentinel-2 only: reflectance in 0..1, or the 8-bit scale of the published JPEG patches."""


class ModalitySettings(Settings):
    """One branch of the model."""

    encoder: EncoderSettings
    normalisation: NormalisationSettings = NormalisationSettings()


def default_modality(modality: Modality) -> ModalitySettings:
    """Give the branch that a modality has unless the recipe says otherwise.

    >>> default_modality("climate").encoder.kind
    'series'
    """
    if modality == "sentinel2":
        return ModalitySettings(encoder=LatticeSettings())
    if modality == "predictors":
        return ModalitySettings(encoder=VectorSettings())
    return ModalitySettings(
        encoder=SeriesSettings(), normalisation=NormalisationSettings(statistics="slot")
    )


def check_kinds(encoders: dict[Modality, EncoderSettings]) -> None:
    """Refuse an encoder that cannot read its modality.

    Raises:
        ValueError: There is no modality, or an encoder's kind does not fit.
    """
    if not encoders:
        raise ValueError(
            f"modalities: none given, expected at least one of {', '.join(MODALITIES)}; name one"
        )
    for modality, encoder in encoders.items():
        if encoder.kind not in KINDS[modality]:
            raise ValueError(
                f"modalities: {modality!r} has encoder kind {encoder.kind!r}, "
                f"expected one of {KINDS[modality]}; choose one of these"
            )


class TrainingSettings(Settings):
    """How weights are fitted.

    Optimiser, loss, schedule and stop are the published ones (GeoPlant notebooks). Rates and decays
    are those that ranked species best on some thousand simulated surveys of 640 species; the
    published ones, for 100,000 surveys and the published encoder, are learning rates of 1e-4 (a
    branch) and 1e-5 (the ensemble), decays of 1e-2 and batches of 32.
    """

    optimiser: Literal["adamw", "sgd"] = "adamw"
    """``adamw`` as the published code, ``sgd`` as paper 1, section 3, says."""
    learning_rate: float = Field(3e-3, gt=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    """Of SGD."""
    weight_decay: float = Field(1e-1, ge=0)
    """Of the encoders."""
    head_weight_decay: float = Field(3.0, ge=0)
    """Of the linear head's weights; its bias has none."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of embedding dimensions hidden from the head in training."""
    positive_weight: float = Field(1.0, gt=0)
    """How much more a presence counts in the loss than an absence."""
    epochs: int = Field(50, ge=1)
    """At most; early stopping may end sooner."""
    batch: int = Field(64, ge=2)
    """Sites per step."""
    plateau_patience: int = Field(1, ge=0)
    """Epochs without a lower validation loss before the learning rate falls."""
    plateau_factor: float = Field(0.9, gt=0, lt=1)
    patience: int = Field(5, ge=1)
    """Epochs without a lower validation loss before training stops."""
    augment: bool = True
    """Flip and turn the Sentinel-2 windows of training sites (never those of validation)."""
    seed: int = Field(0, ge=0)
    threads: int | None = Field(None, ge=1)
    """Threads of the arithmetic; weights are identical for one seed and one number of threads. None
    takes one where a step is too small to be shared, else all that the process may use."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of products and convolutions in training on a GPU."""


class EarlyWindow(Settings):
    """Sentinel-2 windows cut to their middle in the first epochs, which then cost a fraction."""

    side: int = Field(64, ge=29)
    """Pixels."""
    epochs: int = Field(10, ge=1)
    """At most, before those on whole windows."""


class EnsembleSettings(Settings):
    """How the branches, trained alone first, are joined and fine-tuned."""

    branches: TrainingSettings = TrainingSettings()
    """Training of each branch alone; these are also the rows of paper 1's table 1."""
    ensemble: TrainingSettings = TrainingSettings(learning_rate=1e-3, dropout=0.2)
    """Fine-tuning of all parameters together."""
    by_modality: dict[Modality, TrainingSettings] = Field(default_factory=dict)
    """Training of single branches that differs from ``branches``."""
    early_window: EarlyWindow | None = None
    """Start the Sentinel-2 branch on smaller windows."""
    head: Literal["average", "prevalence"] = "average"
    """The joint head starts as the average of the branches' heads, or from prevalences alone."""


class ThresholdSettings(Settings):
    """How presence thresholds are chosen on the calibration blocks."""

    omission: float = Field(0.1, ge=0, lt=1)
    """The share of true presences that the conformal threshold may miss (level a)."""
    minimum_presences: int = Field(20, ge=1)
    """A species with fewer calibration presences takes the pooled conformal threshold."""
    minimum_f_presences: int = Field(5, ge=1)
    """A species with fewer calibration presences takes the global F-score threshold."""


class SpeciesSettings(Settings):
    """The species section of a recipe."""

    modalities: dict[Modality, ModalitySettings] = Field(
        default_factory=lambda: {name: default_modality(name) for name in MODALITIES[:3]}
    )
    weights: Path | None = None
    """A model that is used without training: the folder of a saved one, with its species and
    thresholds, or a file of published weights (.pth, .pt, .safetensors) for published encoders;
    its thresholds are then chosen on the calibration blocks."""
    trained_on: Literal["all", "surveys"] = "all"
    """Surveys and presence-only records together (paper 1, section 3), or surveys alone."""
    recalibrate: bool = True
    """Scale and shift all logits alike (Platt scaling) so that the probabilities of the validation
    surveys add up to what was found there; it is folded into the head and told in the card."""
    compare: bool = False
    """Also fine-tune the same branches on the other choice, to show what records do."""
    training: EnsembleSettings = EnsembleSettings()
    thresholds: ThresholdSettings = ThresholdSettings()

    @field_validator("modalities", mode="before")
    @classmethod
    def _fill(cls, modalities: Any) -> Any:
        """Give a modality that is only named its default branch."""
        if not isinstance(modalities, dict):
            return modalities
        return {
            name: default_modality(name) if name in MODALITIES and not branch else branch
            for name, branch in modalities.items()
        }

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_kinds({name: branch.encoder for name, branch in self.modalities.items()})
        if self.weights is not None and self.weights.suffix in WEIGHT_FILES:
            for name, branch in self.modalities.items():
                encoder = branch.encoder
                if encoder.kind != "published" or encoder.standardise:
                    raise ValueError(
                        f"weights: {self.weights} is a file of published weights, but the encoder "
                        f"of {name} is {encoder.kind!r}; expected kind 'published' without "
                        "standardise for every modality: change the encoders, or give the folder "
                        "of a saved model"
                    )
        return self


class MapSettings(Settings):
    """What the tile program stores, and how it cuts its work."""

    species_cube: bool = True
    """Whether ``species.zarr`` is written; indicators do not need it."""
    floor: Annotated[float, Field(ge=0, lt=1)] | Literal["f_score_global"] = 0.002
    """Smallest probability that is stored; anything below counts as absent in the cube. The share
    of the expected richness that this loses is measured and kept in the cube's attributes.
    ``f_score_global`` is paper 1's threshold (section 4): the single one of the best F-score."""
    presence: ThresholdKind = "f_score_global"
    """Threshold from which a species counts as present in the statistics of its map. Paper 1's
    figures (section 4) rest on the single one of the best F-score; ``f_score`` and ``conformal``
    are those of each species."""
    block: int = Field(128, ge=1)
    """Species that are computed at once: bounds the memory of a tile."""
