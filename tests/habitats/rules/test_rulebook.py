"""The whole chain, compared cell by cell with a plain implementation of the paper's text."""

import ast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_rules import Tops, decided, ranked, regional
from tiny_rules import LINES, MODELS

from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import at_level, number_of
from biomap_xr.habitats.rules.crosswalk import crosswalk_of
from biomap_xr.habitats.rules.matching import match_models
from biomap_xr.habitats.rules.priority import RULES
from biomap_xr.habitats.rules.regional import Association, RegionTable
from biomap_xr.habitats.rules.rulebook import (
    Rulebook,
    count_layers,
    margin_of,
    read_associations,
    read_crosswalk,
    read_rulebook,
    snap_masks,
)
from biomap_xr.habitats.rules.settings import (
    DIRECT,
    CrosswalkSettings,
    RegionSettings,
    RulesSettings,
)

pytestmark = pytest.mark.trust

NAMES = {number: name for name, number in RULES.items()}
REGIONS = np.array([686, 664, 661])
COASTS = np.array([2, 5])


def rulebook_of(crosswalk, models, policy, random):
    """Rules with random counts of plots, and those counts as a dict."""
    counts, regions = {}, {}
    for formation, codes in models.items():
        known = COASTS if formation == "N" else REGIONS
        table = random.integers(0, 2, (len(codes), len(known)))
        pairs = ((code, place) for code in codes for place in known.tolist())
        counts |= dict(zip(pairs, table.ravel().tolist(), strict=True))
        layer = "coast" if formation == "N" else "ecoregion"
        regions[formation] = RegionTable(
            layer, codes, known, table >= 1, frozenset({0, 255, 65_535})
        )
    return Rulebook(regions, match_models(crosswalk, models, policy)), counts


def masks_of(random, covers, shape):
    return {
        "ecoregion": random.choice([*REGIONS, 65_535], shape).astype(np.uint16),
        "coast": random.choice([*COASTS, 0], shape).astype(np.uint8),
        "land_cover": random.choice(covers, shape).astype(np.uint8),
    }


def drawn(random, models, shape):
    """Percent by formation, many of them 0 or equal; some cells have no prediction."""
    maps = {}
    for formation, codes in models.items():
        values = random.choice([0, 0, 5, 20, 20, 60, 100], (len(codes), *shape)).astype(np.uint8)
        values[:, random.random(shape) < 0.1] = 255
        maps[formation] = values
    return maps


def mapped(rules, probabilities, masks):
    kept = {name: rules.regional(name, maps, masks) for name, maps in probabilities.items()}
    tops = {name: rules.rank(name, maps, masks) for name, maps in kept.items()}
    return kept, tops, rules.decide(tops, masks)


def check_cells(result, probabilities, masks, counts, crosswalk, models, allowed_of, direct):
    """Compare all cells with the plain implementation."""
    _, tops, final = result
    lines = {
        cover: (order, set(allowed_of(cover)), surface)
        for cover, order, surface in zip(
            crosswalk.covers.tolist(), crosswalk.priority, crosswalk.surface, strict=True
        )
    }
    for cell in np.ndindex(masks["land_cover"].shape):
        line = lines.get(int(masks["land_cover"][cell]))
        found = {}
        for formation, codes in models.items():
            layer = "coast" if formation in ("N", "MA2") else "ecoregion"
            values = probabilities[formation][(slice(None), *cell)].tolist()
            known = {code: 0 if p == 255 else p for code, p in zip(codes, values, strict=True)}
            left = regional(known, int(masks[layer][cell]), counts)
            found[formation] = ranked(left, line[1] if line else set())
            expected = [(number_of(code), percent) for code, percent in found[formation]]
            assert pairs_of(tops[formation], cell) == (expected + [(65_535, 255)] * 3)[:3]
        expected, rule = decided(Tops(found, models), line, direct)
        assert pairs_of(final, cell) == expected
        assert NAMES[int(final.rule[cell])] == rule


def pairs_of(maps, cell):
    at = (slice(None), *cell)
    return list(zip(maps.habitat[at].tolist(), maps.confidence[at].tolist(), strict=True))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_cell_is_what_the_text_says(seed):
    random = np.random.default_rng(seed)
    lines = [LINES[place] for place in random.permutation(len(LINES))]
    known = [code for codes in MODELS.values() for code in codes]
    crosswalk = crosswalk_of(lines, [*known, "U4", "V54", "U12"])
    policy = CrosswalkSettings(table="crosswalk.csv", missing=(255,))
    rules, counts = rulebook_of(crosswalk, MODELS, policy, random)
    masks = masks_of(random, [*crosswalk.covers, 255], (6, 7))
    probabilities = drawn(random, MODELS, (6, 7))
    result = mapped(rules, probabilities, masks)
    check_cells(result, probabilities, masks, counts, crosswalk, MODELS, crosswalk.of_cover, DIRECT)


