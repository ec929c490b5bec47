import numpy as np
import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.rules.tables import read_documented, read_mask

DOCUMENTED = """corine,code,Priority_order,N,R,T
1,urban,URBAN,,,
23,broadleaved,"N, T",N1D,,"T1,T2"
,,,,,
26,grassland,R,,"R1,R22",
"""
MASK = ",URBAN,NODATA,N1D,Pa,R11\n1,1,0,0,0,0\n26,0,0,0,1,1\n48,0,1,0,0,0\n"
CODES = ["N1D", "T11", "T21", "T31", "R11", "R22", "R23"]
# Classes that only the documented crosswalk allows, and only the mask.
ANNEX = {
    4: ("V37 V38 V39", ""),
    8: ("V37 V38 V39", ""),
    17: ("", "V61"),
    19: ("V11 V13 V14 V15 V21 V22 V54 V61 V62 V63", ""),
    20: ("V11 V12 V13 V14 V15 V31 V32 V33 V34 V35 V37 V38 V39 V54 V61 V62 V63", ""),
    26: ("N15 N16 N17", "R24 R61 R62 R65"),
    27: ("", "R54"),
    31: ("R64", ""),
    **dict.fromkeys((40, 41, 42, 43), ("", "P3a P3b P3c P3d P3e P3f P3g P3h P3i P3j")),
}


@pytest.fixture
def write(tmp_path):
    def to_file(text, name="table.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return to_file


def test_a_documented_crosswalk_is_read(write):
    found = read_documented(write(DOCUMENTED), CODES)
    assert found.covers.tolist() == [1, 23, 26]
    assert found.of_cover(23) == ("N1D", "T11", "T21")
    assert found.of_cover(26) == ("R11", "R22")
    assert found.priority == ((), ("N", "T"), ("R",))
    assert found.described["code"].tolist() == ["urban", "broadleaved", "grassland"]


def test_what_is_written_reads_back_the_same(write):
    found = read_documented(write(DOCUMENTED), CODES)
    again = read_documented(write(found.to_csv()), CODES)
    np.testing.assert_array_equal(again.allowed, found.allowed)
    assert (again.priority, again.surface) == (found.priority, found.surface)
    pd.testing.assert_frame_equal(again.described, found.described)


def test_a_spreadsheets_sheet_is_found_by_its_columns(write, tmp_path):
    plain = read_documented(write(DOCUMENTED), CODES)
    path = tmp_path / "crosswalk.xlsx"
    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"README": ["text"]}).to_excel(book, sheet_name="README")
        pd.read_csv(tmp_path / "table.csv").to_excel(book, sheet_name="rules", index=False)
    found = read_documented(path, CODES)
    np.testing.assert_array_equal(found.allowed, plain.allowed)
    with pytest.raises(InputError, match=r"none of its sheets .* land_cover"):
        read_documented(path, CODES, "land_cover")
    with pytest.raises(InputError, match="cannot be read as a spreadsheet"):
        read_documented(write("no zip", "other.xlsx"), CODES)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("26,grassland", "23,grassland", r"corine \['23'\] has|corine \[23\] has"),
        ("26,grassland", "X,grassland", "expected the whole code"),
        ('"R1,R22"', '"R1,Q?"', r"corine 26: habitat code 'Q\?'"),
        ("URBAN", "CITY", r"\['CITY'\] in Priority_order"),
        ("Priority_order", "order", "Priority_order"),
    ],
)
def test_malformed_lines_are_named(write, old, new, message):
    with pytest.raises(InputError, match=message):
        read_documented(write(DOCUMENTED.replace(old, new)), CODES)


def test_a_mask_is_read_with_its_surfaces(write):
    mask = read_mask(write(MASK))
    assert mask.codes == ("N1D", "P3a", "R11")
    assert mask.of_cover(26) == ("P3a", "R11")
    assert mask.surface == ("URBAN", "", "NODATA")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("26,0,0,0,1,1", "26,0,0,0,2,1", r"columns \['Pa'\] hold"),
        ("26,", "1,", "one land cover each"),
        ("26,", "R,", "one land cover each"),
        ("N1D", "N?", "N?"),
    ],
)
def test_other_masks_are_refused(write, old, new, message):
    with pytest.raises(InputError, match=message):
        read_mask(write(MASK.replace(old, new)))


def test_the_published_tables_differ_in_twelve_known_lines(tables):
    mask = read_mask(tables / "crosswalks" / "corine_mask.csv")
    documented = read_documented(tables / "crosswalks" / "documented_cross_walks.xlsx", mask.codes)
    assert len(mask.covers) == 46
    found = {}
    for cover in set(documented.covers.tolist()) & set(mask.covers.tolist()):
        first, second = (set(each.of_cover(cover)) for each in (documented, mask))
        if first != second:
            found[cover] = (" ".join(sorted(first - second)), " ".join(sorted(second - first)))
    assert found == ANNEX
    assert len(documented.covers) - len(found) == 33
    urban = [
        cover for cover, name in zip(mask.covers, mask.surface, strict=True) if name == "URBAN"
    ]
    assert urban == [1, 3, 4, 5, 6, 8, 9]


def test_the_published_order_with_the_published_mask(tables):
    mask = read_mask(tables / "crosswalks" / "corine_mask.csv")
    documented = read_documented(tables / "crosswalks" / "documented_cross_walks.xlsx", mask.codes)
    both = documented.with_mask(mask)
    order = dict(zip(both.covers.tolist(), both.priority, strict=True))
    assert (order[15], order[27], order[30]) == (("V",), ("N", "S", "R"), ("N", "Q", "U"))
    surface = dict(zip(both.covers.tolist(), both.surface, strict=True))
    assert surface[44] == "SEA"
    assert surface[48] == surface[45] == "NODATA"
    assert surface[41] == "LAKES_RESERVOIRS"


def test_the_czech_mask_is_read(tables):
    assert len(read_mask(tables / "crosswalks" / "czlulc_mask.csv").covers) == 72
