"""What a rule compares: amounts of plants, fields of a plot's header, numbers and words."""

from dataclasses import dataclass
from enum import StrEnum


class Statistic(StrEnum):
    """How the covers (percent) of several species of a plot become one number."""

    TOTAL = "total"
    """`#TC`: 100 (1 - prod(1 - c / 100)) percent, rounded to 10 decimals; layers may overlap."""
    ROOTS = "roots"
    """`##Q`: sum of square roots of covers, rounded to 5 decimals."""
    SUM = "sum"
    """`##C`: sum of covers."""
    COUNT = "count"
    """`###`, `##D`, `#NN`: species that are present."""
    HIGHEST = "highest"
    """`#SC`, `#$$`: largest cover of one species."""


@dataclass(frozen=True)
class Species:
    """A set of species by their keys."""

    names: frozenset[str]
    others: bool = False
    """Whether all species but these are meant."""


EVERY = Species(frozenset(), others=True)


@dataclass(frozen=True)
class Amount:
    """How much of some species there is in a plot."""

    statistic: Statistic
    species: Species
    percent: float = 100.0
    """Share of it that is meant: `$25` is a quarter of the total cover."""


@dataclass(frozen=True)
class Rivals:
    """`NON`: the largest amount of any other group of a discriminating set."""

    own: Amount
    """The group that is compared with the others."""
    all: tuple[Amount, ...]
    """Every group of the set, the own one among them."""


@dataclass(frozen=True)
class Field:
    """A field of the header of a plot."""

    name: str
    """As the rule file has it, such as ``Coast_EEA``."""
    numeric: bool


@dataclass(frozen=True)
class Number:
    """A number, as on the right of ``GR 15``."""

    value: float


@dataclass(frozen=True)
class Word:
    """A text that a field is compared with."""

    text: str


Term = Amount | Rivals | Field | Number | Word


@dataclass(frozen=True)
class Comparison:
    """A membership expression: what stands between angle brackets, without short-hands."""

    left: Term
    operator: str
    """``GR`` greater, ``GE`` greater or equal, ``EQ`` equal."""
    right: Term
