"""Rule files of the EUNIS-ESy expert system: three sections of text, read with line numbers.

The language is that of Bruelheide et al. (2021, 10.1111/avsc.12562) and the files are those of
Chytrý et al. (2020, 10.1111/avsc.12519), one for each release of the expert system.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from biomap_xr.errors import InputError
from biomap_xr.habitats.esy.expressions import Expressions, Group, group_name
from biomap_xr.habitats.esy.formulas import read_formula
from biomap_xr.habitats.esy.kleene import Postfix
from biomap_xr.habitats.esy.terms import Comparison
from biomap_xr.taxa import marked

SECTIONS = {
    1: "names that replace others, one unindented, those it replaces below it",
    2: "groups of species, each headed by ### or ##D",
    3: "rules, each headed by a priority and a code",
}
COMMENT = "---"
TAIL = re.compile(r"(\s{2,}-)?(\s{2,}\d+)?\s*$")
"""Column of numbers behind names, of no meaning here; a name may end in a number, too."""
HEAD = re.compile(r"(###|##D)\s+(.*\S)")
RULE = re.compile(r"(\d)\s+([^\s!]+(?:!{1,2}[a-z0-9]?(?![a-z]))?)\s*(.*)")
Lines = Sequence[tuple[int, str]]
"""Numbers of lines, counted from 1, and what stands there."""


@dataclass(frozen=True)
class Rule:
    """A rule of section 3."""

    priority: int
    """0 to 9; a hit on a higher one wins."""
    code: str
    """Of the habitat, without the marks of variants."""
    variant: str
    """The code as it stands, such as ``R1A!``."""
    name: str
    formula: Postfix
    """Numbers are places in `RuleFile.comparisons`."""


@dataclass(frozen=True)
class RuleFile:
    """What a rule file says."""

    aggregation: Mapping[str, str]
    """Key of the aggregated name by key of the name that it replaces."""
    groups: tuple[Group, ...]
    rules: tuple[Rule, ...]
    comparisons: tuple[Comparison, ...]
    """Every distinct expression once."""


def read_rules(path: Path) -> RuleFile:
    """Read a rule file.

    Raises:
        InputError: It is missing or malformed; the message names the line and what was expected.
    """
    if not path.is_file():
        raise InputError(
            f"no rule file at {path}; expected a text such as EUNIS-ESy-2020-06-08.txt: "
            "download it from Zenodo, record 3841729 or a later one"
        )
    # Some editors put a mark before the first letter, which is no part of it.
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return parse_rules(lines)


def parse_rules(lines: Sequence[str]) -> RuleFile:
    """Parse the lines of a rule file.

    Raises:
        InputError: A section is missing or a line malformed; the message names the line and what
            was expected.
    """
    first, second, third = (_section(lines, number) for number in SECTIONS)
    groups = _groups(second)
    rules, comparisons = _rules(third, Expressions(groups))
    return RuleFile(_aggregation(first), groups, rules, comparisons)


def _section(lines: Sequence[str], number: int) -> Lines:
    """Return the lines of a section that are neither empty nor comments."""
    marks = [
        place for place, line in enumerate(lines) if re.match(rf"SECTION\s+{number}\s*:", line)
    ]
    if len(marks) != 2 or not lines[marks[-1]].rstrip().endswith("End"):
        raise InputError(
            f"section {number} is marked on lines {[mark + 1 for mark in marks]}; expected "
            f"'SECTION {number}: title' and 'SECTION {number}: End' around {SECTIONS[number]}: "
            "get the whole rule file"
        )
    start, end = marks
    return [
        # What follows a tabulator is a remark.
        (place + 1, lines[place].split("\t")[0].rstrip())
        for place in range(start + 1, end)
        if lines[place].strip() and COMMENT not in lines[place]
    ]


def _aggregation(lines: Lines) -> dict[str, str]:
    """Read section 1; of several targets of a name the first counts."""
    found: dict[str, str] = {}
    target = ""
    for number, line in lines:
        name = marked(TAIL.sub("", line))
        if not line.startswith(" "):
            target = name
        elif not target:
            raise _malformed(number, line, "an aggregated name, not indented, before others")
        # A name that replaces itself changes nothing.
        elif name != target:
            found.setdefault(name, target)
    return found


def _groups(lines: Lines) -> tuple[Group, ...]:
    """Read section 2."""
    members: dict[str, set[str]] = {}
    discriminating: dict[str, bool] = {}
    name = ""
    for number, line in lines:
        if line.startswith(" "):
            if not name:
                raise _malformed(number, line, "the head of a group, ### or ##D, before species")
            members[name].add(marked(TAIL.sub("", line)))
            continue
        head = HEAD.fullmatch(line)
        if not head:
            raise _malformed(number, line, "'### name', '##D +NN name' or an indented species")
        name = group_name(head[2])
        if name in members:
            raise _malformed(number, line, "a name that no other group has")
        members[name], discriminating[name] = set(), head[1] == "##D"
    return tuple(
        Group(name, discriminating[name], frozenset(species)) for name, species in members.items()
    )


def _rules(
    lines: Lines, expressions: Expressions
) -> tuple[tuple[Rule, ...], tuple[Comparison, ...]]:
    """Read section 3 and number the distinct comparisons."""
    places: dict[Comparison, int] = {}
    read: dict[str, int] = {}

    def number_of(text: str) -> int:
        # Texts that mean the same, with other blanks or order, become one comparison.
        if text not in read:
            read[text] = places.setdefault(expressions.read(text), len(places))
        return read[text]

    rules = []
    for number, head, formula in _blocks(lines):
        found = RULE.fullmatch(head)
        if not found or not formula:
            raise _malformed(number, head, "a priority, a code, a name and on the next line a rule")
        try:
            postfix = read_formula(formula, number_of)
        except InputError as error:
            raise InputError(f"line {number}, rule {found[2]}: {error}") from error
        code = found[2].split("!")[0]
        rules.append(Rule(int(found[1]), code, found[2], found[3].strip(), postfix))
    return tuple(rules), tuple(places)


def _blocks(lines: Lines) -> Iterator[tuple[int, str, str]]:
    """Yield the line number, the head and the joined formula of each rule."""
    number, head = 0, ""
    formula: list[str] = []
    for place, line in lines:
        # A formula never begins with a digit, a head always.
        if line[0].isdigit():
            if head:
                yield number, head, " ".join(formula)
            number, head, formula = place, line, []
        elif not head:
            raise _malformed(place, line, "the head of a rule: a priority, 0 to 9, and a code")
        else:
            formula.append(line.strip())
    if head:
        yield number, head, " ".join(formula)


def _malformed(number: int, line: str, expected: str) -> InputError:
    return InputError(f"line {number} is {line.strip()!r}; expected {expected}: mend the rule file")
