"""Habitat maps of others, which a map is held against (paper 2, "Habitat datasets for validation").

Paper 2 has one: the MAES/EUNIS map of Austria, 10 m, whose classes are of level 3 or coarser.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import NO_HABITAT, normalise, number_of
from biomap_xr.habitats.reference_settings import ReferenceSettings
from biomap_xr.sources.tables import read_table

NAMED = 10
"""Codes that a message names at most."""


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
