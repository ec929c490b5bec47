import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.esy.expressions import Expressions, Group, group_name
from biomap_xr.habitats.esy.terms import (
    EVERY,
    Amount,
    Comparison,
    Field,
    Number,
    Rivals,
    Species,
    Statistic,
    Word,
)

TREES = frozenset({"arbor alta", "arbor brevis"})
SHRUBS = frozenset({"frutex niger", "arbor brevis"})
MIRE, FEN = frozenset({"musca uda"}), frozenset({"palus alta"})
READER = Expressions(
    [
        Group("Trees", discriminating=False, species=TREES),
        Group("Shrubs", discriminating=False, species=SHRUBS),
        Group("+01 Mire", discriminating=True, species=MIRE),
        Group("+01 Fen", discriminating=True, species=FEN),
        Group("+02 Mire", discriminating=True, species=TREES),
    ]
)


def total(names, *, others=False, percent=100.0):
    return Amount(Statistic.TOTAL, Species(frozenset(names), others), percent)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("#TC Trees GR 15", Comparison(total(TREES), "GR", Number(15))),
        ("#TC Trees|#TC Shrubs GR 15", Comparison(total(TREES | SHRUBS), "GR", Number(15))),
        ("#TC Trees GR #T$", Comparison(total(TREES), "GR", total(TREES, others=True))),
        ("#T$ GE 30", Comparison(total((), others=True), "GE", Number(30))),
        ("#TC Trees GR $25", Comparison(total(TREES), "GR", total((), others=True, percent=25))),
        (
            "Arbor alta GR #TC Trees EXCEPT Arbor alta",
            Comparison(total({"arbor alta"}), "GR", total({"arbor brevis"})),
        ),
        (
            "#TC Trees GE #TC Trees|#TC Shrubs EXCEPT #TC Trees",
            Comparison(total(TREES), "GE", total({"frutex niger"})),
        ),
    ],
)
def test_covers(text, meaning):
    assert READER.read(text) == meaning


def test_counts():
    count = Amount(Statistic.COUNT, Species(TREES))
    assert READER.read("#02 Trees") == Comparison(count, "GE", Number(2))
    assert READER.read("### Trees GR ### +01 Fen").right == Amount(Statistic.COUNT, Species(FEN))


def test_bare_group_competes_with_the_groups_of_its_set():
    own = Amount(Statistic.ROOTS, Species(MIRE))
    rivals = Rivals(own, (own, Amount(Statistic.ROOTS, Species(FEN))))
    assert READER.read("##Q +01 Mire") == Comparison(own, "GR", rivals)
    assert READER.read("##Q +01 Mire GR NON ##Q +01 Mire") == Comparison(own, "GR", rivals)


def test_highest_cover_leaves_out_the_species_on_the_left():
    found = READER.read("Arbor alta GR #SC Trees")
    assert found.right == Amount(Statistic.HIGHEST, Species(frozenset({"arbor brevis"})))
    assert READER.read("#SC Trees GE #$$").right == Amount(Statistic.HIGHEST, EVERY)
    others = READER.read("#SC Trees GR #$$ EXCEPT Trees").right
    assert others == Amount(Statistic.HIGHEST, Species(TREES, others=True))


def test_fields_of_the_header():
    coast = READER.read("$$C Coast_EEA EQ N_COAST")
    assert coast == Comparison(Field("Coast_EEA", numeric=False), "EQ", Word("N_COAST"))
    height = READER.read("$$N Altitude (m) GR -2.5")
    assert height == Comparison(Field("Altitude (m)", numeric=True), "GR", Number(-2.5))


def test_blank_after_the_set_may_lack():
    assert READER.read("##Q +01Mire") == READER.read("##Q +01 Mire")
    assert group_name("+01Mire") == "+01 Mire"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("#TC Treees GR 15", "unknown group 'Treees'; expected one of the 5"),
        ("Treees GR 15", "a prefix such as #TC before a group"),
        ("#TC Trees GR #TC Shrubs EXCEPT Treees", "unknown group 'Treees'"),
        ("#TC Trees", "GR, GE or EQ after it"),
        ("##Q Trees", "declared by ###; expected ##D"),
        ("$$C Country GR France", "words have no order"),
        ("$$N DEG_LAT GR north", "a number after the operator"),
        ("$$X DEG_LAT GR 5", r"\$\$C or \$\$N"),
        ("$$N DEG_LAT", r"\$\$C or \$\$N, a field"),
        ("#TC Trees GR NON Arbor alta", "a prefix such as ##Q"),
    ],
)
def test_what_cannot_be_read_is_said(text, message):
    with pytest.raises(InputError, match=message):
        READER.read(text)
