"""Finished ensembles scored on plots of other sources."""

import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.ensemble.voters import ENSEMBLE
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.makers.ensemble_scores import formation_scores
from biomap_xr.pipeline.makers.plots import files_of, take_plots
from biomap_xr.pipeline.makers.predictors import plot_predictors
from biomap_xr.pipeline.records import EXTERNAL, SCORES
from biomap_xr.pipeline.scores import HabitatScores
from biomap_xr.programs.external import Asked, ExternalProgram
from biomap_xr.recipe import Recipe
from biomap_xr.run import fingerprint_of

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finished:
    """One formation's ensemble on disk."""

    formation: str
    codes: tuple[str, ...]
    """Level-3 classes by their number on the map."""
    folder: Path
    """Where everything of the formation is kept."""
    weights: str
    """Fingerprint of the ensemble's files."""
    data: str
    """Fingerprint of all that it was trained on."""


@dataclass(frozen=True)
class ExternalStudy:
    """What it takes to score ensembles on further plots of a recipe."""

    written: Recipe
    """As it was loaded."""
    recipe: Recipe
    """With absolute paths."""
    table: FeatureTable
    """Predictors of the ensembles."""
    side: int
    """Of the blocks that are resampled whole, in metres."""
    filling: Filling

    def score(self, name: str, ensembles: Sequence[Finished]) -> None:
        """Score ensembles on the plots of a name, unless that is done.

        Args:
            name: Of the external data in the recipe.
            ensembles: Of all formations.

        Raises:
            InputError: The plots cannot be read, or have no predictors.
        """
        data = {each.formation: self._data(name, each) for each in ensembles}
        wanted = [each for each in ensembles if not _scored(each, name, data[each.formation])]
        if not wanted:
            return
        plots, _ = take_plots(self.recipe.habitats.external[name], self.recipe.habitats)
        found = plot_predictors(plots, self.recipe, self.table, self.filling)
        of_formations = {
            each.formation: found.with_classes(each.formation, each.codes) for each in wanted
        }
        root = self.filling.workspace.root
        folder = self.filling.workspace.models / "habitats" / "external"
        asked = {
            each.formation: Asked(
                f"{each.formation}-{name}", each.folder / ENSEMBLE, each.weights, folder
            )
            for each in wanted
        }
        tasks = [
            asked[each.formation].task(of_formations[each.formation].values, data[each.formation])
            for each in wanted
        ]
        self.filling.complete(ExternalProgram(root), tasks)
        for each in wanted:
            some, said = of_formations[each.formation], asked[each.formation].answers()
            scores = formation_scores(some, some.block(self.side), said, {})
            scores.write(each.folder / SCORES, EXTERNAL + name, data[each.formation])
            logger.info("formation %s, external data %s: %d plots", each.formation, name, len(some))
        shutil.rmtree(folder)

    def _data(self, name: str, ensemble: Finished) -> str:
        """Name all that the scores depend on."""
        files = files_of(self.recipe.habitats.external[name])
        return fingerprint_of(
            {
                "ensemble": ensemble.weights,
                "files": [*self.filling.workspace.contents.names(files)],
                "plots": self.written.habitats.external[name].model_dump(mode="json"),
                "model": ensemble.data,
            }
        )


def _scored(ensemble: Finished, name: str, data: str) -> bool:
    return HabitatScores.exist(ensemble.folder / SCORES, EXTERNAL + name, data)
