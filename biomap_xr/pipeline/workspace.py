"""The folder of one run, and what lies where in it."""

import os
from dataclasses import dataclass
from pathlib import Path

from biomap_xr.errors import InputError
from biomap_xr.recipe import Recipe
from biomap_xr.run import Identity, Ledger
from biomap_xr.run.contents import Contents


@dataclass(frozen=True)
class Workspace:
    """A run's folder.

    >>> Workspace(Path("runs/demo")).species.as_posix()
    'runs/demo/species.zarr'
    """

    root: Path

    @property
    def covariates(self) -> Path:
        """Cube of everything that the models see."""
        return self.root / "covariates.zarr"

    @property
    def species(self) -> Path:
        """Cube of species probabilities ``(species, y, x)``."""
        return self.root / "species.zarr"

    @property
    def indicators(self) -> Path:
        """Cube of indicators ``(indicator, y, x)``."""
        return self.root / "indicators.zarr"

    @property
    def habitats(self) -> Path:
        """Cubes of habitats: by species, by environment, from wall to wall."""
        return self.root / "habitats.zarr"

    @property
    def products(self) -> Path:
        """Files of the habitat maps for others."""
        return self.root / "products"

    @property
    def models(self) -> Path:
        """Artefacts of training: models, scores, the frozen specialists."""
        return self.root / "models"

    @property
    def report(self) -> Path:
        """Page, pictures and figures for people."""
        return self.root / "report"

    @property
    def virtual(self) -> Path:
        """The simulated Europe, where the recipe asks for one."""
        return self.root / "virtual"

    @property
    def contents(self) -> Contents:
        """Names of what is in the inputs, hashed once; hidden, since it can be made anew."""
        return Contents(self.root / ".contents.sqlite")

    def ledger(self, program: str) -> Ledger:
        """Return the receipts of a program's tiles."""
        return Ledger(self.root / "receipts" / program)

    def plan(self, program: str) -> Path:
        """Return the file that says how many tiles a program has."""
        return self.root / "receipts" / f"{program}.json"

    def record(self, stage: str) -> Path:
        """Return the file that says by what key a stage was last made."""
        return self.root / "stages" / f"{stage}.json"

    def check(self) -> None:
        """Make sure that the workspace is a folder, if it is anything.

        Raises:
            InputError: It is a file, or lies in one.
        """
        nearest = next(path for path in (self.root, *self.root.parents) if path.exists())
        if not nearest.is_dir():
            raise InputError(
                f"{nearest} is a file, expected a folder for the workspace {self.root}; "
                "name a folder with --workspace"
            )

    def make(self) -> None:
        """Make the folder where it is missing.

        Raises:
            InputError: It cannot be made, or not be written to.
        """
        self.check()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the workspace {self.root} cannot be made: {error.strerror}; expected a place "
                "that can be written to: name another folder with --workspace"
            ) from error
        if not os.access(self.root, os.W_OK | os.X_OK):
            raise InputError(
                f"the workspace {self.root} cannot be written to; change its permissions, or "
                "name another folder with --workspace"
            )


def identity(recipe: Recipe, species: str = "") -> Identity:
    """Say what must not change within the workspace of a recipe.

    Args:
        recipe: As it was loaded.
        species: The species table in short, empty while it is not known.
    """
    grid = recipe.grid.model_dump(mode="json")
    return Identity(recipe=recipe.name, grid=grid, species=species)
