"""IUCN statuses: read, translated, inferred, in conflict, and unknown."""

from pathlib import Path

import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.indicators.settings import StatusTable, UnknownPolicy
from biomap_xr.indicators.statuses import read_statuses, status_codes

SPECIES = pd.DataFrame(
    {"species_id": [1, 2, 3], "species": ["Poa annua", "Iris sibirica", "Abies alba"]}
)


def statuses_of(tmp_path: Path, rows: str, **settings: object) -> pd.DataFrame:
    path = tmp_path / "red_list.csv"
    path.write_text(rows, encoding="utf-8")
    listing = StatusTable.model_validate(
        {"path": path, "keys": ("name",), "status": "code", **settings}
    )
    return read_statuses(listing, SPECIES)[0]


def test_a_species_without_a_row_is_unknown_and_not_least_concern(tmp_path: Path) -> None:
    table = statuses_of(tmp_path, "name,code\nPoa annua,lc\n")
    assert table["status"].tolist() == ["LC", "unknown", "unknown"]
    assert not table["status_inferred"].any()


def test_older_regional_and_missing_values_are_understood(tmp_path: Path) -> None:
    table = statuses_of(
        tmp_path, "name,code\nPoa annua,LR/cd\nIris sibirica,DD\nAbies alba,CR (PE)\n"
    )
    assert table["status"].tolist() == ["NT", "unknown", "CR"]


def test_a_national_list_is_translated_or_refused(tmp_path: Path) -> None:
    rows = "name,code\nPoa annua,3\nIris sibirica,V\n"
    table = statuses_of(tmp_path, rows, translate={"3": "VU", "V": "NT"})
    assert table["status"].tolist() == ["VU", "NT", "unknown"]
    with pytest.raises(InputError, match=r"status 'V' in column 'code'.*status\.translate"):
        statuses_of(tmp_path, rows, translate={"3": "VU"})


def test_inferred_statuses_are_marked_and_may_be_turned_down(tmp_path: Path) -> None:
    rows = "name,code,how\nPoa annua,LC,assessed\nIris sibirica,EN,inferred\n"
    table = statuses_of(tmp_path, rows, inferred="how")
    assert table["status"].tolist() == ["LC", "EN", "unknown"]
    assert table["status_inferred"].tolist() == [False, True, False]
    table = statuses_of(tmp_path, rows, inferred="how", accept_inferred=False)
    assert table["status"].tolist() == ["LC", "unknown", "unknown"]


def test_where_rows_disagree_the_greatest_threat_counts_and_it_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "red_list.csv"
    path.write_text(
        "name,code\nPoa annua subsp. annua,LC\nPoa annua subsp. rara,EN\nIris sibirica,VU\n"
    )
    listing = StatusTable(path=path, keys=("name",), status="code", infraspecific="binomial")
    table, (report,) = read_statuses(listing, SPECIES)
    assert table["status"].tolist() == ["EN", "VU", "unknown"]
    assert report.conflicts == ("Poa annua",)


def test_no_list_means_unknown() -> None:
    table, reports = read_statuses(None, SPECIES)
    assert table["status"].tolist() == ["unknown"] * 3
    assert reports == ()


@pytest.mark.parametrize(
    ("policy", "codes"), [("unknown", [6, 2]), ("exclude", [6, 1]), ("LC", [6, 3]), ("CR", [6, 7])]
)
def test_the_policy_for_unknown_statuses(policy: UnknownPolicy, codes: list[int]) -> None:
    assert status_codes(pd.Series(["EN", "unknown"]), policy).tolist() == codes