def test_needed_cells_are_those_that_can_have_a_class(crosswalk, models, settings, random):
    rules, _ = rulebook_of(crosswalk, models, settings, random)
    masks = masks_of(random, [*crosswalk.covers, 255], (20, 20))
    for formation, codes in models.items():
        everywhere = np.full((len(codes), 20, 20), 50, np.uint8)
        kept = rules.regional(formation, everywhere, masks)
        np.testing.assert_array_equal(
            rules.needed(formation, masks, filtered=False), kept.any(axis=0)
        )
        left = rules.rank(formation, kept, masks).confidence[0] != 255
        np.testing.assert_array_equal(rules.needed(formation, masks, filtered=True), left)


def test_what_is_missing_is_named(crosswalk, models, settings, random):
    rules, _ = rulebook_of(crosswalk, models, settings, random)
    with pytest.raises(InputError, match="masks have no layer coast, only land_cover"):
        rules.regional("N", np.zeros((2, 1)), {"land_cover": np.array([1])})
    with pytest.raises(InputError, match="no rules were read for formation 'V'"):
        rules.needed("V", {}, filtered=False)
    with pytest.raises(InputError, match="names no crosswalk"):
        Rulebook(rules.regions, None).decide({}, {"land_cover": np.array([1])})


def test_a_formation_needs_a_table_or_counts(models, tmp_path):
    table = tmp_path / "crosswalk.csv"
    table.write_text("corine,Priority_order,R\n26,R,R\n")
    wanted = RulesSettings(crosswalk=CrosswalkSettings(table=table))
    with pytest.raises(InputError, match="formation N: no table says which classes its coast has"):
        read_rulebook(wanted, {"N": ("N11",)}, {})
    counted = Association(("R11",), np.array([686]), np.array([[3]]))
    rules = read_rulebook(wanted, {"R": ("R11",)}, {"ecoregion": counted})
    assert rules.regions["R"].allowed.tolist() == [[True]]
    assert rules.matched.covers["R"].covers.tolist() == [26]


def test_unknown_regions_stop_or_have_no_class():
    counted = {"ecoregion": Association(("R11",), np.array([686]), np.array([[3]]))}
    region, values = np.array([686, 9]), np.array([[7, 7]], np.uint8)
    strict = read_rulebook(RulesSettings(), {"R": ("R11",)}, counted)
    with pytest.raises(InputError, match="ecoregion: unknown codes 9"):
        strict.regional("R", values, {"ecoregion": region})
    lenient = RulesSettings(regions=RegionSettings(unknown="nowhere"))
    kept = read_rulebook(lenient, {"R": ("R11",)}, counted)
    assert kept.regional("R", values, {"ecoregion": region}).tolist() == [[7, 0]]


def test_plots_are_counted_by_layer():
    labels = (("R11",), ("N11", "R11"), ("N11",))
    regions = {"ecoregion": np.array([686, 65_535, 686]), "coast": np.array([0, 2, 2])}
    counted = count_layers(labels, regions, RegionSettings())
    assert counted["ecoregion"].codes == ("N11", "R11")
    assert counted["ecoregion"].count.tolist() == [[1], [1]]
    assert counted["coast"].count.tolist() == [[2], [1]]
    rules = read_rulebook(RulesSettings(), {"N": ("N11",), "R": ("R11",)}, counted)
    assert (rules.regions["N"].layer, rules.regions["N"].regions.tolist()) == ("coast", [2])
    assert rules.regions["R"].regions.tolist() == [686]


