from pathlib import Path

import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.sources.formats import FileFormat
from biomap_xr.sources.vegetation.events import read_events

EVENTS = (
    "eventID\tlocationID\teventDate\tdecimalLatitude\tdecimalLongitude\tsampleSizeValue\t"
    "sampleSizeUnit\tcoordinateUncertaintyInMeters\tcountry\thabitat\n"
    "e1\tmeadow\t2015-06-17\t47.5\t10.25\t25\tsquare metre\t50\tAustria\tR22\n"
    "e2\tmeadow\t2016-06-20\t47.5\t10.25\t2\thour\t\tAustria\t\n"
)
OCCURRENCES = (
    "occurrenceID\teventID\tscientificName\torganismQuantity\torganismQuantityType\t"
    "occurrenceStatus\n"
    "o1\te1\tPoa annua L.\t12.5\t% cover\tpresent\n"
    'o2\te1\tRosa "canina" L.\t2a\tBraun-Blanquet scale\tPRESENT\n'
    "o3\te2\tAcer campestre L.\t40\tpercentageCover\t\n"
    "o4\te2\tAbies alba Mill.\t0\t% cover\tabsent\n"
    "o5\te2\tPinus mugo Turra\t3\tindividuals\tpresent\n"
)
MEASUREMENTS = (
    "occurrenceID\tmeasurementType\tmeasurementValue\tmeasurementUnit\n"
    "o1\tCover\t30\t%\no3\tspecies cover\t5\tpercent\no3\theight\t90\tcm\n"
    "o5\tcover\t4\tBraun-Blanquet\n"
)


@pytest.fixture
def tables(tmp_path: Path) -> tuple[Path, Path, Path]:
    texts = {"event": EVENTS, "occurrence": OCCURRENCES, "measurement": MEASUREMENTS}
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    event, occurrence, measurement = (tmp_path / f"{name}.txt" for name in texts)
    return event, occurrence, measurement


def test_covers_are_quantities_in_percent(tables: tuple[Path, Path, Path]) -> None:
    raw = read_events(tables[0], tables[1], None, FileFormat())
    assert raw.covers["plot"].tolist() == ["e1", "e1", "e2", "e2"]
    assert raw.covers["species"].tolist()[0] == "Poa annua L."
    # A class of Braun-Blanquet's or a count of individuals is no percentage.
    covers = raw.covers["cover"].tolist()
    assert (covers[0], covers[2]) == (12.5, 40)
    assert np.isnan([covers[1], covers[3]]).all()
    assert raw.absent == 1


def test_events_are_plots(tables: tuple[Path, Path, Path]) -> None:
    header = read_events(tables[0], tables[1], None, FileFormat()).header
    assert header["plot"].tolist() == ["e1", "e2"]
    assert header["site"].tolist() == ["meadow", "meadow"]
    assert header["year"].tolist() == [2015, 2016]
    assert header[["longitude", "latitude"]].values.tolist() == [[10.25, 47.5]] * 2
    assert header["label"].tolist()[0] == "R22"
    # Two hours of sampling are no area.
    assert header["area_m2"][0] == 25
    assert np.isnan(header["area_m2"][1])


def test_covers_can_be_measurements(tables: tuple[Path, Path, Path]) -> None:
    covers = read_events(*tables, FileFormat()).covers["cover"].tolist()
    assert (covers[0], covers[2]) == (30, 5)
    assert np.isnan([covers[1], covers[3]]).all()


def test_a_second_cover_of_an_occurrence_is_refused(tables: tuple[Path, Path, Path]) -> None:
    tables[2].write_text(MEASUREMENTS + "o1\tcover\t31\t%\n")
    with pytest.raises(InputError, match="1 occurrences have a second cover, first 'o1'"):
        read_events(*tables, FileFormat())


@pytest.mark.parametrize(
    ("old", "new", "measured", "message"),
    [
        ("organismQuantityType", "quantity", False, "no organismQuantity with organismQuantityTy"),
        ("eventID", "event", False, r"no column for \['plot'\]"),
        ("occurrenceID", "id", True, "has no occurrenceID"),
        ("12.5", "many", False, r"holds \['many'\] in 1 rows"),
    ],
)
def test_tables_that_say_too_little_are_refused(
    tables: tuple[Path, Path, Path], old: str, new: str, measured: bool, message: str
) -> None:
    tables[1].write_text(OCCURRENCES.replace(old, new))
    with pytest.raises(InputError, match=message):
        read_events(tables[0], tables[1], tables[2] if measured else None, FileFormat())
