"""What models said of held-out surveys and plots, as datasets in Zarr that an analyst can open."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr
import zarr
from numpy.typing import NDArray

from biomap_xr.durable import publishing, sweep
from biomap_xr.errors import InputError
from biomap_xr.evaluation.habitats.scores import Judged
from biomap_xr.pipeline.records import SCORES, SURVEYS


@dataclass(frozen=True)
class KeptDataset:
    """A group of a Zarr store that holds a dataset and, in its attributes, the key of its data.

    ``xarray.open_zarr(store, group=name)`` opens it, too.
    """

    store: Path
    name: str

    @property
    def place(self) -> Path:
        """Folder of the group; it is there whole or not at all."""
        return self.store / self.name

    @property
    def key(self) -> str:
        """Of the data; empty where there is no such group."""
        try:
            found = json.loads((self.place / "zarr.json").read_bytes())
            return str(found["attributes"]["key"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return ""

    def read(self) -> xr.Dataset:
        """Load the dataset.

        Raises:
            InputError: There is none, or it cannot be read.
        """
        try:
            found = xr.open_zarr(self.store, group=self.name, chunks=None, consolidated=False)
            # A variable that is lost would otherwise be missed far from here.
            return found[found.attrs["variables"]].load()
        except (OSError, KeyError, ValueError) as error:
            raise InputError(
                f"{self.store} holds no scores {self.name!r} of a finished training ({error}); run "
                "the recipe first"
            ) from error

    def write(self, value: xr.Dataset, key: str) -> None:
        """Put a dataset here instead of the former one."""
        self.store.mkdir(parents=True, exist_ok=True)
        if not (self.store / "zarr.json").is_file():
            zarr.open_group(self.store, mode="a", zarr_format=3)
        # What a killed writer left would stand among the groups that an analyst sees.
        sweep(self.store, self.name)
        with publishing(self.place) as partial:
            names = [str(name) for name in value.data_vars]
            value = value.assign_attrs(key=key, variables=names)
            value.to_zarr(partial, zarr_format=3, consolidated=False)

    def forget(self) -> None:
        """Remove what vouches for the dataset before its model changes.

        A training that is killed between its model and its scores then counts as not done, also for
        the data of the scores that were there before.
        """
        (self.place / "zarr.json").unlink(missing_ok=True)


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

    species: tuple[str, ...] = ()
    """Names, where they are known."""

    def write(self, folder: Path, data: str) -> None:
        """Keep the scores; ``data`` names all that their models depend on."""
        models = list(self.probability)
        variables = {
            "found": (("survey", "species"), self.targets),
            "probability": (
                ("model", "survey", "species"),
                np.stack([self.probability[name] for name in models]),
                {"long_name": "probability of presence", "valid_range": [0.0, 1.0]},
            ),
            "threshold": ("model", np.array([float(self.threshold[n]) for n in models])),
            "row": ("survey", self.row, {"long_name": "row of the survey's cell in the grid"}),
            "column": ("survey", self.column, {"long_name": "its column"}),
            "block": (
                ("survey", "axis"),
                self.block,
                {"long_name": "spatial block that is held out whole"},
            ),
        }
        coordinates = {
            "model": np.array(models, object),
            "axis": np.array(["east", "north"], object),
        }
        if self.species:
            coordinates["species"] = np.array(self.species, object)
        attributes = {"balance": json.dumps(self.balance), "surveyed": int(self.surveyed)}
        dataset = xr.Dataset(variables, coordinates, attributes)
        KeptDataset(folder / SCORES, SURVEYS).write(dataset, data)

    @staticmethod
    def exist(folder: Path, data: str) -> bool:
        """Say whether a folder holds the scores of models trained on some data."""
        return KeptDataset(folder / SCORES, SURVEYS).key == data

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            InputError: There is nothing, or it cannot be read.
        """
        found = KeptDataset(folder / SCORES, SURVEYS).read()
        models = [str(name) for name in found["model"].to_numpy()]
        return cls(
            row=found["row"].to_numpy(),
            column=found["column"].to_numpy(),
            block=found["block"].to_numpy(),
            targets=found["found"].to_numpy(),
            probability={
                name: found["probability"][index].to_numpy() for index, name in enumerate(models)
            },
            threshold={
                name: found["threshold"][index].to_numpy() for index, name in enumerate(models)
            },
            balance=tuple(json.loads(found.attrs["balance"])),
            surveyed=bool(found.attrs["surveyed"]),
            species=tuple(map(str, found["species"].to_numpy()))
            if "species" in found.coords
            else (),
        )


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

    def write(self, store: Path, name: str, data: str) -> None:
        """Keep the scores under a name; ``data`` names all that their models depend on."""
        models = list(self.probability)
        variables = {
            "probability": (
                ("model", "plot", "eunis"),
                np.stack([self.probability[each] for each in models])
                if models
                else np.zeros((0, len(self.labels), len(self.codes)), np.float32),
                {"long_name": "probability of the habitat; NaN where nothing is said of the plot"},
            ),
            "label": (
                "plot",
                np.array([" ".join(each) for each in self.labels], object),
                {"long_name": "EUNIS habitats that the plot bears"},
            ),
            "block": (
                "plot",
                np.asarray(self.block).astype(object),
                {"long_name": "block or site that is resampled whole"},
            ),
            "row": ("plot", self.row, {"long_name": "row of the plot's cell, -1 off the grid"}),
            "column": ("plot", self.column, {"long_name": "its column"}),
            "note": ("model", np.array([self.notes.get(each, "") for each in models], object)),
        }
        coordinates = {
            "model": np.array(models, object),
            "eunis": np.array(self.codes, object),
        }
        KeptDataset(store, name).write(xr.Dataset(variables, coordinates), data)

    @staticmethod
    def exist(store: Path, name: str, data: str) -> bool:
        """Say whether a store holds scores of this name and data."""
        return KeptDataset(store, name).key == data

    @staticmethod
    def forget(store: Path, *names: str) -> None:
        """Remove what vouches for scores before their models change.

        Args:
            store: Of the scores.
            names: Of the scores; ``*`` stands for any letters.
        """
        for place in (path for name in names for path in store.glob(name)):
            KeptDataset(store, place.name).forget()

    @classmethod
    def read(cls, store: Path, name: str) -> Self:
        """Read what `write` wrote.

        Raises:
            InputError: There is nothing, or it cannot be read.
        """
        found = KeptDataset(store, name).read()
        models = [str(each) for each in found["model"].to_numpy()]
        notes = zip(models, map(str, found["note"].to_numpy()), strict=True)
        return cls(
            codes=tuple(map(str, found["eunis"].to_numpy())),
            labels=tuple(tuple(str(each).split()) for each in found["label"].to_numpy()),
            block=np.array(found["block"].to_numpy().tolist(), str),
            probability={
                each: found["probability"][index].to_numpy() for index, each in enumerate(models)
            },
            row=found["row"].to_numpy(),
            column=found["column"].to_numpy(),
            notes={model: note for model, note in notes if note},
        )
