"""Names of species as Pl@ntBERT knows them: lower-case binomials, one for all synonyms."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from biomap_xr.errors import InputError
from biomap_xr.observations.report import listed
from biomap_xr.sources.tables import read_table
from biomap_xr.taxa import parse, plain

COLUMNS = ("synonym", "accepted")


def species_name(name: str) -> str:
    """Return the species that a name is of, without authors, rank below and breadth of meaning.

    Services of names answer so (paper 1's code asks one): a subspecies is its species. A named
    hybrid is a species with a sign. What is no species, such as a hybrid formula or a genus, stays
    as it is.

    Args:
        name: As written, since authors are told by their capital letters.

    >>> species_name("Dryopteris filix-mas (L.) Schott"), species_name("Vicia_sativa_ssp_nigra")
    ('dryopteris filix-mas', 'vicia sativa')
    >>> species_name("Populus ×canadensis Moench"), species_name("Primula elatior x veris")
    ('populus x canadensis', 'primula elatior x veris')
    """
    return parse(name).species or plain(name)


def is_species(name: str) -> bool:
    """Return whether a plain name is that of a species: no genus, formula or subspecies.

    >>> [is_species(name) for name in ("acer campestre", "poaceae", "primula elatior x veris")]
    [True, False, False]
    >>> is_species("iris spec"), is_species("populus x canadensis")
    (False, True)
    """
    return name != "" and parse(name).species == name


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
    known = [synonyms.get(plain(name)) for name in names]
    shorter = [species_name(name) if species else plain(name) for name in names]
    return tuple(
        synonyms.get(short, short) if accepted is None else accepted
        for accepted, short in zip(known, shorter, strict=True)
    )


def read_synonyms(path: Path) -> dict[str, str]:
    """Read a table of synonyms, both names as `plain` has them.

    Raises:
        InputError: A column is missing, a name is empty, or a synonym has two accepted names or is
            accepted elsewhere.
    """
    frame = read_table(path, required=COLUMNS, text=COLUMNS)
    if frame[list(COLUMNS)].isna().any(axis=None):
        line = int(frame[list(COLUMNS)].isna().any(axis=1).to_numpy().argmax()) + 2
        raise InputError(f"{path}: line {line} lacks a name; expected a synonym and its accepted")
    table = pd.DataFrame({name: frame[name].map(plain) for name in COLUMNS}).drop_duplicates()
    table = table[table["synonym"] != table["accepted"]]
    twice = table.loc[table["synonym"].duplicated(), "synonym"]
    if len(twice):
        raise InputError(
            f"{path}: {listed(twice)} have two accepted names; expected one each: remove the others"
        )
    chained = table.loc[table["accepted"].isin(table["synonym"]), "accepted"]
    if len(chained):
        raise InputError(
            f"{path}: accepted names {listed(chained)} are synonyms, too; expected names that are "
            "accepted themselves: write these instead"
        )
    return dict(zip(table["synonym"], table["accepted"], strict=True))
