"""The observations of a run, read at their first use and reported on."""

import json
import logging
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from biomap_xr.cubes import open_cube
from biomap_xr.errors import RecipeError
from biomap_xr.grid import Cells, Grid
from biomap_xr.observations.background import Land
from biomap_xr.observations.plot_report import CurationReport
from biomap_xr.observations.plots import Plots
from biomap_xr.observations.reading import observe
from biomap_xr.observations.report import Report
from biomap_xr.observations.settings import ObservationSettings
from biomap_xr.observations.sites import Sites
from biomap_xr.pipeline.makers.plots import PlacedPlots, place, take_plots
from biomap_xr.pipeline.makers.traits import traits_of
from biomap_xr.pipeline.workspace import Workspace, identity
from biomap_xr.recipe import Recipe
from biomap_xr.run import Identity, claim, fingerprint_of
from biomap_xr.run.durable import publish
from biomap_xr.run.workspace import check_identity

if TYPE_CHECKING:
    from pydantic import JsonValue

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Observer:
    """Reads what a recipe observes, once, and only if somebody asks."""

    recipe: Recipe
    """With absolute paths."""
    workspace: Workspace

    @property
    def settings(self) -> ObservationSettings:
        """What the recipe says of species observations.

        Raises:
            RecipeError: It says nothing.
        """
        if self.recipe.observations is None:
            raise RecipeError(
                f"recipe {self.recipe.name!r} has no section observations, expected tables of "
                "species to train a species model on; add it"
            )
        return self.recipe.observations

    @cached_property
    def sites(self) -> Sites:
        """Cells with the species seen there.

        With them the species are known, so the tables of their traits are tried, too.
        """
        found, _ = self._observed
        for report in traits_of(self.recipe, found.species[["species_id", "species"]]).reports:
            logger.info("%s", report)
        return found

    def check_sites(self) -> None:
        """Read the tables, and make sure that the workspace is not that of other species.

        Raises:
            InputError: A table does not fit, or the workspace was made with other species.
        """
        check_identity(self.workspace.root, self._identity)

    def report_on_sites(self) -> None:
        """Claim the workspace for these species, and keep what became of their tables."""
        claim(self.workspace.root, self._identity)
        content = json.dumps(self._observed[1].as_dict(), indent=1)
        publish(self.workspace.models / "observations.json", content)

    @property
    def _identity(self) -> Identity:
        return identity(self.recipe, _named(self.sites.species[["species_id", "species"]]))

    @cached_property
    def _observed(self) -> tuple[Sites, Report]:
        grid = Grid.from_settings(self.recipe.grid)
        return observe(self.settings, grid, _land(self.workspace))

    @cached_property
    def plots(self) -> PlacedPlots:
        """Curated vegetation plots on the grid.

        Raises:
            RecipeError: The recipe has no section plots.
            InputError: A table does not fit, or no plot is left.
        """
        return place(self._curated[0], self.recipe)

    def report_on_plots(self) -> None:
        """Keep what became of the plots' tables, for reports."""
        content = json.dumps(self._curated[1].as_dict(), indent=1)
        publish(self.workspace.models / "plots.json", content)

    @cached_property
    def _curated(self) -> tuple[Plots, CurationReport]:
        settings = self.recipe.plots
        if settings is None:
            raise RecipeError(
                f"recipe {self.recipe.name!r} has no section plots, expected tables of vegetation "
                "plots to train habitat models on; add it"
            )
        return take_plots(settings, self.recipe.habitats)


def _land(workspace: Workspace) -> Land | None:
    """Look cells up in the land mask, one chunk at a time; None while it is not there."""
    if not (workspace.covariates / "masks").exists():
        return None
    mask = open_cube(workspace.covariates, "masks")["land"]

    def land(cells: Cells) -> NDArray[np.bool_]:
        places = {"y": xr.DataArray(cells.row), "x": xr.DataArray(cells.column)}
        return mask.isel(places).to_numpy() == 1

    return land


def _named(table: pd.DataFrame) -> str:
    """Name a species table ``(species, columns)`` by its length and a fingerprint of its rows.

    >>> _named(pd.DataFrame({"species_id": [7], "species": ["Abies alba"]}))
    '1 species (5836ef9e)'
    """
    rows: list[JsonValue] = [
        [int(number), str(name)]
        for number, name in zip(table["species_id"], table["species"], strict=True)
    ]
    return f"{len(table)} species ({fingerprint_of({'species': rows})[:8]})"
