"""The folder of one run, and what lies where in it."""

from dataclasses import dataclass
from pathlib import Path

from biomap_xr.run import Ledger


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
        """Cube of species probabilities (species, y, x)."""
        return self.root / "species.zarr"

    @property
    def indicators(self) -> Path:
        """Cube of indicators (indicator, y, x)."""
        return self.root / "indicators.zarr"

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

    def ledger(self, program: str) -> Ledger:
        """Return the receipts of a program's tiles."""
        return Ledger(self.root / "receipts" / program)
