import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import number_of
from biomap_xr.habitats.rules.landcover import Ranked
from biomap_xr.habitats.rules.matching import match_models
from biomap_xr.habitats.rules.priority import RULES, wall_to_wall

pytestmark = pytest.mark.trust


@pytest.fixture
def table(crosswalk, models, settings):
    return match_models(crosswalk, models, settings).priority


def cell(*pairs):
    filled = [*((number_of(code), percent) for code, percent in pairs), *[(65_535, 255)] * 3][:3]
    habitat, confidence = zip(*filled, strict=True)
    return Ranked(np.array(habitat, np.uint16)[:, None], np.array(confidence, np.uint8)[:, None])


def decide(table, cover, **tops):
    found = wall_to_wall(tops, np.array([cover]), table)
    names = {number: name for name, number in RULES.items()}
    return found.habitat[:, 0].tolist(), found.confidence[:, 0].tolist(), names[found.rule[0]]


def test_the_first_formation_with_something_left_decides(table):
    forest = cell(("T17", 80), ("T11", 20))
    dune = cell(("N1D", 100))
    assert decide(table, 23, T=forest, N=cell()) == (
        [7107, 7101, 65_535], [80, 20, 255], "priority_2",
    )  # fmt: skip
    assert decide(table, 23, T=forest, N=dune) == (
        [2113, 7107, 7101], [100, 80, 20], "priority_1",
    )  # fmt: skip


def test_the_next_ranks_come_from_all_formations_by_confidence(table):
    tops = {
        "R": cell(("R22", 50), ("R11", 40)),
        "S": cell(("S42", 100)),
        "T": cell(("T31", 45)),
    }
    assert decide(table, 26, **tops) == ([5202, 6402, 7301], [50, 100, 45], "priority_1")


def test_of_equal_confidences_the_earlier_formation_is_first(table):
    tops = {"R": cell(("R22", 60), ("R11", 40)), "S": cell(("S42", 40)), "T": cell(("T31", 40))}
    assert decide(table, 26, **tops)[0] == [5202, 5101, 6402]


@pytest.mark.parametrize(
    ("cover", "number", "rule"),
    [
        (1, 0, "urban"),
        (44, 100, "sea"),
        (41, 300, "lakes_reservoirs"),
        (45, 65_535, "nodata"),
        (255, 65_535, "nodata"),
    ],
)
def test_land_cover_without_vegetation_is_itself(table, cover, number, rule):
    found = decide(table, cover, R=cell(("R22", 100)))
    assert found == ([number, 65_535, 65_535], [255] * 3, rule)


def test_land_cover_alone_maps_what_stands_for_it(table):
    assert decide(table, 15, R=cell()) == ([9504, 65_535, 65_535], [255] * 3, "one_to_one")
    assert decide(table, 34, U=cell()) == ([8400, 65_535, 65_535], [255] * 3, "one_to_one")
    # A model's class below the land cover's own one is more exact.
    assert decide(table, 34, U=cell(("U42", 100)))[2] == "priority_1"
    # U12 is not the only class of its formation that bare rock allows.
    assert decide(table, 31, U=cell(), R=cell(("R11", 100)))[0][0] == 5101


def test_nothing_left_anywhere_is_no_habitat(table):
    # T31 may stand on grassland, but forests are not in its order.
    assert decide(table, 26, T=cell(("T31", 100))) == ([65_535] * 3, [255] * 3, "nothing_left")
    assert decide(table, 26) == ([65_535] * 3, [255] * 3, "nothing_left")


def test_maps_keep_their_shape(table):
    shape = (2, 3)
    ranked = Ranked(np.full((3, *shape), 65_535, np.uint16), np.full((3, *shape), 255, np.uint8))
    found = wall_to_wall({"T": ranked}, np.full(shape, 44, np.uint8), table)
    assert (found.habitat.shape, found.rule.shape) == ((3, 2, 3), (2, 3))
    assert (found.habitat[0] == 100).all()


def test_bad_input_is_refused(table):
    with pytest.raises(InputError, match="formation 'X' is unknown"):
        decide(table, 23, X=cell())
    with pytest.raises(InputError, match=r"shape \(3, 1\), land cover has \(2,\)"):
        wall_to_wall({"T": cell()}, np.array([23, 23]), table)
    with pytest.raises(InputError, match="unknown codes 77"):
        decide(table, 77, T=cell())


def test_rules_have_numbers_of_their_own():
    assert len(set(RULES.values())) == len(RULES)
    assert max(RULES.values()) < 255
