import numpy as np
import pytest
from scipy.sparse import csr_array

from biomap_xr.errors import InputError
from biomap_xr.habitats.esy.system import BLOCK, SCRIPTS, Conventions, ExpertSystem

MEADOW = {"Herba lenta": 30.0, "Herba_rara": 20.0}
COMPLETE = {"country": "Terra Alta", "altitude_m": 600.0}


def codes(system, plots, **options):
    return system.classify(plots, **options).code.tolist()


@pytest.mark.parametrize(
    ("covers", "code"),
    [
        # Two species of the meadow, and its roots are more than the mire's: R1A over R.
        (MEADOW, "R1A"),
        # One species: only the rule of the formation holds.
        ({"Herba lenta": 30.0}, "R"),
        # Alba is in both groups of the set: equal roots are not more.
        ({"Alba communis": 30.0}, "?"),
        ({"Musca uda": 30.0, "Herba lenta": 20.0}, "Q11"),
        # Half of the cover is trees: more than all others together need not be, a quarter is.
        ({"Arbor alta": 60.0, "Herba lenta": 50.0}, "T"),
        ({"Arbor alta": 60.0, "Herba lenta": 70.0, "Musca uda": 70.0}, "?"),
        ({"Frutex niger": 30.0}, "S11"),
        ({"Frutex niger": 30.0, "Frutex albus": 5.0, "Arbor alta": 10.0}, "?"),
        # 100 (1 - 0.4 * 0.4 * 0.05) = 99.2 percent.
        ({"Herba lenta": 60.0, "Musca uda": 60.0, "Planta nova": 95.0}, "C11a"),
        ({}, "?"),
    ],
)
def test_plots_worked_by_hand(small, plots_of, covers, code):
    base = dict.fromkeys(["Herba lenta", "Planta nova"], 0.0)
    assert codes(small, plots_of({"p": base | covers}, **COMPLETE)) == [code]


def test_variant_with_higher_priority_decides(small, plots_of):
    plots = plots_of({"p": {"Herba rara": 50.0, "Herba lenta": 9.0}}, **COMPLETE)
    found = small.classify(plots, keep_hits=True)
    assert found.code.tolist() == ["R1A"]
    assert found.decision.priority.tolist() == [4]
    hits = [rule.variant for rule, hit in zip(small.rules.rules, found.hits[0], strict=True) if hit]
    assert hits == ["R", "R1A", "R1A!"]
    assert small.rules.rules[found.decision.rule[0]].variant == "R1A!"


def test_missing_fields_make_rules_unknown_and_are_counted(small, plots_of):
    covers = {"p": {"Musca uda": 30.0}, "q": {"Musca uda": 30.0}, "r": {"Herba lenta": 3.0}}
    found = small.classify(plots_of(covers, altitude_m=[np.nan, 600, np.nan]))
    assert found.code.tolist() == ["?", "Q11", "R"]
    # The mire of `p` may be one; the meadow of `r` is no mire, however high it lies.
    assert found.unknown.tolist() == [1, 0, 0]
    assert found.missing == {"Altitude (m)": 2, "Country": 3}


def test_names_are_reported(small, plots_of):
    found = small.classify(plots_of({"p": {"Alba_communis": 1.0, "Planta nova": 1.0}}))
    assert found.names.keys == ("alba communis aggr.", "planta nova")
    assert found.names.renamed == ("Alba_communis",)
    assert found.names.unmatched == ("Planta nova",)


def test_taxa_of_one_name_are_one_species_unless_told_otherwise(small, plots_of):
    plots = plots_of({"p": {"Herba rara": 30.0, "Herba rara subsp. rara": 30.0}}, **COMPLETE)
    # Together 100 (1 - 0.7 * 0.7) = 51 percent: enough for the variant of priority 4.
    joint = small.classify(plots)
    assert (joint.code[0], joint.decision.priority[0]) == ("R1A", 4)
    apart = small.classify(plots, conventions=Conventions(merge=False), keep_hits=True)
    held = [rule.variant for rule, hit in zip(small.rules.rules, apart.hits[0], strict=True) if hit]
    # Two taxa, so that two species of the meadow are counted.
    assert held == ["R", "R1A", "R1A!"]
    assert not small.classify(plots, keep_hits=True).hits[0, 1]


def test_scripts_count_species_of_the_whole_table(small, plots_of):
    plots = plots_of({"p": {"Herba lenta": 9.0}, "q": {"Herba rara": 9.0}}, **COMPLETE)
    assert codes(small, plots) == ["R", "R"]
    assert codes(small, plots, conventions=SCRIPTS) == ["R1A", "R1A"]


def test_blocks_do_not_matter(small, plots_of, monkeypatch):
    generator = np.random.default_rng(3)
    species = [
        "Herba lenta",
        "Herba rara",
        "Musca uda",
        "Arbor alta",
        "Frutex niger",
        "Alba communis",
    ]
    table = generator.integers(0, 60, (23, 6)) * (generator.random((23, 6)) < 0.5)
    covers = {
        f"p{n}": dict(zip(species, map(float, row), strict=True)) for n, row in enumerate(table)
    }
    plots = plots_of(covers, **COMPLETE)
    whole = small.classify(plots, keep_hits=True)
    assert len(set(whole.code)) > 3
    monkeypatch.setattr("biomap_xr.habitats.esy.system.BLOCK", 5)
    parts = small.classify(plots, keep_hits=True)
    assert len(plots) < BLOCK
    assert parts.code.tolist() == whole.code.tolist()
    assert (parts.hits == whole.hits).all()
    order = generator.permutation(len(plots))
    assert codes(small, plots.select(order)) == whole.code[order].tolist()


@pytest.mark.parametrize("cover", [-1.0, np.nan, np.inf])
def test_covers_that_are_none_are_refused(small, plots_of, cover):
    plots = plots_of({"p": {"Herba lenta": 1.0}, "q": {"Herba lenta": 5.0}})
    wrong = csr_array(([1.0, cover], [0, 0], [0, 1, 2]), shape=(2, 1))
    object.__setattr__(plots, "cover", wrong)
    with pytest.raises(InputError, match=r"in plot 'q', and 0 more; expected percent of"):
        small.classify(plots)


def test_covers_of_several_layers_are_cut_at_the_whole_ground(small, plots_of):
    found = small.classify(plots_of({"p": {"Planta nova": 140.0}, "q": {"Planta nova": 90.0}}))
    assert found.code.tolist() == ["C11a", "?"]
    assert found.over == 1


def test_no_plots(small, plots_of):
    none = plots_of({"p": MEADOW}, **COMPLETE).select(np.zeros(1, bool))
    assert codes(small, none) == []


def test_it_knows_its_codes_fields_and_names(small):
    assert small.codes == ("R", "R1A", "Q11", "T", "S11", "C11a")
    assert [field.name for field in small.fields] == ["Country", "Altitude (m)"]
    assert {"alba communis aggr.", "herba rara", "frutex albus"} <= small.names
    assert "alba communis" not in small.names


def test_read_from_a_file(tmp_path, rules_text, small):
    (tmp_path / "rules.txt").write_text(rules_text)
    assert ExpertSystem.read(tmp_path / "rules.txt").rules == small.rules
