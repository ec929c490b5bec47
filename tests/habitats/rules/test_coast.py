import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.rules.coast import (
    check_coast_codes,
    read_coast_codes,
    read_coast_table,
    within_depth,
)
from biomap_xr.habitats.rules.settings import COASTS


def test_coasts_reach_five_kilometres_inland():
    region = np.array([[2, 2], [5, 5]], np.uint8)
    distance = np.array([[0.0, 5_001.0], [4_999.0, np.nan]])
    kept = within_depth(region, distance)
    assert (kept.tolist(), kept.dtype) == ([[2, 0], [5, 0]], np.uint8)


@pytest.mark.parametrize("text", ["{'ATL_COAST': 2, 'NODATA': 255}", '{"ATL_COAST": 2}'])
def test_codes_are_read_as_json_or_python(tmp_path, text):
    path = tmp_path / "codes.json"
    path.write_text(text)
    assert read_coast_codes(path) == {"ATL_COAST": 2}


@pytest.mark.parametrize("text", ["__import__('os')", "[1]", "{'ATL_COAST': 'two'}", ""])
def test_other_content_is_refused_and_never_run(tmp_path, text):
    path = tmp_path / "codes.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"codes\.json"):
        read_coast_codes(path)


def test_no_coast_has_the_code_of_inland():
    with pytest.raises(InputError, match=r"NAF_COAST has the code 0.*such as 7"):
        check_coast_codes({"ATL_COAST": 2, "NAF_COAST": 0}, 0)
    check_coast_codes(COASTS, 0)


def test_a_table_is_read_with_classes_as_columns(tmp_path):
    path = tmp_path / "coast.csv"
    path.write_text(",N11,N12\nATL_COAST,1,0\nMED_COAST,0,1\nNODATA,0,0\n")
    found = read_coast_table(path, {"ATL_COAST": 2, "MED_COAST": 5})
    assert (found.codes, found.regions.tolist()) == (("N11", "N12"), [2, 5])
    assert found.allowed(["N12"]).tolist() == [[False, True]]
    with pytest.raises(InputError, match="MED_COAST has no code"):
        read_coast_table(path, {"ATL_COAST": 2})


def test_the_published_coasts(tables):
    folder = tables / "crosswalks"
    codes = read_coast_codes(folder / "coastline_codes.json")
    assert codes == {**COASTS, "NAF_COAST": 0}
    with pytest.raises(InputError, match="NAF_COAST"):
        check_coast_codes(codes, 0)
    coastal = read_coast_table(folder / "N_coastline.csv", COASTS)
    marshes = read_coast_table(folder / "MA2_coastline.csv", COASTS)
    assert coastal.count.shape == (25, 7)
    assert marshes.count.shape == (11, 7)
    baltic = marshes.regions == COASTS["BAL_COAST"]
    assert [
        code for code, row in zip(marshes.codes, marshes.count[:, baltic], strict=True) if row
    ] == ["MA232"]
