"""Species names: one spelling for a rule file and for plots of any source."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

WIDTH = 50
"""Characters that the authors' program keeps of a name; longer ones are cut in the rule files."""
MARKS = {
    "ssp": "subsp.",
    "ssp.": "subsp.",
    "subsp": "subsp.",
    "var": "var.",
    "agg": "aggr.",
    "agg.": "aggr.",
    "aggr": "aggr.",
    "s.lat.": "s.l.",
    "×": "x",
}
"""Marks of ranks, aggregates and hybrids as sources write them, and as rule files do."""
RANKS = {"subsp.", "var.", "f.", "sect.", "ser.", "x"}
AGGREGATES = {"aggr.", "s.l.", "s.str."}


def key_of(name: str) -> str:
    """Return a name in the spelling by which it is looked up.

    Case, underscores and doubled blanks do not count; marks of ranks have one spelling.

    >>> key_of("Vicia_sativa_ssp_nigra"), key_of("Salix ×rubens"), key_of(" Festuca ovina  agg. ")
    ('vicia sativa subsp. nigra', 'salix x rubens', 'festuca ovina aggr.')
    """
    words = name.replace("_", " ").replace("×", "× ").casefold().split()
    return " ".join(MARKS.get(word, word) for word in words)


def without_authors(name: str) -> str:
    """Return the key of a name without the authors who described it.

    >>> without_authors("Adenostyles glabra (Mill.) DC. subsp. glabra")
    'adenostyles glabra subsp. glabra'
    """
    words = key_of(name).split()
    kept, place = words[:2], 2
    # Whatever is neither rank with epithet nor aggregate is part of an author's name.
    while place < len(words):
        if words[place] in RANKS and place + 1 < len(words):
            kept += words[place : place + 2]
            place += 1
        elif words[place] in AGGREGATES:
            kept.append(words[place])
        place += 1
    return " ".join(kept)


@dataclass(frozen=True)
class Matched:
    """What species of plots are called in a rule file."""

    keys: tuple[str, ...]
    """``(species,)`` names after aggregation, as `key_of` spells them."""
    renamed: tuple[str, ...]
    """Species that section 1 counts under another name."""
    unmatched: tuple[str, ...]
    """Species that the rule file does not know; they count in total covers alone."""


def match(
    species: Sequence[str], aggregation: Mapping[str, str], known: Collection[str]
) -> Matched:
    """Find the species of plots in a rule file.

    A name is looked for as it is, cut to `WIDTH` characters, and without authors, in this order.

    Args:
        species: Names as the plots have them.
        aggregation: Key of the aggregated name by key of the name that it replaces.
        known: Keys of all names that the rule file uses otherwise.

    >>> match(["Festuca_ovina", "Poa alpina L.", "x y"], {"festuca ovina": "f"}, {"poa alpina"})
    Matched(keys=('f', 'poa alpina', 'x y'), renamed=('Festuca_ovina',), unmatched=('x y',))
    """
    keys, renamed, unmatched = [], [], []
    for name in species:
        full = key_of(name)
        # Authors last: with them, a name may be another one than without.
        spellings = (full, full[:WIDTH].strip(), without_authors(name))
        found = next((each for each in spellings if each in aggregation or each in known), None)
        if found is None:
            unmatched.append(name)
        elif found in aggregation:
            renamed.append(name)
        keys.append(full if found is None else aggregation.get(found, found))
    return Matched(tuple(keys), tuple(renamed), tuple(unmatched))


def squeeze(text: str) -> str:
    """Return a text with single blanks and none around it.

    >>> squeeze("  +04   Bog-species ")
    '+04 Bog-species'
    """
    return re.sub(r"\s+", " ", text).strip()
