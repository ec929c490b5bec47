import numpy as np
import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.rules.crosswalk import (
    Crosswalk,
    Line,
    crosswalk_of,
    expand,
    surface_of,
)


def mask_of(covers, codes, allowed, surface):
    return Crosswalk(
        np.array(covers), tuple(codes), np.array(allowed, bool), ((),) * len(covers), tuple(surface)
    )


def test_a_class_stands_for_all_below_it():
    codes = ["MA221", "N11", "P3a", "R11", "R1A", "R22", "U4", "U42"]
    assert np.array(codes)[expand(["R1", "U4", "MA2"], codes)].tolist() == [
        "MA221",
        "R11",
        "R1A",
        "U4",
        "U42",
    ]
    assert not expand([], codes).any()


def test_lines_give_allowed_classes_orders_and_surfaces(crosswalk):
    assert crosswalk.of_cover(23) == ("N1D", "T11", "T17")
    assert crosswalk.of_cover(26) == ("R11", "R22", "S42", "T31")
    assert dict(zip(crosswalk.covers.tolist(), crosswalk.priority, strict=True))[23] == ("N", "T")
    assert crosswalk.surface == (
        "URBAN", "", "", "", "LAKES_RESERVOIRS", "SEA", "NODATA", "", "",
    )  # fmt: skip
    with pytest.raises(InputError, match="land cover 7 is not in the crosswalk"):
        crosswalk.of_cover(7)


def test_without_an_order_one_formation_needs_none_and_several_do():
    assert crosswalk_of([Line(15, (), ("V54",))], ["V54"]).priority == (("V",),)
    with pytest.raises(InputError, match="land cover 15 has classes of T, V and no Priority_order"):
        crosswalk_of([Line(15, (), ("V54", "T1"))], ["V54"])
    with pytest.raises(InputError, match="'SWAMP'"):
        crosswalk_of([Line(15, ("SWAMP",), ())], ["V54"])


@pytest.mark.parametrize(
    ("name", "surface"),
    [("WATER_COURSE", "WATER_COURSES"), ("NODATA", "NODATA"), ("SEA", "SEA"), ("S", "")],
)
def test_surfaces_have_several_names(name, surface):
    assert surface_of(name) == surface


def test_a_mask_says_what_is_allowed_and_the_order_stays():
    documented = crosswalk_of(
        [Line(4, ("V",), ("V37",)), Line(26, ("R", "S"), ("R1",)), Line(44, ("SEA",), ())],
        ["V37", "R11", "R12", "S42"],
    )
    mask = mask_of(
        [4, 26, 44, 48],
        ["R11", "S42"],
        [[0, 1, 0, 0], [0, 1, 1, 0]],
        ["URBAN", "", "", "NODATA"],
    )
    both = documented.with_mask(mask)
    assert both.surface == ("URBAN", "", "SEA", "NODATA")
    assert both.priority == ((), ("R", "S"), (), ())
    assert both.of_cover(26) == ("R11", "S42")


def test_a_mask_needs_an_order_for_its_vegetation():
    documented = crosswalk_of([Line(26, ("R",), ("R1",))], ["R11"])
    with pytest.raises(InputError, match="land cover 27 has classes in the mask"):
        documented.with_mask(mask_of([27], ["R11"], [[1]], [""]))


def test_descriptions_stay_with_their_line():
    described = pd.DataFrame({"name": ["sea", "grass"]}, index=[44, 26])
    crosswalk = crosswalk_of(
        [Line(44, ("SEA",), ()), Line(26, ("R",), ("R1",))], ["R11"], described
    )
    lines = crosswalk.to_csv().splitlines()
    assert lines[0].startswith("corine,name,Priority_order,MA2,N,P,Q,R")
    assert lines[2] == "26,grass,R,,,,,R11,,,,"
