import os
from pathlib import Path

import pandas as pd
import pytest

from biomap_xr.habitats.rules.tables import read_documented
from biomap_xr.virtual.corine import COVERS
from biomap_xr.virtual.formations import EVERY_HABITAT
from biomap_xr.virtual.tables import crosswalk_table


def test_every_code_of_corine_has_a_line() -> None:
    assert [one.code for one in COVERS] == list(range(1, 46))
    assert len({one.class_code for one in COVERS}) == 45


def test_the_lines_are_paper_2_s(tmp_path: Path) -> None:
    data = os.environ.get("BIOMAP_XR_DATA")
    if not data:
        pytest.skip("BIOMAP_XR_DATA is not set: no published crosswalk to compare with")
    published = Path(data) / "eunis" / "paper2" / "crosswalks" / "documented_cross_walks.xlsx"
    if not published.is_file():
        pytest.skip(f"{published} is not there")
    pytest.importorskip("openpyxl")
    ours = tmp_path / "crosswalk.csv"
    crosswalk_table().to_csv(ours, index=False)
    codes = [one.code for one in EVERY_HABITAT]
    first, second = (read_documented(path, codes) for path in (ours, published))
    for code in first.covers.tolist():
        assert first.of_cover(code) == second.of_cover(code)
    assert first.priority == second.priority
    assert first.surface == second.surface


def test_the_table_has_the_published_columns() -> None:
    table = crosswalk_table()
    assert list(table.columns[:8]) == [
        "corine", "corine_lev1", "name_lev1", "corine_lev2", "name_lev2", "corine_lev3",
        "name_lev3", "code",
    ]  # fmt: skip
    heath = table.set_index("corine").loc[27]
    assert heath["Priority_order"] == "N,S,R"
    assert heath["N"] == "N18,N19,N1A,N1B,N1C"
    assert pd.Series(heath["R"]).eq("").all()
