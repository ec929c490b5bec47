from biomap_xr.habitats.esy.names import WIDTH, match
from biomap_xr.taxa import Step


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


def test_hybrids_of_a_genus_are_not_one_species():
    names = ["Populus × canadensis Moench", "Populus x canescens (Aiton) Sm.", "Populus ×jackii"]
    found = match(names, {}, {"populus x canadensis", "populus canescens"})
    assert found.keys == ("populus x canadensis", "populus canescens", "populus x jackii")
    assert found.unmatched == ("Populus ×jackii",)
    assert found.steps == {Step.CANONICAL: 2, Step.UNMATCHED: 1}


def test_what_is_not_found_says_why():
    names = ["Rosa cf. canina", "Primula elatior x veris", "Poaceae", "Isoëtes lacustris L."]
    found = match(names, {}, {"rosa canina", "primula elatior", "isoetes lacustris"})
    assert found.steps == {
        Step.UNCERTAIN: 1, Step.FORMULA: 1, Step.ABOVE: 1, Step.CANONICAL: 1,
    }  # fmt: skip
    said = "1 canonical, 1 hybrid formula, 1 uncertain, 1 above the species; 0 count under another"
    assert str(found) == f"{said} name"
