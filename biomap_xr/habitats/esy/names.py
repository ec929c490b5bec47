"""Species names of plots of any source, found among those of a rule file."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from biomap_xr.taxa import Step, marked, parse

WIDTH = 50
"""Characters that the authors' program keeps of a name; longer ones are cut in the rule files."""


@dataclass(frozen=True)
class Matched:
    """What species of plots are called in a rule file."""

    keys: tuple[str, ...]
    """``(species,)`` names after aggregation, as `taxa.marked` spells them."""
    renamed: tuple[str, ...]
    """Species that section 1 counts under another name."""
    unmatched: tuple[str, ...]
    """Species that the rule file does not know; they count in total covers alone."""
    steps: dict[Step, int]
    """How many species were found at which step, or not found and why."""

    def __str__(self) -> str:
        """One line for a log."""
        steps = ", ".join(f"{self.steps[step]} {step}" for step in Step if step in self.steps)
        return f"{steps}; {len(self.renamed)} count under another name"


def match(
    species: Sequence[str], aggregation: Mapping[str, str], known: Collection[str]
) -> Matched:
    """Find the species of plots in a rule file.

    A name is looked for as it is, cut to `WIDTH` characters, and without authors, in this order. A
    subspecies is not taken for its species, nor an aggregate: a rule file says itself which are.

    Args:
        species: Names as the plots have them.
        aggregation: Key of the aggregated name by key of the name that it replaces.
        known: Keys of all names that the rule file uses otherwise.

    >>> match(["Festuca_ovina", "Poa alba L.", "x y"], {"festuca ovina": "f"}, {"poa alba"}).keys
    ('f', 'poa alba', 'x y')
    """
    keys, renamed, unmatched = [], [], []
    steps: Counter[Step] = Counter()
    for name in species:
        # The first found counts.
        hits = (each for each in _spellings(name) if each[1] in aggregation or each[1] in known)
        step, found = next(hits, (parse(name).unfound, marked(name)))
        steps[step] += 1
        if found in aggregation:
            renamed.append(name)
        elif found not in known:
            unmatched.append(name)
        keys.append(aggregation.get(found, found))
    return Matched(tuple(keys), tuple(renamed), tuple(unmatched), dict(steps))


def _spellings(name: str) -> Iterator[tuple[Step, str]]:
    """The spellings under which a rule file may have a name."""
    # Authors last: with them, a name may be another one than without.
    taxon = parse(name)
    unsigned = replace(taxon, hybrid="")
    for step, spelling in (
        (Step.EXACT, marked(name)),
        (Step.CANONICAL, taxon.spelled),
        (Step.CANONICAL, unsigned.spelled),
    ):
        yield step, spelling
        yield step, spelling[:WIDTH].strip()
