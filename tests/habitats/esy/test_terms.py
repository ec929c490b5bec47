from biomap_xr.habitats.esy.terms import EVERY, Amount, Comparison, Number, Species, Statistic


def test_equal_expressions_are_one():
    a, b = (
        Comparison(Amount(Statistic.COUNT, Species(frozenset(names))), "GR", Number(1))
        for names in (["x", "y"], ["y", "x"])
    )
    assert len({a, b}) == 1


def test_every_species_is_all_but_none():
    assert EVERY.others
    assert not EVERY.names
