"""What a recipe says about one learner: its algorithm, hyperparameters and imbalance strategy.

Defaults are the published winning configurations' (paper 2, Supplementary Table 3).
"""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from biomap_xr.habitats.ensemble.learners.protocol import FAMILIES, Algorithm, Family
from biomap_xr.settings import Settings

TreeImbalance = Literal["none", "class_weights"]
PerceptronImbalance = Literal[
    "none", "weighted_cross_entropy", "focal", "weighted_focal", "ldam", "weighted_ldam"
]
Architecture = Literal["shallow", "wide", "two", "three"]
Width = Annotated[int, Field(ge=1, le=8192)]

TREE_IMBALANCE: tuple[str, ...] = ("none", "class_weights")
PERCEPTRON_IMBALANCE: tuple[str, ...] = (
    "none",
    "weighted_cross_entropy",
    "focal",
    "weighted_focal",
    "ldam",
    "weighted_ldam",
)
ARCHITECTURES: dict[Architecture, tuple[int, ...]] = {
    "shallow": (128,),
    "wide": (1024,),
    "two": (256, 128),
    "three": (512, 256, 128),
}
"""Widths of hidden layers; ``wide`` and ``three`` are published, the other two ours."""


class _Member(Settings):
    """What all learners share."""

    algorithm: Algorithm

    @property
    def family(self) -> Family:
        """Bagging, boosting or perceptron: the best of each family votes."""
        return FAMILIES[self.algorithm]

    @field_validator("imbalance", mode="before", check_fields=False)
    @classmethod
    def _allowed(cls, value: Any) -> Any:
        allowed = PERCEPTRON_IMBALANCE if cls is PerceptronSettings else TREE_IMBALANCE
        if value not in allowed:
            others = TREE_IMBALANCE if cls is PerceptronSettings else PERCEPTRON_IMBALANCE
            why = " (that is for another family of learners)" if value in others else ""
            raise ValueError(
                f"imbalance {value!r} is not to be had for {cls.__name__.removesuffix('Settings')}"
                f"{why}; expected one of {', '.join(allowed)}: choose one of these"
            )
        return value


class ForestSettings(_Member):
    """Random forest of scikit-learn."""

    algorithm: Literal["forest"] = "forest"
    imbalance: TreeImbalance = "class_weights"
    trees: int = Field(128, ge=1)
    criterion: Literal["gini", "entropy"] = "gini"
    max_depth: int | None = Field(None, ge=1)
    """None: until leaves are pure."""
    min_leaf: int = Field(1, ge=1)
    """Rows that a leaf has at least."""
    max_features: Literal["sqrt", "log2"] | float = "sqrt"
    """Columns tried at a split; a number is a share of all, above 0 to 1."""
    max_samples: float = Field(1.0, gt=0, le=1)
    """Rows drawn for a tree, with replacement, as a share of all."""

    @field_validator("max_features")
    @classmethod
    def _share(cls, value: str | float) -> str | float:
        if not isinstance(value, str) and not 0 < value <= 1:
            raise ValueError(
                f"max_features {value:g} is no share of the columns; expected above 0 to 1, "
                "'sqrt' or 'log2': correct it"
            )
        return value


class XGBoostSettings(_Member):
    """Gradient boosting by XGBoost, categories split natively."""

    algorithm: Literal["xgboost"] = "xgboost"
    imbalance: TreeImbalance = "class_weights"
    rounds: int = Field(512, ge=1)
    learning_rate: float = Field(0.1, gt=0, le=1)
    max_depth: int = Field(0, ge=0)
    """0: no limit, as published."""
    min_child_weight: float = Field(1.0, ge=0)
    subsample: float = Field(1.0, gt=0, le=1)
    """Share of the rows that a round sees."""
    column_sample: float = Field(1.0, gt=0, le=1)
    """Share of the columns that a tree sees."""
    l1: float = Field(0.0, ge=0)
    l2: float = Field(1.0, ge=0)
    patience: int = Field(10, ge=1)
    """Rounds without a lower log loss on held-out rows before boosting stops."""
    min_gain: float = Field(1e-3, ge=0)
    """What counts as lower."""


class CatBoostSettings(_Member):
    """Gradient boosting by CatBoost, categories encoded by its ordered statistics."""

    algorithm: Literal["catboost"] = "catboost"
    imbalance: TreeImbalance = "class_weights"
    rounds: int = Field(100, ge=1)
    learning_rate: float = Field(0.2, gt=0, le=1)
    max_depth: int = Field(6, ge=1, le=16)
    l2: float = Field(3.0, ge=0)
    random_strength: float = Field(1.0, ge=0)
    """Noise on the scores of splits."""
    patience: int = Field(5, ge=1)


