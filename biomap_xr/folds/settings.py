"""How sites, plots and observations are split, as a recipe says it."""

from itertools import pairwise
from typing import Literal, Self

from pydantic import Field, model_validator

from biomap_xr.settings import Settings

ROLES = ("train", "validation", "calibration", "test")
RANDOM, SITE = "random", "site"
"""Names of two splits to compare with blocks: single plots, and all plots of one site."""


class Fractions(Settings):
    """The share of the blocks that each role takes; they add up to 1."""

    train: float = Field(0.7, gt=0, le=1)
    """Blocks that the weights are fitted on."""
    validation: float = Field(0.1, ge=0, le=1)
    """Blocks for early stopping and the learning-rate schedule."""
    calibration: float = Field(0.1, ge=0, le=1)
    """Blocks for thresholds, which neither training nor early stopping has seen."""
    test: float = Field(0.1, ge=0, le=1)
    """Blocks for the scores."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        total = sum(self.shares)
        if abs(total - 1) > 1e-9:
            raise ValueError(
                f"fractions: {self.model_dump()} add up to {total:g}; expected 1: "
                f"change one of them by {1 - total:+g}"
            )
        return self

    @property
    def shares(self) -> tuple[float, ...]:
        """The four shares in the order of `ROLES`."""
        return tuple(getattr(self, role) for role in ROLES)


class FoldSettings(Settings):
    """How sites are split into training, validation, calibration and test."""

    block_m: float = Field(10_000.0, gt=0)
    """Side of a square block in metres, counted from the CRS's origin; 10 km is GeoPlant's."""
    fractions: Fractions = Fractions()
    method: Literal["shuffle", "hash"] = "shuffle"
    """``shuffle`` deals blocks out in exact shares, those with surveys apart from those without;
    ``hash`` gives a block its role whatever other blocks there are: new data moves no site."""
    unsurveyed: Literal["share", "train"] = "share"
    """Blocks without a survey, which cannot be scored, are shared out, too, or all train."""
    seed: int = Field(0, ge=0)
    buffer_m: float = Field(0.0, ge=0)
    """Training sites whose window of this half-width in metres reaches into a test block are left
    out; half an image window is 640 m for 128 pixels of 10 m."""


class BlockSettings(Settings):
    """How the observations of a formation are split for cross-validation."""

    folds: int = Field(5, ge=2)
    """Number of folds; a voter is trained on all but one."""
    sides_m: tuple[int, ...] = Field((100_000, 50_000, 10_000), min_length=1)
    """Sides of the cells in metres in EPSG:3035: the first that is balanced is taken."""
    smallest: float = Field(0.5, ge=0, le=1)
    """Folds are balanced where the smallest has this share of the mean number of observations."""
    count: Literal["frequency", "presence"] = "frequency"
    """What is kept in proportion: observations of each class (paper 2), or the cells that a class
    occurs in (the authors' code)."""
    seed: int = Field(0, ge=0)
    """Decides between cells that are equally good."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if min(self.sides_m) <= 0 or any(a <= b for a, b in pairwise(self.sides_m)):
            raise ValueError(
                f"sides_m: {self.sides_m}; expected positive lengths in metres, the longest first"
            )
        return self


class PlotFoldSettings(Settings):
    """How plots are split for cross-validation; as published for Pl@ntBERT by default."""

    blocks: Literal["degrees", "metres", "site"] = "degrees"
    """What stays together: squares of longitude and latitude, squares of a projection, or the plots
    of one site."""
    degrees: float = Field(0.1, gt=0, le=90)
    """Side of a block in degrees (paper 1, Pl@ntBERT)."""
    metres: float = Field(10_000.0, gt=0)
    """Side of a block in metres."""
    crs: str = "EPSG:3035"
    """Projection of blocks in metres."""
    folds: int = Field(10, ge=2)
    balance: Literal["plots", "labels"] = "plots"
    """What folds have in equal shares: plots, or plots and each of the labels."""
    seed: int = Field(123, ge=0)
    """Which of equally large blocks comes first."""
