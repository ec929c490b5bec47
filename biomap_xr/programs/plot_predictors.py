"""Predictors at the places of plots: slices of neighbouring plots are tasks."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biomap_xr.covariates.points import predictors_at
from biomap_xr.covariates.predictors import PredictorsSettings
from biomap_xr.folds.blocks import blocks_of
from biomap_xr.grid import Grid, Points
from biomap_xr.programs.slices import Complete, Slice, Slices
from biomap_xr.run import Outcome, Task, recorded
from biomap_xr.run.arrays import array_to_bytes
from biomap_xr.run.durable import publish

SLICE = 20_000
"""Plots of a task."""
BLOCK = 50_000
"""Side in metres of the cells in whose order plots are looked at."""


@dataclass(frozen=True)
class PlotPredictorsProgram:
    """Reads the pixels under plots."""

    root: Path
    """Of the run."""
    sources: Path
    """Folder of the predictors' files."""
    settings: PredictorsSettings
    grid: Grid
    fingerprint: str
    """Of the predictors' sources."""
    name: str = "plot_predictors"
    unit: str = "slices of plots"

    def __call__(self, task: Task) -> Outcome:
        """Take all predictors of a slice.

        Raises:
            InputError: A source cannot be read, or a value cannot be true.
        """
        part: Slice = task.arguments
        values = predictors_at(self.sources, self.settings, self.grid, Points(*part.places()))
        publish(part.result, array_to_bytes(values))
        return Outcome(recorded(self.root, part.result))


def predictors_of(
    program: PlotPredictorsProgram, points: Points, folder: Path, complete: Complete
) -> NDArray[np.float32]:
    """Take the predictors of places on the workers.

    Args:
        program: With the sources.
        points: ``(place,)`` in the grid's CRS.
        folder: Where slices are kept, so that a run that was killed goes on.
        complete: Runs a program on tasks, until all are done.

    Returns:
        ``(place, variable)`` in the order of the settings, NaN where missing.

    Raises:
        InputError: A source cannot be read, or a value cannot be true.
    """
    # Neighbours are in one task, so that few tasks decode the same part of a file.
    block = blocks_of(points, BLOCK)
    order = np.lexsort((block[:, 0], block[:, 1]))
    places = np.stack([points.x, points.y])
    slices = Slices.keep(folder, places, order, SLICE, program.fingerprint)
    complete(program, slices.tasks())
    return slices.joined(np.empty((len(order), len(program.settings.names)), np.float32))
