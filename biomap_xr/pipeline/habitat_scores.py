"""What habitat models said of plots that they had not seen: kept with the run for its reports."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.evaluation.habitats.scores import Judged
from biomap_xr.run.durable import publish


@dataclass(frozen=True, eq=False)
class HabitatScores:
    """Predictions of several models for the same plots."""

    codes: tuple[str, ...]
    """Level-3 habitats, one a column of every probability."""
    labels: tuple[tuple[str, ...], ...]
    """``(plot,)`` codes that each bears."""
    block: NDArray[np.str_]
    """``(plot,)`` block or site that is resampled whole."""
    probability: Mapping[str, NDArray[np.float32]]
    """By the model's name ``(plot, habitat)``; NaN where a model says nothing of a plot."""
    row: NDArray[np.int64]
    """``(plot,)`` row of the plot's cell in the grid, -1 off the grid."""
    column: NDArray[np.int64]
    """``(plot,)`` its column."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """What a report says below a model's name."""

    def judged(self, name: str) -> tuple[Judged, NDArray[np.str_]]:
        """Return a model's predictions beside the labels, and the plots' blocks.

        Plots of which it says nothing are left out.
        """
        values = self.probability[name]
        said = np.asarray(np.isfinite(values).all(axis=1))
        labels = tuple(each for each, known in zip(self.labels, said, strict=True) if known)
        return Judged(self.codes, values[said], labels), self.block[said]

    def write(self, folder: Path, name: str, data: str) -> None:
        """Keep the scores under a name; the record that names their data is written last."""
        arrays: dict[str, NDArray[Any]] = {
            f"probability_{i}": each for i, each in enumerate(self.probability.values())
        }
        arrays |= {"block": self.block, "row": self.row, "column": self.column}
        content = io.BytesIO()
        np.savez_compressed(content, allow_pickle=False, **arrays)
        publish(folder / f"{name}.npz", content.getvalue())
        record = {
            "data": data,
            "codes": self.codes,
            "labels": self.labels,
            "models": list(self.probability),
            "notes": dict(self.notes),
        }
        publish(folder / f"{name}.json", json.dumps(record))

    @staticmethod
    def exist(folder: Path, name: str, data: str) -> bool:
        """Say whether a folder holds scores of this name and data."""
        try:
            record = json.loads((folder / f"{name}.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        return bool(record.get("data") == data)

    @staticmethod
    def forget(folder: Path, *names: str) -> None:
        """Remove the records of scores before their models change.

        Args:
            folder: Of the scores.
            names: Of the scores; ``*`` stands for any letters.

        A training that is killed between its model and its scores then counts as not done, also
        for the data of the scores that were there before.
        """
        for name in names:
            for path in folder.glob(f"{name}.json"):
                path.unlink(missing_ok=True)

    @classmethod
    def read(cls, folder: Path, name: str) -> Self:
        """Read what `write` wrote.

        Raises:
            InputError: There is nothing, or it cannot be read.
        """
        try:
            record = json.loads((folder / f"{name}.json").read_text())
            with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
                return cls(
                    codes=tuple(record["codes"]),
                    labels=tuple(tuple(each) for each in record["labels"]),
                    block=arrays["block"],
                    probability={
                        model: arrays[f"probability_{i}"]
                        for i, model in enumerate(record["models"])
                    },
                    row=arrays["row"],
                    column=arrays["column"],
                    notes=record["notes"],
                )
        except (OSError, KeyError, ValueError) as error:
            raise InputError(
                f"{folder} holds no scores {name!r} of a finished training ({error}); run the "
                "recipe first"
            ) from error
