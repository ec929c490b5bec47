import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.esy.reading import parse_rules, read_rules


def test_small_file_is_read(rules_text):
    found = parse_rules(rules_text.splitlines())
    assert found.aggregation == {
        "alba communis": "alba communis aggr.",
        "alba communis subsp. minor": "alba communis aggr.",
        "herba rara subsp. rara": "herba rara",
    }
    assert [group.name for group in found.groups][-2:] == ["+01 Mire", "+02 Weeds"]
    assert [group.set for group in found.groups] == ["", "", "", "+01", "+01", "+02"]
    assert [rule.variant for rule in found.rules] == ["R", "R1A", "R1A!", "Q11", "T", "S11", "C11a"]
    assert [rule.code for rule in found.rules][1:3] == ["R1A", "R1A"]
    assert [rule.priority for rule in found.rules] == [1, 2, 4, 2, 3, 3, 5]
    # `##Q +01 Meadow` and `#TC Trees|#TC Shrubs GR 15` stand there twice.
    assert len(found.comparisons) == 13


@pytest.mark.parametrize(
    ("head", "code", "variant", "name"),
    [
        ("4          T1C!!Temperate forest", "T1C", "T1C!!", "Temperate forest"),
        ("4          R35!a moist meadow", "R35", "R35!a", "moist meadow"),
        ("7          MA211 Arctic coast", "MA211", "MA211", "Arctic coast"),
        ("1          Qb   Wetlands", "Qb", "Qb", "Wetlands"),
        ("2 R1A! Meadow", "R1A", "R1A!", "Meadow"),
    ],
)
def test_codes_lose_the_marks_of_variants(rules_text, head, code, variant, name):
    text = rules_text.replace("1          R    Grassland", head)
    rule = parse_rules(text.splitlines()).rules[0]
    assert (rule.code, rule.variant, rule.name) == (code, variant, name)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("##D +02 Weeds", "#D +02 Weeds", "#D +02", "is '#D .*expected '### name', '##D"),
        ("##D +02 Weeds", "##D +01 Mire", "##D +01 Mire", "expected a name that no other group"),
        ("### Trees\n", "", "     Arbor alta", "expected the head of a group"),
        ("Alba communis aggr.       ", " Alba communis aggr.", " Alba", "expected .*not indented"),
        ("1          R    Grassland\n", "", "<##Q +01 Meadow> NOT", "expected the head of a rule"),
        ("<#T$ GR 99>", "", "5          C11a", "expected .*on the next line a rule"),
        ("<#T$ GR 99>", "<#T$ GR 9> BUT", "5          C11a", "rule C11a: .*'BUT' where AND, OR"),
        ("#02 +01 Meadow", "#02 +01 Medow", "2          R1A", r"R1A: unknown group '\+01 Medow'"),
    ],
)
def test_malformed_files_name_the_line(rules_text, old, new, line, message):
    lines = rules_text.replace(old, new, 1).splitlines()
    # The last one: where a name is given twice, the second is at fault.
    number = max(place for place, each in enumerate(lines, 1) if each.startswith(line))
    with pytest.raises(InputError, match=rf"line {number}\b.*{message}"):
        parse_rules(lines)


def test_missing_section_is_said(rules_text):
    text = rules_text.replace("SECTION 2: End", "")
    with pytest.raises(InputError, match=r"section 2 is marked on lines \[11\].*groups of species"):
        parse_rules(text.splitlines())


def test_missing_file_says_where_to_get_it(tmp_path):
    with pytest.raises(InputError, match=r"no rule file at .*Zenodo"):
        read_rules(tmp_path / "none.txt")


def test_file_is_read_as_utf8_with_or_without_mark(tmp_path, rules_text):
    file = tmp_path / "rules.txt"
    file.write_text(rules_text, encoding="utf-8-sig")
    assert read_rules(file) == parse_rules(rules_text.splitlines())


def test_published_files_have_the_counts_of_their_release(release_2020, release_2021):
    counts = [
        (len(each.groups), len(each.rules), len({rule.variant for rule in each.rules}))
        for each in (release_2020.rules, release_2021.rules)
    ]
    assert counts == [(324, 301, 290), (327, 314, 303)]
    trees = next(group for group in release_2020.rules.groups if group.name == "Trees")
    # 324 lines, five of which say a name again.
    assert len(trees.species) == 319