def test_snapped_tiles_have_no_seams(random):
    codes = np.full((30, 40), 65_535, np.uint16)
    codes[random.random(codes.shape) < 0.01] = 686
    codes[random.random(codes.shape) < 0.01] = 664
    whole = {"ecoregion": codes, "coast": np.zeros(codes.shape, np.uint8)}
    given = RegionSettings(snapping_distance=350)
    expected, placed = snap_masks(whole, given, 100.0)
    assert expected["ecoregion"].dtype == np.uint16
    assert placed.moved > 0
    assert (expected["coast"] == 0).all()
    margin = margin_of(given, 100.0)
    assert margin == 4
    tile = {name: layer[6:24, 6:34] for name, layer in whole.items()}
    inner, found = snap_masks(tile, given, 100.0, margin)
    away = (slice(10, 20), slice(10, 30))
    np.testing.assert_array_equal(found.distance, placed.distance[away])
    np.testing.assert_array_equal(inner["ecoregion"], expected["ecoregion"][away])
    assert inner["ecoregion"].shape == inner["coast"].shape == (10, 20)
    with pytest.raises(InputError, match="no layer ecoregion"):
        snap_masks({"coast": codes}, given, 100.0)


def test_a_coast_with_the_code_of_inland_is_refused(tmp_path):
    path = tmp_path / "coast.csv"
    path.write_text(",N11\nNAF_COAST,1\n")
    given = RegionSettings(coast_tables={"N": path}, coast_codes={"NAF_COAST": 0})
    with pytest.raises(InputError, match="NAF_COAST has the code 0"):
        read_associations(given, {})


@pytest.fixture
def published(tables):
    models = ast.literal_eval((tables / "config" / "habitat_classes.json").read_text())
    folder = tables / "crosswalks"
    regions = RegionSettings(
        ecoregion_table=folder / "ecoregion_habitat_mask.csv",
        ecoregion_codes=tables.parents[1] / "vectors" / "ecoregions2017_epsg25832.gpkg",
        coast_tables={name: folder / f"{name}_coastline.csv" for name in ("N", "MA2")},
    )
    crosswalk = CrosswalkSettings(
        table=folder / "documented_cross_walks.xlsx",
        mask=folder / "corine_mask.csv",
        without_column="map",
    )
    return models, RulesSettings(regions=regions, crosswalk=crosswalk)


@pytest.mark.parametrize("mask", [True, False])
def test_the_published_rules_in_every_cell(published, random, mask):
    models, wanted = published
    if not mask:
        plain = wanted.crosswalk.model_copy(update={"mask": None})
        # The documented crosswalk has no column for freshwater at all.
        plain = plain.model_copy(update={"without_column": "ignore"})
        wanted = wanted.model_copy(update={"crosswalk": plain})
    rules = read_rulebook(wanted, models, {})
    read = read_associations(wanted.regions, {})
    counts = {}
    for formation, codes in models.items():
        found = read.get(formation, read["ecoregion"])
        pairs = (
            ((code, int(region)), int(count))
            for code, row in zip(found.codes, found.count, strict=True)
            if code in codes
            for region, count in zip(found.regions, row, strict=True)
        )
        counts |= dict(pairs)
    table = rules.matched
    shape = (24, 24)
    masks = {
        "ecoregion": random.choice([*rules.regions["T"].regions, 65_535], shape).astype(np.uint16),
        "coast": random.integers(0, 8, shape).astype(np.uint8),
        "land_cover": random.choice([*table.priority.covers, 255], shape).astype(np.uint8),
    }
    probabilities = drawn(random, models, shape)
    allowed = {
        cover: {
            code
            for each in table.covers.values()
            for code, row in zip(each.codes, each.allowed, strict=True)
            if row[place]
        }
        for place, cover in enumerate(table.priority.covers.tolist())
    }
    crosswalk = read_crosswalk(wanted.crosswalk, models)
    for cover in crosswalk.covers.tolist():
        allowed[cover] |= set(crosswalk.of_cover(cover))
    result = mapped(rules, probabilities, masks)
    check_cells(
        result, probabilities, masks, counts, crosswalk, models, allowed.__getitem__, DIRECT
    )
    assert {name for name, number in RULES.items() if (result[2].rule == number).any()} >= {
        "urban", "sea", "one_to_one", "priority_1", "priority_2", "nothing_left", "nodata",
    }  # fmt: skip


def test_the_published_tables_lack_what_is_known(published):
    models, wanted = published
    rules = read_rulebook(wanted, models, {})
    assert rules.matched.without_column == ("U31", "U42", "U43")
    assert " ".join(rules.matched.without_model) == (
        "Q3 T1K T3N T41 T43 U12 U4 U55 V21 V22 V31 V54 V61 V62 V63"
    )
    assert {at_level(code, 1) for code in rules.matched.direct} == {"T", "U", "V"}
    strict = wanted.crosswalk.model_copy(update={"without_column": "error"})
    with pytest.raises(InputError, match="U31, U42, U43"):
        read_rulebook(wanted.model_copy(update={"crosswalk": strict}), models, {})
