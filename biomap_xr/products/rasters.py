"""Which files are published, and from which variable of which cube each is made."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from biomap_xr.habitats.cube import (
    BY_ENVIRONMENT,
    BY_SPECIES,
    NO_PERCENT,
    RANKS,
    WALL_TO_WALL,
)
from biomap_xr.habitats.eunis import FORMATIONS, NO_HABITAT

PROBABILITY, TOP_HABITATS, FINAL = "habitat_probability", "topk_habitats", "wall_to_wall"
FINAL_NAMES = ("eunis_dominant", "eunis_top2", "eunis_top3")
"""File of each rank of the final map."""
Kind = Literal["codes", "percent"]


@dataclass(frozen=True)
class Raster:
    """One GeoTIFF, before it exists."""

    path: str
    """Relative to the folder of products."""
    group: str
    """Of the cube."""
    variable: str
    """In the group; its first dim, where it has three, is the bands."""
    kind: Kind
    """Numbers of the legend, or percentages."""
    title: str
    """What the file shows."""
    bands: tuple[str, ...]
    """Description of each band."""
    first: int = 0
    """Index of the first band along the variable's first dim."""

    @property
    def dtype(self) -> str:
        """Type of a cell, as the papers' files have it."""
        return "uint16" if self.kind == "codes" else "uint8"

    @property
    def nodata(self) -> int:
        """Value of cells without one."""
        return NO_HABITAT if self.kind == "codes" else NO_PERCENT


def formations_in(store: Path) -> tuple[str, ...]:
    """Return the formations that a store has maps of, in the order of their numbers."""
    return tuple(
        formation
        for formation in FORMATIONS
        if (store / BY_ENVIRONMENT / formation / "zarr.json").is_file()
    )


def formation_rasters(formation: str, codes: Sequence[str]) -> Iterator[Raster]:
    """Yield the files of a formation (paper 2, "Data Records", 1 and 2).

    Args:
        formation: Its code.
        codes: Of its classes, in the order of the cube.

    >>> [raster.path for raster in formation_rasters("T", ["T17"])][0]
    'habitat_probability/T.tif'
    """
    # Names and types are those of the published record, so that its users' scripts work.
    group = f"{BY_ENVIRONMENT}/{formation}"
    name = FORMATIONS[formation]
    yield Raster(
        f"{PROBABILITY}/{formation}.tif",
        group,
        "probability",
        "percent",
        f"{name}: probability of each EUNIS level-3 habitat, percent",
        tuple(codes),
    )
    yield Raster(
        f"{TOP_HABITATS}/{formation}_topk.tif",
        group,
        "habitat",
        "codes",
        f"{name}: the three most likely EUNIS level-3 habitats",
        ranked("habitat"),
    )
    yield Raster(
        f"{TOP_HABITATS}/{formation}_topk_confidence.tif",
        group,
        "confidence",
        "percent",
        f"{name}: confidence of the three most likely EUNIS level-3 habitats, percent",
        ranked("confidence"),
    )


def final_rasters() -> Iterator[Raster]:
    """Yield the files of the map over all formations (paper 2, "Data Records", 3)."""
    for rank, name in enumerate(FINAL_NAMES):
        title = f"EUNIS level-3 habitats over all formations, rank {rank + 1}"
        bands = (f"rank {rank + 1} habitat",)
        yield Raster(f"{FINAL}/{name}.tif", WALL_TO_WALL, "habitat", "codes", title, bands, rank)


def species_rasters() -> Iterator[Raster]:
    """Yield the files of the habitats that species assemblages make (paper 1)."""
    described = "EUNIS habitats of predicted species assemblages"
    files: tuple[tuple[str, Kind, tuple[str, ...]], ...] = (
        ("habitat", "codes", ranked("habitat")),
        ("confidence", "percent", ranked("confidence")),
        ("level2", "codes", ("level 2 habitat",)),
        ("level1", "codes", ("level 1 habitat",)),
    )
    for variable, kind, bands in files:
        path = f"{BY_SPECIES}/{variable}.tif"
        yield Raster(path, BY_SPECIES, variable, kind, f"{described}: {variable}", bands)


def ranked(what: str) -> tuple[str, ...]:
    """Return the description of each rank's band.

    >>> ranked("habitat")[0]
    'rank 1 habitat'
    """
    return tuple(f"rank {rank} {what}" for rank in range(1, RANKS + 1))
