"""What the evaluation of a run measures and draws."""

from typing import Annotated

from pydantic import Field

from biomap_xr.settings import Settings

Rank = Annotated[int, Field(ge=1)]


class EvaluationSettings(Settings):
    """The section ``evaluation`` of a recipe.

    >>> EvaluationSettings().recall_at
    (50, 250)
    """

    species: tuple[str, ...] = ()
    """Names of the species to draw; none means the most widespread one of the map."""
    indicator: str = "threatened"
    """The indicator to draw beside species richness."""
    recall_at: tuple[Rank, ...] = (50, 250)
    """The K of Recall@K; paper 1, table 1 has 50 and 250."""
    replicates: int = Field(default=1000, ge=2)
    """Resamples of the held-out blocks, whose side is that of ``folds``, behind every interval."""
    level: float = Field(default=0.95, gt=0, lt=1)
    """Coverage of the intervals."""
    seed: int = Field(default=0, ge=0)
    """Seed of the resampling."""
    longest_side: int = Field(default=1000, ge=16)
    """Most pixels along the longer side of a map in a figure; larger cubes are read in strides."""
