import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.grid import cell_code, corner_of

# Examples of the EEA reference grid, from its users' guide and GBIF's occurrence cubes.
KNOWN = {
    "100kmE42N26": (100_000, 4_200_000, 2_600_000),
    "10kmE428N267": (10_000, 4_280_000, 2_670_000),
    "1kmE4283N2672": (1_000, 4_283_000, 2_672_000),
    "100mE42836N26729": (100, 4_283_600, 2_672_900),
    "250mE428350N267275": (250, 4_283_500, 2_672_750),
    "25mE4283675N2672900": (25, 4_283_675, 2_672_900),
}


@pytest.mark.parametrize(("code", "place"), KNOWN.items())
def test_known_codes_both_ways(code, place):
    assert cell_code(*place) == code
    assert corner_of(code) == place


@given(
    size=st.sampled_from([25, 50, 100, 250, 1000, 2500, 25_000, 100_000]),
    x=st.integers(-50, 50),
    y=st.integers(-50, 50),
)
def test_codes_round_trip_on_both_sides_of_the_origin(size, x, y):
    assert corner_of(cell_code(size, x * size, y * size)) == (size, x * size, y * size)


def test_other_text_is_refused():
    with pytest.raises(InputError, match="'25E1N1' is no EEA cell code"):
        corner_of("25E1N1")
