import json

import numpy as np

from biomap_xr.habitats.rules.regional import RegionTable
from biomap_xr.habitats.rules.rulebook import Rulebook
from biomap_xr.habitats.rules.settings import RegionSettings, RulesSettings
from biomap_xr.habitats.rules.snapping import Placed
from biomap_xr.pipeline.makers.rules import Pairs, legend_of_map, tables_of


def test_pairs_inside_regions_are_looked_up():
    table = RegionTable(
        "ecoregion", ("R21", "R22"), np.array([7, 3]),
        np.array([[True, False], [True, True]]), frozenset({0}),
    )  # fmt: skip
    rules = Rulebook({"R": table}, None)
    # The third plot lies off the coast, the last one in a region without plots in the table.
    placed = Placed(np.array([7, 3, 3, 7, 9]), np.array([0.0, 0.0, 50.0, 0.0, 0.0]))
    labels = (("R21",), ("R22", "T17"), ("R21",), ("R21",), ("R22",))
    pairs = Pairs.of(rules, labels, {"ecoregion": placed})
    assert (pairs.seen, pairs.allowed) == (3, 2)
    assert pairs.forbidden == (("R22", 9),)
    assert "2 of 3 pairs" in str(pairs)


def test_what_the_rules_make_of_the_plots_is_kept(environment):
    folder = environment.workspace.models / "habitats" / "by_environment"
    record = json.loads((folder / "regions.json").read_text())
    assert record["pairs"]["seen"] >= record["pairs"]["allowed"] > 0
    assert set(record["plots"]) == {"ecoregion", "coast"}
    # Tables were named for both, so that nothing is counted.
    assert record["counted"] == {}


def test_a_legend_is_made_by_rule_where_none_is_named():
    legend = legend_of_map(RulesSettings(), ["T17"])
    assert legend.number_of("T17") == 7107
    assert "T1" in legend.by_code


def test_tables_of_regions_are_all_files(tmp_path):
    settings = RegionSettings(
        ecoregion_table=tmp_path / "a", ecoregion_codes=tmp_path / "b",
        coast_tables={"N": tmp_path / "c"}, coast_codes=tmp_path / "d",
    )  # fmt: skip
    assert {path.name for path in tables_of(settings)} == set("abcd")
    assert tables_of(RegionSettings()) == ()
