"""The text between angle brackets, such as ``#TC Trees|#TC Shrubs GR 15``, as a `Comparison`.

The short-hands of the rule language are written out here: a bare ``##Q`` group is compared with its
rivals, ``#T$`` on the right means all other species, ``#SC`` on the right leaves out the species
on the left, and ``#02`` asks for two species.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from biomap_xr.errors import InputError
from biomap_xr.habitats.esy.terms import (
    EVERY,
    Amount,
    Comparison,
    Field,
    Number,
    Rivals,
    Species,
    Statistic,
    Term,
    Word,
)
from biomap_xr.taxa import marked

PREFIXES = {
    "#TC": Statistic.TOTAL,
    "#T$": Statistic.TOTAL,
    "##Q": Statistic.ROOTS,
    "##C": Statistic.SUM,
    "###": Statistic.COUNT,
    "##D": Statistic.COUNT,
    "#SC": Statistic.HIGHEST,
    "#$$": Statistic.HIGHEST,
}
OPERATOR = re.compile(r"\s+(GR|GE|EQ)\s+")
PREFIX = re.compile(r"(###|##[QCD]|#TC|#T\$|#SC|#\$\$|#\d\d)\s*(.*)")
NUMBER = re.compile(r"-?\d+(\.\d+)?")
SHARE = re.compile(r"\$(\d\d?)")
SET = re.compile(r"\+\d\d")


@dataclass(frozen=True)
class Group:
    """A group of species of section 2."""

    name: str
    """With its set, such as ``+04 Bog-species``."""
    discriminating: bool
    """Whether it is declared by ``##D`` and so competes with the others of its set."""
    species: frozenset[str]
    """Keys of its members."""

    @property
    def set(self) -> str:
        """Its discriminating set, such as ``+04``; empty where it has none."""
        found = SET.match(self.name)
        return found[0] if found else ""


def group_name(text: str) -> str:
    """Return the name of a group with one blank after its set.

    >>> group_name("+10Calcareous-quaking-mire"), group_name(" Trees ")
    ('+10 Calcareous-quaking-mire', 'Trees')
    """
    return squeeze(re.sub(r"^\s*(\+\d\d)\s*", r"\1 ", text))


