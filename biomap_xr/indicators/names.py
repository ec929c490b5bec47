"""Scientific names brought to one form, so that lists of different authors can be joined.

The canonical form is lower case, without accents, authorship and hybrid signs: genus, epithet and,
for a subspecies, variety or form, the infraspecific epithet. A hybrid formula (two parents with a
sign between them), a genus and an uncertain identification (`sp.`, `cf.`, `aff.`) have no canonical
form.
"""

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise

_HYBRID_SIGNS = frozenset({"x", "×", "✕"})
_RANKS = frozenset(
    {
        "subsp.",
        "ssp.",
        "subsp",
        "ssp",
        "nsubsp.",
        "nothosubsp.",
        "var.",
        "var",
        "subvar.",
        "f.",
        "fo.",
        "forma",
    }
)
_UNCERTAIN = frozenset({"sp.", "spp.", "spec.", "sp", "spp", "spec", "cf.", "aff.", "cf", "aff"})
# Lower-case words of authorship ("Boiss. ex DC.", "(L.) de Wit", "Hook. f. et Thomson").
_PARTICLES = frozenset(
    {
        "ex",
        "et",
        "in",
        "and",
        "non",
        "nec",
        "de",
        "del",
        "da",
        "di",
        "do",
        "dos",
        "du",
        "des",
        "van",
        "von",
        "den",
        "der",
        "la",
        "le",
        "fil",
        "auct",
    }
)
_AGGREGATES = frozenset({"agg", "aggr", "group", "sect", "sensu", "s.l.", "s.str."})
_WORD = re.compile(r"[a-z][a-z-]*[a-z]")
_REMARK = "()"
_PARENTHESIS = re.compile(r"\([^()]*\)")
_QUOTED = re.compile(r"[\"“‘'][^\"”’']*[\"”’']")
_LIGATURES = str.maketrans(
    {"æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ß": "ss", "ø": "o", "Ø": "o"}
)


@dataclass(frozen=True)
class CanonicalName:
    """A scientific name without case, accents, authorship and hybrid signs."""

    genus: str
    """Lower case."""
    epithet: str
    """Specific epithet, lower case."""
    infraspecific: str = ""
    """Epithet of the subspecies, variety or form; empty for a species."""

    @property
    def binomial(self) -> str:
        """Genus and specific epithet."""
        return f"{self.genus} {self.epithet}"

    @property
    def full(self) -> str:
        """The name with its infraspecific epithet, where it has one."""
        return f"{self.binomial} {self.infraspecific}".rstrip()


def canonical_name(name: str) -> CanonicalName | None:
    """The canonical form of a scientific name; None where it names no species.

    Args:
        name: as a list gives it, such as `Populus × canadensis Moench`.

    >>> canonical_name("Populus × canadensis Moench").binomial
    'populus canadensis'
    >>> canonical_name("Narcissus triandrus L. subsp. capax (Salisb.) D.A.Webb").full
    'narcissus triandrus capax'
    >>> canonical_name("Chenopodium album L. x hircinum") is None
    True
    """
    words = _taxon_words(name)
    if len(words) < 2 or words[1] in _UNCERTAIN:
        return None
    genus, epithet, *rest = words
    # A hybrid sign after the epithet joins two parents.
    if not _HYBRID_SIGNS.isdisjoint(rest):
        return None
    if not (_WORD.fullmatch(genus.lower()) and _WORD.fullmatch(epithet.lower())):
        return None
    return CanonicalName(genus.lower(), epithet.lower(), _infraspecific(rest))


def _taxon_words(name: str) -> list[str]:
    """Words from the genus on, without remarks and the hybrid sign of a named hybrid."""
    words = _words(name)
    start = 0
    while start < len(words) and words[start] in _HYBRID_SIGNS:
        start += 1
    genus, rest = words[start : start + 1], words[start + 1 :]
    if rest and rest[0] in _HYBRID_SIGNS:
        rest = rest[1:]
    if len(rest) > 1 and rest[0] == _REMARK and rest[1][0].isupper():
        return genus  # with its authors
    return genus + [word for word in rest if word != _REMARK]


def _words(name: str) -> list[str]:
    """Words without accents; a hybrid sign is a word of its own, a parenthesis stands as one word.

    Parentheses hold first authors, subgenera and remarks, quotation marks hold cultivars: neither
    names a species.
    """
    plain = unicodedata.normalize("NFKD", name.translate(_LIGATURES).replace("_", " "))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    plain = _QUOTED.sub(" ", _PARENTHESIS.sub(f" {_REMARK} ", plain))
    plain = re.sub(r"[×✕]", " × ", re.sub(r"\.(?=(?:var|subsp|ssp)\.)", ". ", plain))
    words = plain.split()
    if plain.isupper():
        return [word.lower() for word in words]
    return ["x" if word == "X" else word for word in words]


def _infraspecific(rest: list[str]) -> str:
    """The epithet after a rank, or a bare third name as GBIF writes it; else empty."""
    for rank, epithet in pairwise(rest):
        if rank.lower() in _RANKS and _is_epithet(epithet):
            return epithet
    return rest[0] if rest and _is_epithet(rest[0]) else ""


def _is_epithet(word: str) -> bool:
    """Whether a word can be an epithet and not a part of authorship."""
    known = word in _PARTICLES or word in _AGGREGATES or word in _RANKS
    return not known and _WORD.fullmatch(word) is not None
