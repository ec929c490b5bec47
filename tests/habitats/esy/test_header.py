import numpy as np
import pandas as pd
import pytest

from biomap_xr.habitats.esy.header import COLUMNS, compare_field, field_of
from biomap_xr.habitats.esy.terms import Comparison, Field, Number, Word

LAND = Field("Country", numeric=False)
HEIGHT = Field("Altitude (m)", numeric=True)
SPECIES = {"p": {"a b": 1.0}, "q": {"a b": 1.0}, "r": {"a b": 1.0}}


def test_words_are_compared_without_case_and_underscores(plots_of):
    plots = plots_of(SPECIES, country=["United_Kingdom", "france", None])
    truths = compare_field(Comparison(LAND, "EQ", Word("United Kingdom")), field_of(plots, LAND))
    assert truths.tolist() == [2, 0, 1]


def test_an_empty_word_is_missing(plots_of):
    assert field_of(plots_of(SPECIES, country=["", " ", "x"]), LAND).isna().tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("operator", "truths"), [("GR", [0, 0, 1]), ("GE", [0, 2, 1]), ("EQ", [0, 2, 1])]
)
def test_numbers_are_compared_in_order(plots_of, operator, truths):
    plots = plots_of(SPECIES, altitude_m=[499, 500, np.nan])
    found = compare_field(Comparison(HEIGHT, operator, Number(500)), field_of(plots, HEIGHT))
    assert found.tolist() == truths


def test_numbers_written_as_text_are_numbers(plots_of):
    plots = plots_of(SPECIES, ecoregion=["686", "none", 5])
    found = field_of(plots, Field("Ecoreg", numeric=True))
    assert found.tolist()[::2] == [686, 5]
    assert np.isnan(found[1])


def test_coordinates_are_fields(plots_of):
    plots = plots_of(SPECIES, lat=48.9, lon=12.6)
    assert field_of(plots, Field("DEG_LAT", numeric=True)).tolist() == [48.9] * 3
    assert field_of(plots, Field("DEG_LON", numeric=True)).tolist() == [12.6] * 3


def test_further_fields_are_found_under_their_own_name(plots_of):
    plots = plots_of(SPECIES, Slope=[1, 2, 3])
    assert field_of(plots, Field("Slope", numeric=True)).tolist() == [1, 2, 3]


def test_a_field_that_no_plot_has_is_unknown_everywhere(plots_of):
    plots = plots_of(SPECIES, Slope=1)
    for name in COLUMNS:
        field = Field(name, numeric=False)
        values = field_of(plots, field)
        assert values.isna().all()
        assert compare_field(Comparison(field, "EQ", Word("x")), values).tolist() == [1, 1, 1]


def test_rows_of_another_index_are_taken_in_order(plots_of):
    plots = plots_of(SPECIES, country=["a", "b", "c"])
    plots.header.index = pd.Index([7, 8, 9])
    assert field_of(plots, LAND).index.tolist() == [0, 1, 2]
