from pathlib import Path

import pytest
from pydantic import Field

from biomap_xr.errors import InputError
from biomap_xr.run.card import card_from_bytes, card_to_bytes
from biomap_xr.settings import Settings


class Note(Settings):
    name: str
    classes: dict[str, int] = Field(default_factory=dict)


def test_a_card_comes_back():
    note = Note(name="oaks", classes={"b": 1, "a": 2})
    content = card_to_bytes(note)
    assert card_from_bytes(Note, content, Path("card.json")) == note


def test_the_order_of_filling_does_not_count():
    one, other = Note(name="x", classes={"a": 1, "b": 2}), Note(name="x", classes={"b": 2, "a": 1})
    assert card_to_bytes(one) == card_to_bytes(other)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"name": 3}', b'{"name": "x", "later": 1}'])
def test_a_card_of_another_version_is_told_by_its_path(content):
    with pytest.raises(InputError, match=r"models/card\.json is no card of this version"):
        card_from_bytes(Note, content, Path("models/card.json"))
