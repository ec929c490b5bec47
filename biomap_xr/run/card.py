"""The card of an artefact: what it is and how it was made, as JSON beside its weights."""

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from biomap_xr.errors import InputError

Card = TypeVar("Card", bound=BaseModel)


def card_to_bytes(card: BaseModel) -> bytes:
    """Return a card as JSON; equal cards have equal bytes, whatever order they were filled in."""
    return json.dumps(card.model_dump(mode="json"), indent=1, sort_keys=True).encode()


def card_from_bytes(kind: type[Card], content: bytes, path: Path) -> Card:
    """Read a card that `card_to_bytes` wrote.

    Args:
        kind: Of card.
        content: Of the file.
        path: Of the file, for the message.

    Raises:
        InputError: It is none of this version.
    """
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        raise InputError(
            f"{path} is no card of this version: {error}; expected the one that save_model "
            "writes; train again or use the version that wrote it"
        ) from error
