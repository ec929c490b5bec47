"""What the truth of a simulated Europe says of habitats."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biomap_xr.observations.plot_names import species_name
from biomap_xr.observations.plots import Plots
from biomap_xr.virtual import open_truth
from biomap_xr.virtual.ceiling import best_from_presence
from biomap_xr.virtual.formations import code_of


def best_from_lists(folder: Path, plots: Plots, habitats: Sequence[str]) -> NDArray[np.float32]:
    """Return what a reader who knows the truth would say of plots by their species alone.

    Args:
        folder: Of the simulated Europe.
        plots: Curated.
        habitats: Codes of the columns.

    Returns:
        ``(plot, habitat)`` 0 to 1; habitats of the truth that have no column are left out.
    """
    truth = open_truth(folder)
    names = [species_name(name) for name in truth.table["species"]]
    place = {name: index for index, name in enumerate(plots.species)}
    found = np.zeros((len(plots), len(names)), bool)
    held = plots.cover.tocsc()
    for column, name in enumerate(names):
        if name in place:
            found[held[:, [place[name]]].nonzero()[0], column] = True
    reference = truth.reference()
    said = best_from_presence(found, reference)
    codes = [code_of(int(number)) for number in reference.habitats]
    out = np.zeros((len(plots), len(habitats)), np.float32)
    for column, code in enumerate(codes):
        if code in habitats:
            out[:, list(habitats).index(code)] = said[:, column]
    return out
