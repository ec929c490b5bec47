"""Fields of plots' headers that rules ask for."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.habitats.esy.kleene import truth
from biomap_xr.habitats.esy.terms import Comparison, Field, Number, Word
from biomap_xr.observations.plots import Plots

COLUMNS = {
    "Altitude (m)": "altitude_m",
    "Coast_EEA": "coast",
    "Country": "country",
    "Dataset": "dataset",
    "Dunes_Bohn": "dunes",
    "Ecoreg": "ecoregion",
}
"""Column of `Plots.header` by field of rule files. Coasts are words such as ``ATL_COAST`` or
``N_COAST`` (none), dunes ``Y_DUNES`` or ``N_DUNES``, ecoregions numbers of RESOLVE 2017."""
OPERATORS = {"GR": np.greater, "GE": np.greater_equal, "EQ": np.equal}


def field_of(plots: Plots, field: Field) -> pd.Series:
    """Return a field of each plot ``(plot,)``, missing where it is not known.

    A field that is none of `COLUMNS` is looked for in the header under its own name; ``DEG_LAT``
    and ``DEG_LON`` are the coordinates in degrees.
    """
    column = COLUMNS.get(field.name, field.name)
    if field.name == "DEG_LAT":
        values = pd.Series(plots.latitude)
    elif field.name == "DEG_LON":
        values = pd.Series(plots.longitude)
    elif column in plots.header:
        values = plots.header[column].reset_index(drop=True)
    else:
        values = pd.Series(np.full(len(plots), np.nan))
    # Text in a column of numbers is as good as none.
    if field.numeric:
        return pd.to_numeric(values, errors="coerce").astype(np.float64)
    # An empty cell of a table is a missing word, not a word of no letters.
    words = values.map(_folded, na_action="ignore").astype(object)
    return words.where(words != "", None)


def compare_field(comparison: Comparison, values: pd.Series) -> NDArray[np.uint8]:
    """Return the truth ``(plot,)`` of a comparison of a field, unknown where it is missing.

    Args:
        comparison: With a field on the left.
        values: ``(plot,)`` as `field_of` gives them.

    >>> west = Comparison(Field("DEG_LON", numeric=True), "GR", Number(5))
    >>> compare_field(west, pd.Series([4.0, 6.0, np.nan])).tolist()
    [0, 2, 1]
    """
    right = comparison.right
    if isinstance(right, Word):
        found = (values == _folded(right.text)).to_numpy(bool)
    else:
        # A field is only ever compared with a number or a word.
        limit = right.value if isinstance(right, Number) else np.nan
        found = OPERATORS[comparison.operator](values.to_numpy(np.float64), limit)
    return truth(found, values.notna().to_numpy(bool))


def _folded(text: object) -> str:
    """Return a word as it is compared: without case, blanks for underscores."""
    return str(text).replace("_", " ").casefold().strip()
