"""Names of species as Pl@ntBERT knows them: lower-case binomials, one for all synonyms."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from biomap_xr.errors import InputError
from biomap_xr.observations.report import listed
from biomap_xr.sources.tables import read_table

COLUMNS = ("synonym", "accepted")
UNSURE = frozenset({"sp", "spec", "species", "spp", "cf", "aff"})
"""Second words that say that the species is not known."""
BELOW = frozenset(
    {"subsp", "ssp", "var", "f", "fo", "forma", "subvar", "cv", "agg", "aggr", "s", "s.l", "s.str",
     "s.lat", "sensu", "sl", "sstr"}
)  # fmt: skip
"""Third words after which comes a rank below the species, or how widely it is meant."""
HYBRID = frozenset({"x", "X", "×"})


def plain_name(name: str) -> str:
    """Return a name in lower case with single blanks between its words.

    >>> plain_name("Acer_campestre"), plain_name(" Poa  annua ")
    ('acer campestre', 'poa annua')
    """
    return " ".join(name.replace("_", " ").split()).lower()


def species_name(name: str) -> str:
    """Return the species that a name is of, without authors, rank below and breadth of meaning.

    Services of names answer so (paper 1's code asks one): a subspecies is its species. What is no
    species, such as a hybrid formula or a genus, stays as it is.

    Args:
        name: As written, since authors are told by their capital letters.

    >>> species_name("Dryopteris filix-mas (L.) Schott"), species_name("Vicia_sativa_ssp_nigra")
    ('dryopteris filix-mas', 'vicia sativa')
    >>> species_name("Rosa canina agg."), species_name("Primula elatior x veris")
    ('rosa canina', 'primula elatior x veris')
    """
    words = name.replace("_", " ").split()
    hybrid = any(word in HYBRID for word in words)
    # An epithet is lower case; in names all in capitals nothing tells an author.
    if len(words) < 3 or hybrid or not words[1][0].islower() or words[1].rstrip(".") in UNSURE:
        return plain_name(name)
    third = words[2]
    follows = third[0].isupper() or third[0] == "(" or third.rstrip(".").lower() in BELOW
    return plain_name(" ".join(words[:2]) if follows else name)


def is_binomial(name: str) -> bool:
    """Return whether a name has exactly two words: no genus alone, hybrid formula or subspecies.

    >>> [is_binomial(name) for name in ("acer campestre", "poaceae", "primula elatior x veris")]
    [True, False, False]
    >>> is_binomial("iris spec")
    False
    """
    words = name.split()
    return len(words) == 2 and words[1].rstrip(".") not in UNSURE


def accepted_names(
    names: Sequence[str], synonyms: Mapping[str, str], *, species: bool = False
) -> tuple[str, ...]:
    """Return the plain accepted name of each; itself where it is no synonym.

    Args:
        names: As written.
        synonyms: Accepted name of each synonym, both plain.
        species: Whether a name that is no synonym is replaced by that of its species, which may be
            a synonym again.

    >>> accepted_names(["Bromus_erectus"], {"bromus erectus": "bromopsis erecta"})
    ('bromopsis erecta',)
    """
    # The name in full comes first: a subspecies may have been given another species.
    known = [synonyms.get(plain_name(name)) for name in names]
    shorter = [species_name(name) if species else plain_name(name) for name in names]
    return tuple(
        synonyms.get(short, short) if accepted is None else accepted
        for accepted, short in zip(known, shorter, strict=True)
    )


def read_synonyms(path: Path) -> dict[str, str]:
    """Read a table of synonyms, both names as `plain_name` has them.

    Raises:
        InputError: A column is missing, a name is empty, or a synonym has two accepted names or is
            accepted elsewhere.
    """
    frame = read_table(path, required=COLUMNS, text=COLUMNS)
    if frame[list(COLUMNS)].isna().any(axis=None):
        line = int(frame[list(COLUMNS)].isna().any(axis=1).to_numpy().argmax()) + 2
        raise InputError(f"{path}: line {line} lacks a name; expected a synonym and its accepted")
    plain = pd.DataFrame({name: frame[name].map(plain_name) for name in COLUMNS}).drop_duplicates()
    plain = plain[plain["synonym"] != plain["accepted"]]
    twice = plain.loc[plain["synonym"].duplicated(), "synonym"]
    if len(twice):
        raise InputError(
            f"{path}: {listed(twice)} have two accepted names; expected one each: remove the others"
        )
    chained = plain.loc[plain["accepted"].isin(plain["synonym"]), "accepted"]
    if len(chained):
        raise InputError(
            f"{path}: accepted names {listed(chained)} are synonyms, too; expected names that are "
            "accepted themselves: write these instead"
        )
    return dict(zip(plain["synonym"], plain["accepted"], strict=True))
