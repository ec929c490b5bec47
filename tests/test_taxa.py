"""Names as written, against a table known by hand and against the parser of GBIF."""

import os
import unicodedata
from pathlib import Path
from typing import Any

import nameparser
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.taxa import Step, Taxon, marked, parse, places, plain, step_between

DATA = os.environ.get("BIOMAP_XR_DATA")
NAMES = pd.read_csv(Path(__file__).with_name("names.csv"), keep_default_na=False, dtype=str)
"""What is written; kind, canonical name, species with its sign and the spelling of rule files; and
why the parser of GBIF, which is made for publications, reads it otherwise, where it does."""


def test_the_table_is_large_enough() -> None:
    assert len(NAMES) >= 60
    assert not NAMES["written"].duplicated().any()


@pytest.mark.parametrize("row", list(NAMES.itertuples()), ids=NAMES["written"])
def test_one_form_of_many(row: Any) -> None:
    taxon = parse(row.written)
    found = (taxon.kind, taxon.full, taxon.species, taxon.spelled)
    assert found == (row.kind, row.full, row.species, row.spelled)
    assert taxon.is_species == bool(taxon.binomial) == (row.kind == "species")
    assert taxon.binomial == " ".join(taxon.full.split()[:2])


def of_gbif(written: str) -> tuple[str, str, bool]:
    """Kind, canonical name and whether a named hybrid, by the parser of GBIF."""
    try:
        found = nameparser.parse(written)
    except nameparser.UnparsableNameError as error:
        return ("formula" if error.name_type == "FORMULA" else "above"), "", False
    if isinstance(found, nameparser.Informal):
        return "above", "", False
    kind = "species" if found.specific_epithet else "above"
    qualified = (found.epithet_qualifier or {}).keys()
    if found.doubtful or "SPECIFIC" in qualified:
        kind = "uncertain"
    words = [found.genus, found.specific_epithet]
    words += [] if "INFRASPECIFIC" in qualified else [found.infraspecific_epithet]
    full = unaccented(" ".join(filter(None, words))) if kind == "species" else ""
    return kind, full, kind == "species" and bool({"GENERIC", "SPECIFIC"} & set(found.notho or ()))


def unaccented(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("æ", "ae"))
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).lower()


@pytest.mark.parametrize("row", list(NAMES.itertuples()), ids=NAMES["written"])
def test_gbif_reads_it_so(row: Any) -> None:
    taxon = parse(row.written)
    ours = (taxon.kind, taxon.full, bool(taxon.is_species and taxon.hybrid))
    assert (ours == of_gbif(row.written)) == (row.gbif == "")


def test_parts_of_a_name() -> None:
    assert parse('Salix ×rubens Schrank var. "Basfordiana" s.l.') == Taxon(
        kind="species",
        genus="salix",
        epithet="rubens",
        hybrid="species",
        sense="s.l.",
        cultivar="Basfordiana",
        authorship="Schrank var.",
    )
    taxon = parse("Acer negundo L. subsp. californicum (Torr. & A.Gray) Wesm. f. villosum")
    assert taxon.below == (("subsp.", "californicum"), ("f.", "villosum"))
    assert taxon.authorship == "L. (Torr. & A.Gray) Wesm."


def test_what_is_the_same_has_one_spelling() -> None:
    assert plain("Isoëtes_lacustris") == plain("ISOETES  LACUSTRIS") == "isoetes lacustris"
    assert plain("Salix ×rubens") == plain("salix x rubens") == "salix x rubens"
    assert marked("Silene_latifolia_ssp_alba") == "silene latifolia subsp. alba"
    assert marked("Festuca ovina agg.") == "festuca ovina aggr."
    # Rule files tell these two apart.
    assert marked("Festuca ovina coll.") == "festuca ovina coll."


@pytest.mark.parametrize(
    ("name", "found", "step"),
    [
        ("POA_ANNUA", "Poa annua", Step.EXACT),
        ("Isoëtes lacustris", "isoetes lacustris", Step.EXACT),
        ("Poa annua L.", "Poa annua", Step.CANONICAL),
        ("Populus × canadensis", "populus canadensis", Step.CANONICAL),
        ("Rosa canina agg.", "rosa canina", Step.AGGREGATE),
        ("Vicia sativa subsp. nigra", "vicia sativa", Step.SPECIES),
        ("Bromus erectus", "bromopsis erecta", Step.SYNONYM),
    ],
)
def test_each_step_has_a_name(name: str, found: str, step: Step) -> None:
    assert step_between(name, found) is step


def test_hybrids_are_found_under_any_sign() -> None:
    table = ["abies alba", "populus x canadensis", "mentha ×piperita", "salix rubens"]
    names = ["Populus ×canadensis Moench", "Mentha x piperita L.", "Salix × rubens", "Salix rubens"]
    assert places([*names, "Populus x canescens"], table) == [1, 2, 3, 3, -1]


PIECES = [
    "Rosa", "canina", "x", "×", "subsp.", "f.", "agg.", "s.", "l.", "cf.", "L.", "sp.", "'A'", "(",
    "P.", "+", "et",
]  # fmt: skip


@given(st.text(max_size=40) | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_any_text_gives_a_stable_answer(text: str) -> None:
    taxon = parse(text)
    if taxon.is_species:
        assert parse(taxon.species).species == taxon.species
        assert parse(taxon.full).full == taxon.full
        assert parse(taxon.spelled).species == taxon.species
    else:
        assert taxon.binomial == taxon.full == taxon.species == ""


@pytest.mark.skipif(DATA is None, reason="BIOMAP_XR_DATA is not set: no real lists")
def test_authorship_of_the_habitats_directive_agrees_with_gbif() -> None:
    """GBIF gives `canonicalName` beside `scientificName`."""
    path = Path(str(DATA)) / "lists" / "habitats_directive_art_17_checklis+gbif.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    plants = table[table["kingdom"] == "Plantae"]
    pairs = zip(plants["scientificName"], plants["canonicalName"], strict=True)
    differing = [pair for pair in pairs if parse(pair[0]).full != parse(pair[1]).full]
    assert len(plants) == 756
    assert differing == []


@pytest.mark.skipif(DATA is None, reason="BIOMAP_XR_DATA is not set: no real lists")
@pytest.mark.parametrize(
    ("file", "column", "names", "others"),
    [
        ("lists/taxon.csv", "scientificName", 2617, 6),
        ("esy/data_example_species.csv", "species", 1009, 0),
    ],
)
def test_lists_with_authors_are_read_as_gbif_reads_them(
    file: str, column: str, names: int, others: int
) -> None:
    written = pd.read_csv(Path(str(DATA)) / file, dtype=str)[column].unique()
    assert len(written) == names
    ours = {name: (parse(name).kind == "species", parse(name).full) for name in written}
    gbif = {name: (of_gbif(name)[0] == "species", of_gbif(name)[1]) for name in written}
    assert len([name for name in written if ours[name] != gbif[name]]) == others
