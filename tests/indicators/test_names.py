"""Canonical names, on the forms that real lists use."""

import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.indicators.names import canonical_name

DATA = os.environ.get("BIOMAP_XR_DATA")


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("Quercus robur", "quercus robur"),
        ("  quercus   ROBUR ", "quercus robur"),
        ("QUERCUS ROBUR L.", "quercus robur"),
        ("Quercus_robur", "quercus robur"),
        ("Quercus robur L., 1753", "quercus robur"),
        ("Isoëtes lacustris L.", "isoetes lacustris"),
        ("Crataegus lævigata (Poir.) DC.", "crataegus laevigata"),
        ("Populus × canadensis Moench", "populus canadensis"),
        ("Populus x canadensis", "populus canadensis"),
        ("Populus ×canadensis", "populus canadensis"),
        ("×Festulolium braunii (K. Richt.) A. Camus", "festulolium braunii"),
        ("x Festulolium braunii", "festulolium braunii"),
        ("Capsella bursa-pastoris (L.) Medik.", "capsella bursa-pastoris"),
        ("Hydrocotyle ranunculoides L. f.", "hydrocotyle ranunculoides"),
        ("Elodea nuttallii (Planch.) H.St.John", "elodea nuttallii"),
        ("Teline salsoloides del Arco & Acebes", "teline salsoloides"),
        ("Taraxacum officinale agg.", "taraxacum officinale"),
        ("Rosa (Subgenus) canina L.", "rosa canina"),
        ("Narcissus triandrus subsp. capax (Salisb.) D.A.Webb", "narcissus triandrus capax"),
        ("Narcissus triandrus capax", "narcissus triandrus capax"),
        ("Lotus corniculatus L.var. sativus Hyl. ex Jalas", "lotus corniculatus sativus"),
        ("Pueraria montana (Lour.) Merr. var. lobata (Willd.)", "pueraria montana lobata"),
        ("Ipomoea lacunosa L. f. lacunosa", "ipomoea lacunosa lacunosa"),
        ("Alcea ficifolia L. (Alcea rosea x rugosa)", "alcea ficifolia"),
        ('Populus x jackii Sargent "Gileadensis"', "populus jackii"),
    ],
)
def test_one_form_of_many(name: str, full: str) -> None:
    found = canonical_name(name)
    assert found is not None
    assert found.full == full
    assert found.binomial == " ".join(full.split()[:2])


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Quercus",
        "Quercus L.",
        "Arctophila (Rupr.) Andersson",
        "Hosta spec.",
        "Rosa sp.",
        "Eriochloa cf. crebra S.T. Blake",
        "Chenopodium album L. x hircinum",
        "Spiranthes cernua (L.) Richard x S. odorata  (Nuttall) Lindley",
        "Avena sativa L. × sterilis L.",
        "Rosa 'Hollandica'",
        "12345",
    ],
)
def test_what_names_no_species(name: str) -> None:
    assert canonical_name(name) is None


@given(st.text(max_size=40))
def test_any_text_gives_a_stable_answer(text: str) -> None:
    found = canonical_name(text)
    if found is not None:
        assert canonical_name(found.full) == found


@pytest.mark.skipif(DATA is None, reason="BIOMAP_XR_DATA is not set: no real lists")
def test_authorship_of_the_habitats_directive_agrees_with_gbif() -> None:
    """GBIF's own parser gives `canonicalName` beside `scientificName`."""
    path = Path(str(DATA)) / "lists" / "habitats_directive_art_17_checklis+gbif.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    plants = table[table["kingdom"] == "Plantae"]
    pairs = zip(plants["scientificName"], plants["canonicalName"], strict=True)
    differing = [pair for pair in pairs if canonical_name(pair[0]) != canonical_name(pair[1])]
    assert len(plants) == 756
    assert differing == []
