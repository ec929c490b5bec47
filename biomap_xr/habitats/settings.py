"""What a recipe says about habitats: which models, which plots are held out, which rules."""

import re
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from biomap_xr.folds.settings import PlotFoldSettings
from biomap_xr.habitats.ensemble.settings import EnsembleSettings
from biomap_xr.habitats.plantbert.settings import PlantBertSettings
from biomap_xr.habitats.reference_settings import ReferenceSettings
from biomap_xr.habitats.rules.settings import RulesSettings
from biomap_xr.observations.plot_settings import OverlapSettings, PlotSettings
from biomap_xr.settings import Settings

FURTHER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class AssemblageMapSettings(Settings):
    """How Pl@ntBERT reads the assemblages that the species model predicts."""

    fine_tune: bool = True
    """Train it on predicted assemblages at the training plots, too (paper 1, "Species-to-Habitat
    Classification"); it keeps what is better on validation plots."""
    probabilities: bool = False
    """Whether the probability of every habitat is kept in the cube."""
    levels: Literal["inferred", "summed"] = "inferred"
    """What levels 1 and 2 of the map are. ``inferred``: the parents of the named habitat (paper 1,
    section 4). ``summed``: the class whose habitats are the most probable together, which need not
    be the parent of the most probable one."""
    drop_last: bool = False
    """Leave out the last species of every sentence, as the published code does."""
    shared: float = Field(0.5, gt=0, le=1)
    """Share of the mapped species that its vocabulary must know at least."""


class EnvironmentMapSettings(Settings):
    """Where the ensembles predict."""

    cells: Literal["regional", "filtered"] = "regional"
    """``regional``: wherever the region allows a class, so that another land cover never runs the
    models again. ``filtered``: only where land cover allows one, too; then a formation costs
    nothing where its masks exclude it, and ``habitat_probability`` is empty there."""


class HabitatSettings(Settings):
    """Habitats from species assemblages (paper 1) and from the environment (paper 2)."""

    by_species: PlantBertSettings | None = None
    """Pl@ntBERT on species assemblages."""
    on_map: AssemblageMapSettings = AssemblageMapSettings()
    by_environment: EnsembleSettings | None = None
    """Paper 2's ensemble on predictors."""
    environment_map: EnvironmentMapSettings = EnvironmentMapSettings()
    rules: RulesSettings = RulesSettings()
    """What happens to the ensemble's probabilities on the map, and the legend of all maps."""
    expert_system: Path | None = None
    """Rule file of the EUNIS-ESy expert system, which is scored beside the models."""
    labels: Literal["given", "expert_system"] = "given"
    """Whether plots bear the codes of their tables, or those that the expert system gives them."""
    held_out: Literal["species_blocks", "folds"] = "species_blocks"
    """Which plots are scored: those in the test blocks of the species model, or every plot once,
    by models that never saw its fold."""
    folds: PlotFoldSettings = PlotFoldSettings()
    """Folds of plots for Pl@ntBERT; the ensemble has blocks of its own."""
    external: dict[str, PlotSettings] = Field(default_factory=dict)
    """Further plots by name, on which finished models, and the map over all formations, are
    scored."""
    overlap: OverlapSettings = OverlapSettings()
    """External plots that are training plots, too."""
    reference: dict[str, ReferenceSettings] = Field(default_factory=dict)
    """Habitat maps of others by name, which the map over all formations is held against."""

    @field_validator("external", "reference")
    @classmethod
    def _named(cls, further: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        # A name becomes a file of scores or a folder of receipts.
        wrong = [name for name in further if not FURTHER.fullmatch(name)]
        if wrong:
            raise ValueError(
                f"{info.field_name}: {wrong} are no names, expected letters, digits, underscores "
                "and hyphens, such as danube_dikes; rename them"
            )
        return further

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.labels == "expert_system" and self.expert_system is None:
            raise ValueError(
                "labels: 'expert_system' without its rule file; name it as expert_system, or take "
                "labels 'given'"
            )
        return self

    @property
    def wanted(self) -> bool:
        """Whether any habitat model is asked for.

        >>> HabitatSettings().wanted
        False
        """
        return self.by_species is not None or self.by_environment is not None
