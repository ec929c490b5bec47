from biomap_xr.errors import BiomapError, CorruptError, InputError, RecipeError, SetAsideError


def test_exit_statuses_are_the_documented_ones():
    kinds = (RecipeError, InputError, SetAsideError, CorruptError)
    assert [kind.status for kind in kinds] == [2, 3, 4, 5]
    assert all(issubclass(kind, BiomapError) for kind in kinds)
