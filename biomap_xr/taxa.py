"""Scientific names as lists, plots and rule files write them, taken apart in one way for all.

The grammar is that of the botanical code (Turland et al. 2018, 10.12705/Code.2018, chapters I and
H) with what vegetation databases add to it: underscores, aggregates, doubts. What a name stands for
comes out of it; which of its spellings another table knows is for the reader of that table to ask.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import Literal


class Step(StrEnum):
    """How a name was found in another table, the closest first, or why it was not."""

    EXACT = "exact"
    """As it is written, but for case, blanks, accents and the spelling of marks."""
    CANONICAL = "canonical"
    """Without authorship, cultivar or hybrid sign."""
    SPECIES = "species of a subspecies"
    """Also of a variety or form."""
    SYNONYM = "synonym"
    """Under another name that is accepted for it."""
    AGGREGATE = "aggregate"
    """As the species that an aggregate, or a name in a wide or narrow sense, is called after."""
    FORMULA = "hybrid formula"
    """Not found: two parents without a name of their own."""
    UNCERTAIN = "uncertain"
    """Not found: ``cf.``, ``aff.``, a question mark, or one of several species."""
    ABOVE = "above the species"
    """Not found: a genus, section or family alone, ``sp.``, or no scientific name at all."""
    UNMATCHED = "unmatched"
    """Not found: a species that the other table does not have."""


SIGNS = frozenset({"x", "×"})
"""Of hybrids, between genus and epithet, before a genus, or between two parents."""
RANKS = {
    "subsp.": "subsp ssp subsp. ssp. nsubsp. nssp. nothosubsp. nothossp.",
    "var.": "var var. nvar. nothovar.",
    "subvar.": "subvar subvar.",
    "convar.": "convar convar.",
    "f.": "f f. fo fo. forma nothof.",
    "subf.": "subf subf.",
}
"""Spellings of the ranks below a species."""
SECTIONS = {
    "subg.": "subg subg. subgen subgen. nothosubg.",
    "sect.": "sect sect. nothosect.",
    "ser.": "ser ser.",
}
"""Spellings of the ranks between genus and species."""
SENSES = {
    "aggr.": "agg agg. aggr aggr.",
    "coll.": "coll coll.",
    "gr.": "gr gr. grex grex. group",
    "s.l.": "s.l. s.l sl sl. s.lat. s.lat s.ampl.",
    "s.str.": "s.str. s.str sstr sstr. s.s. s.s",
}
"""Spellings of how widely a species is meant."""
AGGREGATES = frozenset({"aggr.", "coll.", "gr."})
SENSES_OF_TWO = {
    ("s.", "l."): "s.l.", ("s.", "lat."): "s.l.",
    ("sensu", "lato"): "s.l.", ("sens.", "lat."): "s.l.",
    ("s.", "str."): "s.str.", ("s.", "s."): "s.str.",
    ("sensu", "stricto"): "s.str.", ("sens.", "str."): "s.str.",
}  # fmt: skip
UNNAMED = frozenset({
    "sp", "sp.", "spp", "spp.", "spec", "spec.", "species", "indet", "indet.", "hyb", "hyb.",
    "hybrid", "hybrids",
})  # fmt: skip
"""Words in the place of an epithet that say that there is none."""
DOUBTS = frozenset({"cf", "cf.", "cfr", "cfr.", "aff", "aff.", "?"})
OTHERS = frozenset({"+", "/", "et", "vel", "or"})
"""Between the epithets of species of which one, or each, is meant."""
PARTICLES = frozenset({
    "ex", "et", "in", "and", "non", "nec", "de", "del", "da", "di", "do", "dos", "du", "des", "van",
    "von", "den", "der", "la", "le", "fil", "auct", "sensu", "sens", "emend", "hort", "nom", "cv",
    "al",
})  # fmt: skip
"""Lower-case words of authorship: Boiss. ex DC., (L.) de Wit, Hook. f. et Thomson."""
LONGEST_INITIALS = 3
"""Letters of a word in capitals that may be an author; a longer one is an epithet: ``ROBUR``."""

_MARKS = {
    spelling: mark for mark, spellings in (RANKS | SENSES).items() for spelling in spellings.split()
}
_SECTION_MARKS = {
    spelling: mark for mark, spellings in SECTIONS.items() for spelling in spellings.split()
}
_LATIN = str.maketrans(
    {"æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L",
     "✕": "×", "_": " ", "‐": "-", "‑": "-", "–": "-"}
)  # fmt: skip
_QUOTED = re.compile(r"(?<!\w)[\"“‘'][^\"”’']*[\"”’']")
_CULTIVAR = re.compile(r".([A-Z][\w -]*).")
_GLUED = re.compile(r"\.(?=(?:var|subsp|ssp)\.)")
# A parenthesis is one word: first authors, a subgenus or a remark name no species.
_WORDS = re.compile(r"\((?:[^()]|\([^()]*\))*\)|[×+/?]|[^\s×+/?]+")
_EPITHET = re.compile(r"[a-z][a-z-]*[a-z]")
_GENUS = re.compile(r"[A-Za-z][a-z-]*[a-z]")


@dataclass(frozen=True)
class Taxon:
    """What a name stands for; all but the authorship in lower case and without accents."""

    kind: Literal["species", "formula", "uncertain", "above"]
    """``species`` also for what stands below one, and for named hybrids and aggregates."""
    genus: str = ""
    epithet: str = ""
    """Of the species; ``species`` where a genus stands for one that has no name yet."""
    hybrid: Literal["", "genus", "species"] = ""
    """What bears the hybrid sign."""
    below: tuple[tuple[str, str], ...] = ()
    """Rank and epithet of each part below the species or, where `epithet` is empty, of the section.
    The rank is empty where none is written, and ``x`` before the other parent of a formula."""
    sense: str = ""
    """How widely the species is meant: ``aggr.``, also of a collective species or a group,
    ``s.l.`` or ``s.str.``."""
    cultivar: str = ""
    authorship: str = ""
    """All that is left: authors, years, remarks."""

    @property
    def is_species(self) -> bool:
        """Whether it is one species, for certain."""
        return self.kind == "species"

    @property
    def binomial(self) -> str:
        """Genus and epithet without hybrid sign, the name under the code; empty if no species."""
        return f"{self.genus} {self.epithet}" if self.is_species else ""

    @property
    def full(self) -> str:
        """The binomial with its lowest epithet, as GBIF has canonical names; empty if no species.

        >>> parse("Acer negundo L. subsp. negundo var. violaceum (Kirchn.) H.Jaeger").full
        'acer negundo violaceum'
        """
        return (
            f"{self.binomial} {self.below[-1][1]}"
            if self.binomial and self.below
            else self.binomial
        )

    @property
    def species(self) -> str:
        """The species with its hybrid sign, one token of Pl@ntBERT; empty if no species.

        >>> parse("Populus ×canadensis Moench").species, parse("Rosa canina agg.").species
        ('populus x canadensis', 'rosa canina')
        """
        return self._signed() if self.is_species else ""

    @property
    def spelled(self) -> str:
        """The name as rule files spell it, without authors; empty where it is uncertain.

        >>> parse("Vicia_sativa_ssp_nigra").spelled
        'vicia sativa subsp. nigra'
        >>> parse("Primula elatior Hill × P. veris").spelled
        'primula elatior x veris'
        """
        if self.kind == "uncertain":
            return ""
        parts = [self._signed(), *(f"{rank} {epithet}" for rank, epithet in self.below), self.sense]
        return " ".join(" ".join(parts).split())

    @property
    def unfound(self) -> Step:
        """Why a table that has not this name may lack it."""
        return {
            "species": Step.UNMATCHED,
            "formula": Step.FORMULA,
            "uncertain": Step.UNCERTAIN,
            "above": Step.ABOVE,
        }[self.kind]

    def _signed(self) -> str:
        before, between = (" x " if self.hybrid == place else " " for place in ("genus", "species"))
        return f"{before}{self.genus}{between}{self.epithet}".strip()


def plain(name: str) -> str:
    """A name in one spelling of letters: lower case, single blanks, no accents, ``x`` for hybrids.

    >>> plain("Isoëtes_lacustris"), plain(" Populus  ×canadensis ")
    ('isoetes lacustris', 'populus x canadensis')
    """
    return " ".join(_letters(name).replace("×", " x ").lower().split())


def marked(name: str) -> str:
    """A plain name whose marks of rank and sense have one spelling each.

    >>> marked("Festuca_ovina_agg"), marked("Ranunculus acris ssp. friesianus")
    ('festuca ovina aggr.', 'ranunculus acris subsp. friesianus')
    """
    return " ".join(_MARKS.get(word, word) for word in plain(name).split())


@lru_cache(maxsize=1 << 16)
def parse(name: str) -> Taxon:
    """Take a name apart.

    Args:
        name: As written, since authors are told by their capital letters.

    >>> parse("Populus × canadensis Moench").binomial
    'populus canadensis'
    >>> parse("Quercus L.").kind, parse("Rosa cf. canina").kind
    ('above', 'uncertain')
    """
    text = _letters(name)
    # In names all in capitals nothing tells an author, but most have none.
    text = text.lower() if text.isupper() else text
    quoted = " ".join(_QUOTED.findall(text))
    cultivar = _CULTIVAR.fullmatch(quoted)
    words = _WORDS.findall(_GLUED.sub(". ", _QUOTED.sub(" ", text)))
    words = ["x" if word in ("X", "×") else word for word in words]
    crossed = bool(words) and words[0] in SIGNS
    genus, *rest = words[crossed:] or [""]
    if genus.lower() in DOUBTS:
        return Taxon("uncertain")
    if not _GENUS.fullmatch(genus[:1] + genus[1:].lower()):
        return Taxon("above")
    taxon = _species(genus.lower(), rest, "genus" if crossed else "")
    return replace(taxon, cultivar=cultivar[1] if cultivar else "")


def step_between(name: str, found: str) -> Step:
    """How a name is the other one under which it was found.

    >>> [str(step_between(name, "Poa annua")) for name in ("POA_ANNUA", "Poa annua L.")]
    ['exact', 'canonical']
    """
    if plain(name) == plain(found):
        return Step.EXACT
    taxon, other = parse(name), parse(found)
    if taxon.binomial != other.binomial:
        return Step.SYNONYM
    if taxon.below and taxon.full != other.full:
        return Step.SPECIES
    return Step.AGGREGATE if taxon.sense and not other.sense else Step.CANONICAL


def places(names: Iterable[str], table: Sequence[str]) -> list[int]:
    """Find the species of names in a table of species, such as a vocabulary of Pl@ntBERT.

    Args:
        names: As written.
        table: Species in any spelling of their hybrid signs; published vocabularies have none.

    Returns:
        Index in the table of each name's species, -1 where it has none.

    >>> places(["Populus × canadensis Moench", "Rosa sp."], ["abies alba", "populus canadensis"])
    [1, -1]
    """
    exact = {name: index for index, name in enumerate(table)}
    unsigned = {parse(name).binomial: index for name, index in exact.items()} | {"": -1}
    return [
        exact.get(name, exact.get(taxon.species or plain(name), unsigned.get(taxon.binomial, -1)))
        for name, taxon in ((name, parse(name)) for name in names)
    ]


def _letters(name: str) -> str:
    """Letters without accents and ligatures, blanks for underscores, one kind of dash."""
    decomposed = unicodedata.normalize("NFKD", name.translate(_LATIN))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


def _species(genus: str, words: list[str], hybrid: Literal["", "genus", "species"]) -> Taxon:
    """What a genus is called together with the words behind it."""
    if words and words[0].startswith("("):
        words = words[1:]  # a subgenus, or the first authors of the genus
    first, following, *_ = [*words, "", ""]
    section = _SECTION_MARKS.get(first.lower(), "")
    if first in DOUBTS:
        return Taxon("uncertain", genus, following if _is_epithet(following) else "", hybrid)
    if first in UNNAMED:
        return Taxon("above", genus, "species", hybrid)
    if section and following and following not in PARTICLES:
        return Taxon("above", genus, hybrid=hybrid, below=((section, following.lower()),))
    if first == "x":
        hybrid, words = "species", words[1:]
    elif _MARKS.get(first) in SENSES and _is_epithet(following):
        words = [following, first, *words[2:]]  # Alchemilla gr. vulgaris
    epithet = words[0] if words else ""
    if epithet.isupper() and len(epithet) > LONGEST_INITIALS:
        epithet = epithet.lower()
    if not _is_epithet(epithet):
        # A sign without an epithet joins two genera.
        kind: Literal["formula", "above"] = "formula" if first == "x" else "above"
        return Taxon(kind, genus, authorship=" ".join(words))
    parts = list(_parts(genus, words[1:]))
    labels = {label for label, _ in parts}
    return Taxon(
        "uncertain" if "?" in labels else "formula" if "x" in labels else "species",
        genus,
        epithet,
        hybrid,
        below=tuple(part for part in parts if part[0] in ("", "x", *RANKS)),
        sense=dict(parts).get("sense", ""),
        authorship=" ".join(word for label, word in parts if label == "author"),
    )


def _parts(genus: str, words: list[str]) -> Iterator[tuple[str, str]]:
    """What stands behind an epithet: ranks with epithets, ``x``, sense, doubt ``?``, author."""
    if words and words[0] in OTHERS:
        yield "?", words[0]
        return
    if words and _is_epithet(words[0]):
        yield "", words[0]  # GBIF writes no rank
        words = words[1:]
    while words:
        word, following, *_ = [*words, ""]
        words = words[1:]
        mark = _MARKS.get(word, "")
        if word == "x":
            yield "x", _other_parent(genus, words)
        elif word in DOUBTS:
            # In doubt is what follows: the subspecies only, or the species itself.
            if _MARKS.get(following) not in RANKS:
                yield "?", word
            return
        elif mark in SENSES or (word, following) in SENSES_OF_TWO:
            mark = SENSES_OF_TWO.get((word, following), mark)
            yield "sense", "aggr." if mark in AGGREGATES else mark
        elif mark in RANKS and _is_epithet(following):
            yield mark, following
            words = words[1:]
        else:
            yield "author", word


def _other_parent(genus: str, words: list[str]) -> str:
    """Name of the second parent of a hybrid formula, without the genus that both share."""
    first, second, *_ = [*words, "", ""]
    if not _is_epithet(second) or first.islower():
        return first.lower()
    shared = first.lower() == genus or first == f"{genus[0].upper()}."
    return second if shared else f"{first.lower()} {second}"


def _is_epithet(word: str) -> bool:
    """Whether a word can be an epithet and no part of authorship, mark or stand-in."""
    return _EPITHET.fullmatch(word) is not None and not (
        word in _MARKS or word in _SECTION_MARKS or word in PARTICLES | UNNAMED | OTHERS
    )
