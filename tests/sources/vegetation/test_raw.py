from pathlib import Path

import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.sources.vegetation.columns import FIELDS
from biomap_xr.sources.vegetation.raw import COVER_COLUMNS, RawPlots, no_covers


def test_other_columns_are_refused() -> None:
    header = pd.DataFrame(columns=list(FIELDS))
    assert RawPlots(Path("a.csv"), no_covers(), header).absent == 0
    with pytest.raises(InputError, match=r"a.csv: the covers have columns \['plot', 'Species'\]"):
        RawPlots(Path("a.csv"), pd.DataFrame(columns=["plot", "Species"]), header)
    with pytest.raises(InputError, match=r"the header have columns|the header has columns"):
        RawPlots(Path("a.csv"), no_covers(), header[["plot"]])


def test_no_covers_have_the_types_of_covers() -> None:
    assert tuple(no_covers().columns) == COVER_COLUMNS
    assert no_covers()["cover"].dtype == "float64"
