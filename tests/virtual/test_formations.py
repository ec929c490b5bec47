import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import at_level, number_of
from biomap_xr.habitats.rules.settings import COASTS as THEIRS
from biomap_xr.virtual.corine import COVERS
from biomap_xr.virtual.formations import COAST_OF, COASTS, EVERY_HABITAT, HABITATS_OF, code_of
from biomap_xr.virtual.ground import ECOREGIONS
from biomap_xr.virtual.habitats import HABITATS


def test_every_formation_has_classes() -> None:
    codes = [one.code for one in EVERY_HABITAT]
    assert len(set(codes)) == len(codes) == 37
    formations = [at_level(code, 1) for code in codes]
    assert {name: formations.count(name) >= 3 for name in set(formations)} == dict.fromkeys(
        ("MA2", "N", "Q", "R", "S", "T", "U", "V"), True
    )


def test_numbers_are_those_of_the_map() -> None:
    numbers = [one.number for one in EVERY_HABITAT]
    assert numbers == sorted(number_of(one.code) for one in EVERY_HABITAT)
    assert code_of(1202) == "MA222"


def test_land_cover_allows_every_class() -> None:
    classes = {line.code: tuple(line.classes.split(",")) for line in COVERS if line.classes}
    for one in EVERY_HABITAT:
        assert one.covers
        assert all(one.code.startswith(classes[cover]) for cover in one.covers), one.code


def test_regions_are_coasts_by_the_sea_and_ecoregions_elsewhere() -> None:
    assert COASTS == THEIRS
    for one in EVERY_HABITAT:
        known = COASTS.values() if one.place in ("coast", "littoral") else ECOREGIONS
        assert set(one.regions) <= set(known)
    for coast in set(COAST_OF.values()):
        both = {one.place for one in EVERY_HABITAT if coast in one.regions}
        # Also a shore of one coast has somewhere to go: low ground and cliffs.
        assert both == {"coast", "littoral"}


def test_the_usual_habitats_stay_as_they_were() -> None:
    assert HABITATS_OF["inland"] is HABITATS
    assert len(HABITATS) == 16


def test_an_unknown_number_is_named() -> None:
    with pytest.raises(InputError, match="number 65535 is no habitat"):
        code_of(65_535)
