import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.reference import numbers_of_codes, translated
from biomap_xr.habitats.reference_settings import ReferenceSettings

NONE = 65_535


def test_codes_have_classes_of_any_level():
    settings = ReferenceSettings(path="a.tif", codes={1: "T17", 2: "R", 3: "R2"}, no_habitat=(9,))
    assert numbers_of_codes(settings) == {1: 7107, 2: 5000, 3: 5200, 9: NONE}


def test_a_legend_has_them_in_columns(tmp_path):
    path = tmp_path / "legend.csv"
    path.write_text("value,class\n10,T17\n20,\n30,R2\n")
    settings = ReferenceSettings(
        path="a.tif", legend=path, code_column="value", class_column="class"
    )
    assert numbers_of_codes(settings) == {10: 7107, 20: NONE, 30: 5200}
    path.write_text("value,class\n10,T17\n10,R22\n")
    with pytest.raises(InputError, match="code 10 has several lines"):
        numbers_of_codes(settings)


def test_codes_become_numbers_and_strangers_are_named():
    codes, known = np.array([[1, 2], [9, 7]]), np.array([[True, True], [True, False]])
    numbers = {1: 7107, 2: 5000, 9: NONE}
    assert translated("a.tif", codes, known, numbers).tolist() == [[7107, 5000], [NONE, NONE]]
    with pytest.raises(InputError, match=r"a.tif has the codes \[7\].*no_habitat or nodata"):
        translated("a.tif", codes, np.ones((2, 2), bool), numbers)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "0 codes and the legend None; expected one of the two"),
        ({"codes": {1: "T17"}, "legend": "a.csv"}, "expected one of the two"),
        ({"codes": {1: "Forest"}}, "habitat code 'Forest'"),
    ],
)
def test_what_codes_mean_is_said_once(given, message):
    with pytest.raises(ValueError, match=message):
        ReferenceSettings(path="a.tif", **given)
