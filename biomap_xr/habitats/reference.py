"""Habitat maps of others, which a map is held against (paper 2, "Habitat datasets for validation").

Paper 2 has one: the MAES/EUNIS map of Austria, 10 m, whose classes are of level 3 or coarser.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from biomap_xr.covariates.settings import LayerSettings
from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import NO_HABITAT, normalise, number_of
from biomap_xr.settings import Settings
from biomap_xr.sources.tables import read_table

NAMED = 10
"""Codes that a message names at most."""


class ReferenceSettings(Settings):
    """A raster of habitats, and what its codes mean."""

    path: Path
    band: int | str = 1
    """Band by number (from 1) or by its description."""
    nodata: float | None = None
    """Code of a missing pixel, beside the one that the file states."""
    crs: str | None = None
    """CRS of a file that states none."""
    codes: Mapping[int, str] = Field(default_factory=dict)
    """EUNIS class, of level 1 to 3, of each code; or ``legend`` has them."""
    legend: Path | None = None
    """Table with a line a code."""
    code_column: str = "Code"
    class_column: str = "EUNIS"
    """Column of the legend with the EUNIS class; empty where a code is no habitat."""
    no_habitat: tuple[int, ...] = ()
    """Codes that are no habitat of EUNIS, beside those whose class is empty in the legend. Such
    pixels count as unlike any habitat when a cell's share is taken."""
    valid: LayerSettings | None = None
    """Polygons or a raster within which the reference counts; everywhere without one. Its path is
    relative to the recipe's root."""
    minimum_share: float = Field(0.5, gt=0, le=1)
    """Share of a cell's pixels that its most frequent class must have for the cell to count."""

    @field_validator("codes")
    @classmethod
    def _known(cls, codes: Mapping[int, str]) -> Mapping[int, str]:
        try:
            return {code: normalise(name) for code, name in codes.items()}
        except InputError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.codes) == (self.legend is not None):
            raise ValueError(
                f"reference {self.path}: {len(self.codes)} codes and the legend {self.legend}; "
                "expected one of the two: name the EUNIS class of each code"
            )
        return self


def numbers_of_codes(settings: ReferenceSettings) -> dict[int, int]:
    """Return the number on our maps of each code of a reference, 65535 where it is no habitat.

    Raises:
        InputError: The legend cannot be read, or has a code twice or a class that is none of EUNIS.
    """
    numbers = {code: number_of(name) for code, name in settings.codes.items()}
    if settings.legend is not None:
        wanted = (settings.code_column, settings.class_column)
        table = read_table(settings.legend, required=wanted, text=(settings.class_column,))
        classes = table[settings.class_column].fillna("").astype(str).str.strip()
        codes = table[settings.code_column]
        if codes.duplicated().any():
            raise InputError(
                f"{settings.legend}: code {codes[codes.duplicated()].iloc[0]} has several lines; "
                "expected one each"
            )
        numbers = {
            int(code): number_of(normalise(name)) if name else NO_HABITAT
            for code, name in zip(codes, classes, strict=True)
        }
    return {**numbers, **dict.fromkeys(settings.no_habitat, NO_HABITAT)}


def translated(
    path: Path, codes: NDArray[np.integer], known: NDArray[np.bool_], numbers: Mapping[int, int]
) -> NDArray[np.uint16]:
    """Return the numbers of a reference's codes (...), 65535 where there is no habitat.

    Args:
        path: Of the raster, for the message.
        codes: (...) as in the raster.
        known: (...) false where the raster is missing.
        numbers: Of `numbers_of_codes`.

    Raises:
        InputError: A code has no line in the legend.
    """
    out = np.full(codes.shape, NO_HABITAT, np.uint16)
    found, place = np.unique(codes[known], return_inverse=True)
    strange = [int(code) for code in found if int(code) not in numbers]
    if strange:
        raise InputError(
            f"{path} has the codes {strange[:NAMED]}, which neither its codes nor its legend have; "
            "expected the EUNIS class of each: add them, or name them in no_habitat or nodata"
        )
    table = np.array([numbers[int(code)] for code in found], np.uint16)
    out[known] = table[place] if len(table) else NO_HABITAT
    return out
