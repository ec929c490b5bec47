"""Names of species as Pl@ntBERT knows them: lower-case binomials, one for all synonyms."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from biomap_xr.errors import InputError
from biomap_xr.observations.report import listed
from biomap_xr.sources.tables import read_table

COLUMNS = ("synonym", "accepted")
GENUS_ONLY = frozenset({"sp", "spec", "species", "spp"})
"""Second words that say that the species is not known; a service of names would match the genus."""


def plain_name(name: str) -> str:
    """Return a name in lower case with single blanks between its words.

    >>> plain_name("Acer_campestre"), plain_name(" Poa  annua ")
    ('acer campestre', 'poa annua')
    """
    return " ".join(name.replace("_", " ").split()).lower()


def is_binomial(name: str) -> bool:
    """Return whether a name has exactly two words: no genus alone, hybrid formula or subspecies.

    >>> [is_binomial(name) for name in ("acer campestre", "poaceae", "primula elatior x veris")]
    [True, False, False]
    >>> is_binomial("iris spec")
    False
    """
    words = name.split()
    return len(words) == 2 and words[1].rstrip(".") not in GENUS_ONLY


def accepted_names(names: Sequence[str], synonyms: Mapping[str, str]) -> tuple[str, ...]:
    """Return the plain accepted name of each; itself where it is no synonym.

    >>> accepted_names(["Bromus_erectus"], {"bromus erectus": "bromopsis erecta"})
    ('bromopsis erecta',)
    """
    return tuple(synonyms.get(plain, plain) for plain in map(plain_name, names))


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
