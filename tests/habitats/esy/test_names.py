import pytest

from biomap_xr.habitats.esy.names import WIDTH, key_of, match, squeeze, without_authors


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Silene_latifolia_ssp_alba", "silene latifolia subsp. alba"),
        ("Festuca ovina agg.", "festuca ovina aggr."),
        ("Salix × rubens", "salix x rubens"),
        ("Salix ×rubens", "salix x rubens"),
        ("  POA   annua ", "poa annua"),
    ],
)
def test_key_has_one_spelling(written, key):
    assert key_of(written) == key
    assert key_of(key) == key


@pytest.mark.parametrize(
    ("full", "plain"),
    [
        ("Fagus sylvatica L.", "fagus sylvatica"),
        ("Salix alba (L.) Xy. subsp. alba", "salix alba subsp. alba"),
        ("Taraxacum officinale Weber aggr.", "taraxacum officinale aggr."),
        ("Bryum", "bryum"),
    ],
)
def test_authors_are_dropped_and_ranks_kept(full, plain):
    assert without_authors(full) == plain


def test_names_that_the_rule_file_cut_are_found():
    name = "Acantholimon caryophyllaceum subsp. caryophyllaceum"
    found = match([name], {}, {name.lower()[:WIDTH]})
    assert len(name) > WIDTH
    assert found.keys == (name.lower()[:WIDTH],)
    assert found.unmatched == ()


def test_exact_name_wins_over_the_one_without_authors():
    found = match(["Poa annua aggr."], {"poa annua aggr.": "group"}, {"poa annua"})
    assert found.keys == ("group",)


def test_aggregation_goes_one_step_only():
    found = match(["a b"], {"a b": "c d", "c d": "e f"}, set())
    assert found.keys == ("c d",)


def test_squeeze_leaves_single_blanks():
    assert squeeze("a \t b") == "a b"
