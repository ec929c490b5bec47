import pytest

from biomap_xr.errors import InputError
from biomap_xr.programs.predicted import require_shared, vocabulary_places


def test_names_are_compared_as_species():
    places = vocabulary_places(
        ["Poa annua L.", "ABIES ALBA", "Rosa canina agg.", "Carex"], ["abies alba", "poa annua"]
    )
    assert places.tolist() == [1, 0, -1, -1]


def test_tables_that_do_not_match_are_refused():
    with pytest.raises(InputError, match=r"knows 1 of the 3 species.*33%.*50% at least.*Carex"):
        require_shared(["Abies alba", "Carex flava", "Poa annua"], ["abies alba"], 0.5)


def test_tables_that_match_well_enough_are_taken():
    assert require_shared(["Abies alba", "Poa annua"], ["poa annua"], 0.5).tolist() == [-1, 0]
