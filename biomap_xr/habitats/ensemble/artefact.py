"""A formation's ensemble on disk: each voter's files in its library's open format, and a card."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from biomap_xr.cubes import digest_of
from biomap_xr.errors import CorruptError, InputError
from biomap_xr.habitats.ensemble.features import FeatureTable
from biomap_xr.habitats.ensemble.learners.arrays import file_of, json_from_bytes
from biomap_xr.habitats.ensemble.learners.fitting import learner_from_files
from biomap_xr.habitats.ensemble.settings import Denominator, VoteSettings
from biomap_xr.habitats.ensemble.voters import FormationEnsemble, Voter
from biomap_xr.run.folder import CHECKSUMS, read_folder, write_folder

CARD = "card.json"
FORMAT = 1
"""Of the card; raised when a reader of today could not read it."""


@dataclass(frozen=True)
class FormationModel:
    """A trained ensemble on disk."""

    formation: str
    codes: tuple[str, ...]
    """Level-3 classes by their number on the map."""
    folder: Path
    weights: str
    """Fingerprint of its files."""
    features: FeatureTable
    denominator: Denominator
    """What committee averaging is a share of."""

    @classmethod
    def of(cls, folder: Path) -> "FormationModel":
        """Read the card of an ensemble; its voters are not loaded."""
        card = json.loads((folder / CARD).read_text())
        return cls(
            card["formation"],
            tuple(card["classes"]),
            folder,
            digest_of(folder / CHECKSUMS),
            FeatureTable.model_validate(card["features"]),
            card["vote"]["denominator"],
        )


def save_ensemble(ensemble: FormationEnsemble, folder: Path) -> None:
    """Write an ensemble; the folder is there completely or not at all.

    Args:
        ensemble: Of one formation.
        folder: Final place; what was there before is removed last.
    """
    files: dict[str, bytes] = {}
    for voter in ensemble.voters:
        for name, content in voter.learner.to_files().items():
            files[f"{_place(voter.name, voter.fold)}/{name}"] = content
    card = {
        "format": FORMAT,
        "formation": ensemble.formation,
        "classes": list(ensemble.classes),
        "features": ensemble.features.model_dump(mode="json"),
        "voters": [{"learner": voter.name, "fold": voter.fold} for voter in ensemble.voters],
        "weights": dict(ensemble.weights),
        "vote": ensemble.vote.model_dump(mode="json"),
        "facts": ensemble.facts,
    }
    files[CARD] = json.dumps(card, indent=1, allow_nan=False).encode()
    write_folder(files, folder)


def load_ensemble(folder: Path, *, threads: int = 1) -> FormationEnsemble:
    """Read an ensemble back, every file compared with its checksum.

    Args:
        folder: Written by `save_ensemble`.
        threads: Of a learner's own predictions.

    Raises:
        InputError: There is no such folder, or it is of another format.
        CorruptError: A file is missing or damaged.
    """
    files = read_folder(folder)
    card = json_from_bytes(file_of(files, CARD), CARD)
    if card.get("format") != FORMAT:
        raise InputError(
            f"{folder / CARD} is of format {card.get('format')!r}, expected {FORMAT}; train again "
            "or use the version that wrote it"
        )
    # The checksums held, so what is wrong from here on was written so.
    try:
        return FormationEnsemble(
            formation=str(card["formation"]),
            classes=tuple(card["classes"]),
            voters=tuple(_voter(each, files, threads) for each in card["voters"]),
            weights=dict(card["weights"]),
            vote=VoteSettings.model_validate(card["vote"]),
            facts=dict(card["facts"]),
        )
    except (KeyError, TypeError, ValidationError) as error:
        raise CorruptError(
            f"{folder / CARD} is no card of an ensemble: {error!r}; restore it or train again"
        ) from error


def _voter(described: Mapping[str, Any], files: Mapping[str, bytes], threads: int) -> Voter:
    place = _place(described["learner"], described["fold"]) + "/"
    own = {
        name.removeprefix(place): content
        for name, content in files.items()
        if name.startswith(place)
    }
    return Voter(learner_from_files(own, threads=threads), int(described["fold"]))


def _place(learner: str, fold: int) -> str:
    return f"{learner}_{fold}"
