import os
from pathlib import Path

import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import NO_HABITAT, number_of
from biomap_xr.habitats.legend import SPECIAL, Legend, legend_key, legend_of, read_legend

LINES = """Id,Code,Color,EUNIS1,EUNIS2,EUNIS3,EUNIS1_name,EUNIS2_name,EUNIS3_name,hexcolor,Label
0,0,"(167, 167, 167)",URBAN,,,,,,#a7a7a7,URBAN
1,100,"(255, 255, 255)",SEA,,,,,,#ffffff,SEA
2,7000,"(1, 2, 3)",T,,,Forests,,,#010203,T - Forests
3,7100,"(1, 2, 3)",T,T1,,Forests,Broadleaved,,#010203,T1 - Broadleaved
4,7107,"(10, 20, 255)",T,T1,T17,Forests,Broadleaved,"Fagus, wet",#0a14ff,"T17 - Fagus, wet"
5,65535,"(255, 255, 255)",NODATA,,,,,,#ffffff,NODATA
"""


@pytest.fixture
def published() -> Path:
    root = os.environ.get("BIOMAP_XR_DATA")
    if not root:
        pytest.skip("BIOMAP_XR_DATA does not name the folder of real data")
    return Path(root) / "eunis" / "eunis_legend_detailed.csv"


@pytest.fixture
def table(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "legend.csv"
        path.write_text(text, "utf-8")
        return path

    return write


def test_a_table_gives_number_code_name_and_colour(table):
    legend = read_legend(table(LINES))
    fagus = legend.entry("T17!")
    assert (fagus.number, fagus.name, fagus.colour) == (7107, "Fagus, wet", (10, 20, 255))
    assert legend.code_of(7100) == "T1"
    assert legend.entry("T1").name == "Broadleaved"
    assert legend.entry("SEA").number == 100
    assert [legend.number_of(code) for code in ("T17", "URBAN")] == [7107, 0]


def test_what_was_read_is_written_the_same(table):
    assert read_legend(table(LINES)).to_csv() == LINES


def test_missing_codes_are_all_named(table):
    with pytest.raises(InputError, match=r"lacks 2 .*R22, T1A"):
        read_legend(table(LINES)).require(["R22", "T17", "T1A"])
    with pytest.raises(InputError, match="number 7108"):
        read_legend(table(LINES)).code_of(7108)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("4,7107", "4,7108", r"line 6: number 7108 for T17; expected 7107"),
        ("#0a14ff", "blue", r"line 6: colour 'blue'"),
        (",T17,Forests", ",X99,Forests", r"line 6: habitat code 'X99'"),
        ("4,7107", "4,none", "number none"),
        ("EUNIS3,EUNIS1_name", "Level3,EUNIS1_name", "EUNIS3"),
    ],
)
def test_a_malformed_line_is_named(table, old, new, message):
    with pytest.raises(InputError, match=message):
        read_legend(table(LINES.replace(old, new)))


def test_a_number_stands_once(table):
    with pytest.raises(InputError, match="twice"):
        read_legend(table(LINES + LINES.splitlines()[-2] + "\n"))
    with pytest.raises(InputError, match="not ascending"):
        Legend(read_legend(table(LINES)).entries[::-1])


def test_by_rule_classes_above_and_surfaces_are_there():
    legend = legend_of(["Pa", "MA221", "T17!"], {"T17": "Fagus forest"})
    codes = [entry.code for entry in legend.entries]
    assert codes[:5] == list(SPECIAL)[:5]
    assert codes[5:] == ["MA2", "MA22", "MA221", "P", "P3", "P3a", "T", "T1", "T17", "NODATA"]
    assert legend.entry("T17").label == "T17 - Fagus forest"
    assert legend.entry("T").name == "Forests and other wooded land"
    assert legend.entry("P3a").label == "P3a"


def test_one_level_2_class_has_one_colour_and_its_neighbours_others():
    legend = legend_of(["R11", "R12", "R21", "R31"])
    colour = {entry.code: entry.colour for entry in legend.entries}
    assert colour["R11"] == colour["R12"] == colour["R1"]
    assert len({colour[code] for code in ("R1", "R2", "R3", "R")}) == 4
    assert all(0 <= value <= 255 for each in colour.values() for value in each)


def test_only_keeps_the_order():
    assert [e.code for e in legend_of(["T17", "R22"]).only(["T17", "R", "NODATA"]).entries] == [
        "R",
        "T17",
        "NODATA",
    ]


def test_the_published_legend(published):
    legend = read_legend(published)
    table = pd.read_csv(published)
    assert len(legend.entries) == len(table) == 336
    habitats = [entry for entry in legend.entries if entry.code not in SPECIAL]
    assert all(entry.number == number_of(entry.code) for entry in habitats)
    assert legend.number_of("NODATA") == NO_HABITAT
    written = legend.to_csv().splitlines()
    kept = ["Code", "EUNIS1", "EUNIS2", "EUNIS3", "hexcolor"]
    again = pd.read_csv(pd.io.common.StringIO("\n".join(written)))
    pd.testing.assert_frame_equal(again[kept], table[kept])
    labels = table["Label"].str.strip()
    assert (again["Label"] == labels).mean() > 0.99


def test_a_key_follows_what_a_legend_says_and_nothing_else(table):
    def key(text):
        return legend_key(table(text))

    first = key(LINES)
    # The number of a line, the colour as a tuple and the label are not read.
    assert key(LINES.replace("5,65535,", "9,65535,").replace("(1, 2, 3)", "black")) == first
    others = [
        LINES.replace("#0a14ff", "#0a14fe"),
        LINES.replace("Broadleaved", "Deciduous"),
        LINES.replace('1,100,"(255, 255, 255)",SEA,,,,,,#ffffff,SEA\n', ""),
    ]
    keys = {first, legend_key(None), *map(key, others)}
    assert len(keys) == 5
