"""What the models said of the held-out surveys: kept with the run for its reports."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.run.durable import publish

FILE, RECORD = "scores.npz", "scores.json"


@dataclass(frozen=True, eq=False)
class Scores:
    """Predictions of every model for the surveys of the test blocks."""

    row: NDArray[np.int64]
    """Row of each survey's cell in the grid ``(surveys,)``."""
    column: NDArray[np.int64]
    """Its column ``(surveys,)``."""
    block: NDArray[np.int64]
    """Its spatial block, east and north ``(surveys, 2)``."""
    targets: NDArray[np.bool_]
    """What the survey found ``(surveys, species)``."""
    probability: Mapping[str, NDArray[np.float32]]
    """By the model's name ``(surveys, species)``, 0 to 1."""
    threshold: Mapping[str, NDArray[np.float64]]
    """The global presence threshold of each model, 0 to 1."""
    balance: tuple[Mapping[str, Any], ...] = ()
    """Sites, surveys and presences of each role."""
    surveyed: bool = True
    """Whether these are surveys; otherwise records against their target group's absences."""

    def write(self, folder: Path, data: str) -> None:
        """Keep the scores; the record that names their data is written last."""
        arrays = {
            "row": self.row,
            "column": self.column,
            "block": self.block,
            "targets": np.packbits(self.targets, axis=1),
        }
        models = list(self.probability)
        for index, name in enumerate(models):
            arrays[f"probability_{index}"] = self.probability[name]
            arrays[f"threshold_{index}"] = np.asarray(self.threshold[name])
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **arrays)  # type: ignore[arg-type]
        publish(folder / FILE, content.getvalue())
        record = {
            "data": data,
            "models": models,
            "species": self.targets.shape[1],
            "balance": self.balance,
            "surveyed": self.surveyed,
        }
        publish(folder / RECORD, json.dumps(record, indent=1))

    @staticmethod
    def exist(folder: Path, data: str) -> bool:
        """Say whether a folder holds the scores of models trained on some data."""
        try:
            record = json.loads((folder / RECORD).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        return bool(record.get("data") == data)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            InputError: There is nothing, or it cannot be read.
        """
        try:
            record = json.loads((folder / RECORD).read_text())
            with np.load(folder / FILE, allow_pickle=False) as arrays:
                return cls(
                    row=arrays["row"],
                    column=arrays["column"],
                    block=arrays["block"],
                    targets=np.unpackbits(arrays["targets"], axis=1)[:, : record["species"]].astype(
                        bool
                    ),
                    probability={
                        name: arrays[f"probability_{i}"] for i, name in enumerate(record["models"])
                    },
                    threshold={
                        name: arrays[f"threshold_{i}"] for i, name in enumerate(record["models"])
                    },
                    balance=tuple(record["balance"]),
                    surveyed=record["surveyed"],
                )
        except (OSError, KeyError, ValueError) as error:
            raise InputError(
                f"{folder} holds no scores of a finished training ({error}); run the recipe first"
            ) from error