class Expressions:
    """Reads membership expressions that speak of given groups."""

    def __init__(self, groups: Iterable[Group]) -> None:
        self.groups: Mapping[str, Group] = {group.name: group for group in groups}
        # One tuple a set: rivals that share it are compared with it once.
        self._sets: dict[tuple[str, Statistic], tuple[Amount, ...]] = {}

    def read(self, text: str) -> Comparison:
        """Return the comparison that an expression means.

        Args:
            text: Without its angle brackets.

        Raises:
            InputError: A group is unknown or the text has no form that the language knows.

        >>> trees = Group("Trees", False, frozenset({"quercus robur"}))
        >>> Expressions([trees]).read("#02 Trees").right
        Number(value=2.0)
        """
        # Operators are words of their own: names of groups may hold the same letters.
        left, *rest = OPERATOR.split(squeeze(text), maxsplit=1)
        if left.startswith("$$"):
            kind, name = left[:3], left[3:].strip()
            if kind not in ("$$C", "$$N") or not name or not rest:
                raise _unread(text, "$$C or $$N, a field, GR, GE or EQ, and a value")
            operator, value = rest
            if kind == "$$C":
                if operator != "EQ":
                    raise _unread(text, "EQ, as words have no order")
                return Comparison(Field(name, numeric=False), operator, Word(value))
            if not NUMBER.fullmatch(value):
                raise _unread(text, "a number after the operator")
            return Comparison(Field(name, numeric=True), operator, Number(float(value)))
        if not rest:
            own = self._amount(left)
            if re.match(r"#\d\d", left):
                return Comparison(own, "GE", Number(float(left[1:3])))
            if not left.startswith("##"):
                raise _unread(
                    left, "GR, GE or EQ after it; only ##Q, ##C, ##D, ### and #NN need none"
                )
            return Comparison(own, "GR", self._rivals(left))
        subject = self._amount(left)
        if isinstance(subject, Rivals):
            raise _unread(text, "NON on the right alone")
        return Comparison(subject, rest[0], self._object(rest[1], subject))

    def _object(self, text: str, subject: Amount) -> Term:
        """Read the right side, which may refer to the left one."""
        share = SHARE.fullmatch(text)
        if share:
            return Amount(Statistic.TOTAL, EVERY, float(share[1]))
        if NUMBER.fullmatch(text):
            return Number(float(text))
        if text == "#T$":
            return Amount(Statistic.TOTAL, Species(subject.species.names, others=True))
        if text.startswith("NON "):
            return self._rivals(text.removeprefix("NON "))
        amount = self._amount(text)
        if text.startswith("#SC"):
            # A species does not have to cover more than it does itself.
            return Amount(amount.statistic, _less(amount.species, subject.species.names))
        return amount

    def _rivals(self, text: str) -> Rivals:
        """Return the other groups of the set of the group that a text names."""
        found = PREFIX.fullmatch(text)
        if not found:
            raise _unread(text, "a prefix such as ##Q before a group")
        own = self._group(found[2])
        statistic = PREFIXES[found[1]]
        if not own.discriminating:
            raise InputError(
                f"group {own.name!r} is compared with its rivals but declared by ###; expected ##D "
                "and a set such as +04: declare it so in section 2"
            )
        key = own.set, statistic
        if key not in self._sets:
            field = [each for each in self.groups.values() if each.discriminating]
            self._sets[key] = tuple(
                Amount(statistic, Species(each.species)) for each in field if each.set == own.set
            )
        return Rivals(Amount(statistic, Species(own.species)), self._sets[key])

    def _amount(self, text: str) -> Amount:
        """Read one side that speaks of species."""
        found = PREFIX.fullmatch(text)
        if not found:
            if " " not in text:
                raise _unread(text, "a prefix such as #TC before a group, or a species")
            # No prefix: the cover of one species.
            return Amount(Statistic.TOTAL, Species(frozenset({marked(text)})))
        statistic = PREFIXES.get(found[1], Statistic.COUNT)
        wanted, _, left_out = found[2].partition("EXCEPT")
        species = self._union(wanted, found[1]) if wanted.strip() else EVERY
        if found[1] == "#T$" and wanted.strip():
            species = Species(species.names, others=True)
        if left_out:
            species = _less(species, self._union(left_out, "").names)
        return Amount(statistic, species)

    def _union(self, text: str, prefix: str) -> Species:
        """Join the groups, and after EXCEPT also species, that bars stand between."""
        names: frozenset[str] = frozenset()
        for part in text.split("|"):
            found = PREFIX.fullmatch(part.strip())
            name = found[2] if found else part.strip()
            # After EXCEPT a name without prefix may be a species; one without blank is none.
            bare = not (found or prefix)
            if bare and " " in name and group_name(name) not in self.groups:
                names |= {marked(name)}
            else:
                names |= self._group(name).species
        return Species(names)

    def _group(self, name: str) -> Group:
        """Return a group by its name."""
        found = self.groups.get(group_name(name))
        if found is None:
            raise InputError(
                f"unknown group {name!r}; expected one of the {len(self.groups)} of section 2: "
                "declare it there by ### or ##D, or mend its spelling"
            )
        return found


def _less(species: Species, names: frozenset[str]) -> Species:
    """Return species without some of them."""
    if species.others:
        return Species(species.names | names, others=True)
    return Species(species.names - names)


def _unread(text: str, expected: str) -> InputError:
    return InputError(f"expression <{text}> cannot be read; expected {expected}: mend the rule")


def squeeze(text: str) -> str:
    """Return a text with single blanks and none around it.

    >>> squeeze("  +04   Bog-species ")
    '+04 Bog-species'
    """
    return re.sub(r"\s+", " ", text).strip()