class LightGBMSettings(_Member):
    """Gradient boosting by LightGBM, categories as ordinal numbers."""

    algorithm: Literal["lightgbm"] = "lightgbm"
    imbalance: TreeImbalance = "none"
    rounds: int = Field(512, ge=1)
    learning_rate: float = Field(0.01, gt=0, le=1)
    leaves: int = Field(31, ge=2)
    """Leaves of a tree at most."""
    max_depth: int | None = Field(None, ge=1)
    """None: no limit."""
    min_leaf: int = Field(20, ge=1)
    subsample: float = Field(1.0, gt=0, le=1)
    column_sample: float = Field(1.0, gt=0, le=1)
    l1: float = Field(0.0, ge=0)
    l2: float = Field(0.0, ge=0)
    patience: int = Field(5, ge=1)
    min_gain: float = Field(0.0, ge=0)


class PerceptronSettings(_Member):
    """Fully connected network in PyTorch, with temperature scaling on held-out rows."""

    algorithm: Literal["perceptron"] = "perceptron"
    imbalance: PerceptronImbalance = "weighted_ldam"
    architecture: Architecture | tuple[Width, ...] = Field("three", min_length=1)
    """One of four by name, or the widths of any."""
    batch_norm: bool = True
    dropout: float = Field(0.0, ge=0, lt=1)
    categories: Literal["one_hot", "embedding"] = "one_hot"
    """Embeddings have min(600, round(1.6 n^0.56)) dimensions for n categories."""
    gamma: float = Field(5.0, ge=0)
    """Focusing parameter of the focal loss."""
    margin: float = Field(0.5, gt=0)
    """The largest margin of LDAM, that of the rarest class."""
    scale: float = Field(30.0, gt=0)
    """What LDAM multiplies logits with."""
    optimiser: Literal["sgd", "radam", "adamw"] = "radam"
    learning_rate: float = Field(1e-3, gt=0)
    momentum: float = Field(0.0, ge=0, lt=1)
    """Of SGD."""
    weight_decay: float = Field(1e-3, ge=0)
    batch: int = Field(1024, ge=2)
    """Rows of a step."""
    epochs: int = Field(1000, ge=1)
    """At most; early stopping ends sooner where there are held-out rows."""
    patience: int = Field(10, ge=1)
    """Epochs without a lower loss on held-out rows before training stops."""
    min_gain: float = Field(1e-3, ge=0)
    """The share by which a loss has to be lower to count as lower."""
    temperature: bool = True
    """Fit a temperature on held-out rows."""

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of the hidden layers.

        >>> PerceptronSettings(architecture="wide").widths
        (1024,)
        """
        if isinstance(self.architecture, tuple):
            return self.architecture
        return ARCHITECTURES[self.architecture]


LearnerSettings = Annotated[
    ForestSettings | XGBoostSettings | CatBoostSettings | LightGBMSettings | PerceptronSettings,
    Field(discriminator="algorithm"),
]

STEMS: dict[Algorithm, str] = {
    "forest": "rf",
    "xgboost": "xgb",
    "catboost": "cb",
    "lightgbm": "lgbm",
    "perceptron": "mlp",
}
ARCHITECTURE_MARKS: dict[Any, str] = {"shallow": "s", "wide": "w", "two": "2", "three": "3"}


def published_name(settings: LearnerSettings) -> str:
    """Name a member as the published configurations do.

    >>> published_name(ForestSettings()), published_name(PerceptronSettings(imbalance="focal"))
    ('wrf', 'mlp3_fl5')
    """
    stem = STEMS[settings.algorithm]
    if not isinstance(settings, PerceptronSettings):
        return f"w{stem}" if settings.imbalance == "class_weights" else stem
    widths = "x".join(map(str, settings.widths))
    loss = {
        "none": "ce",
        "weighted_cross_entropy": "wce",
        "focal": f"fl{settings.gamma:g}",
        "weighted_focal": f"wfl{settings.gamma:g}",
        "ldam": "ldam",
        "weighted_ldam": "wldam",
    }[settings.imbalance]
    return f"{stem}{ARCHITECTURE_MARKS.get(settings.architecture, widths)}_{loss}"
