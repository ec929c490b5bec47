import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from biomap_xr.errors import InputError
from biomap_xr.evaluation.map_statistics import summarise
from biomap_xr.evaluation.settings import EvaluationSettings
from biomap_xr.evaluation.tables import PAPER_TABLE
from biomap_xr.report.gallery import (
    area_picture,
    evaluation_picture,
    map_pictures,
    species_to_draw,
)

SMALL = EvaluationSettings(longest_side=16)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in for the rendering, which the tests of the figures cover, by the page's colour."""

    def colour(figure: Figure) -> bytes:
        return str(figure.get_facecolor()).encode()

    monkeypatch.setattr("biomap_xr.report.gallery.png", colour)


@pytest.mark.usefixtures("quick")
def test_the_most_widespread_species_is_drawn_where_none_is_named(species: xr.Dataset) -> None:
    names = [str(name) for name in species["species"].to_numpy()]
    statistics = summarise(np.array([3, 9, 1, 0]), names, valid=9, resolution=1000)
    assert species_to_draw(SMALL, statistics, names) == ("Betula pendula",)
    pictures = map_pictures(species, None, statistics, SMALL)
    assert [picture.name for picture in pictures] == ["species Betula pendula"]


@pytest.mark.usefixtures("quick")
def test_the_recipe_names_species_and_indicator(
    species: xr.Dataset, indicators: xr.Dataset
) -> None:
    settings = EvaluationSettings(species=("Carex flava",), indicator="trees", longest_side=16)
    pictures = map_pictures(species, indicators, None, settings)
    names = [picture.name for picture in pictures]
    assert names == ["species Carex flava", "richness", "indicator trees", "most threatened"]
    for picture in pictures:
        assert picture.light != picture.dark
        assert picture.alt
        assert picture.caption


@pytest.mark.usefixtures("quick")
def test_a_run_that_stores_no_species_still_has_its_indicators(indicators: xr.Dataset) -> None:
    assert len(map_pictures(None, indicators, None, SMALL)) == 3
    assert map_pictures(None, None, None, SMALL) == ()


def test_an_empty_map_draws_the_first_species() -> None:
    statistics = summarise(np.zeros(4, int), ["a", "b", "c", "d"], valid=9, resolution=50)
    assert species_to_draw(SMALL, statistics, ["a", "b", "c", "d"]) == ("a",)


def test_an_unknown_species_of_the_recipe_is_named(species: xr.Dataset) -> None:
    with pytest.raises(InputError, match="Quercus"):
        map_pictures(species, None, None, EvaluationSettings(species=("Quercus",)))


def test_charts_are_pictures_too() -> None:
    for picture in (evaluation_picture(PAPER_TABLE), area_picture(np.array([3, 1]), resolution=50)):
        assert picture.dark.startswith(b"\x89PNG")


@pytest.mark.usefixtures("quick")
def test_an_indicator_without_its_list_is_not_drawn(indicators: xr.Dataset) -> None:
    named = indicators["indicator"] == "threatened"
    unknown = indicators.assign(expected=indicators["expected"].where(~named))
    names = [each.name for each in map_pictures(None, unknown, None, EvaluationSettings())]
    assert names == ["richness"]
