"""Coastal regions: which of them coastal classes belong to, and how far they reach inland.

Coastal habitats and salt marshes (N, MA2) are not bound to ecoregions but to coasts, within 5 km of
the shore (paper 2, "Step 2").
"""

import ast
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import normalise
from biomap_xr.habitats.rules.regional import Association, whole_counts
from biomap_xr.habitats.rules.settings import COASTS, INLAND_DEPTH
from biomap_xr.sources.tables import read_table

NO_COAST = ("NODATA", "N_COAST", "")
"""What tables and plots' headers call places on no coast."""
INLAND = 0


def within_depth(
    region: NDArray[np.integer], distance: NDArray[np.floating], depth: float = INLAND_DEPTH
) -> NDArray[np.integer]:
    """Keep coastal regions near the shore only.

    Args:
        region: (...) code of the nearest coast, whatever its distance.
        distance: (...) metres to that shore, 0 or more; NaN where none is known.
        depth: Metres that a coast reaches inland, paper 2's 5,000.

    Returns:
        Codes in the shape and type of ``region``, 0 farther away than ``depth``.

    >>> within_depth(np.array([2, 2, 5]), np.array([0.0, 5000.0, 5001.0])).tolist()
    [2, 2, 0]
    """
    # Not known is not near: NaN compares as false.
    return np.where(distance <= depth, region, np.array(INLAND, region.dtype))


def read_coast_codes(path: str | PathLike[str]) -> dict[str, int]:
    """Read the code on the map of each coast: JSON, or a literal as Python writes it.

    The entry ``NODATA``, which says what lies on no coast, is left out.

    Raises:
        InputError: The file is missing or holds no such mapping.
    """
    try:
        # The published file is no JSON but a Python literal; this evaluates nothing else.
        found = ast.literal_eval(Path(path).read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError, ValueError, SyntaxError) as error:
        raise InputError(
            f"{path} cannot be read as codes of coasts ({error}); expected a mapping such as "
            "{'ATL_COAST': 2}: mend the file or write the codes in the recipe"
        ) from error
    if not isinstance(found, dict) or not all(isinstance(each, int) for each in found.values()):
        raise InputError(f"{path} holds {str(found)[:60]!r}; expected whole codes by coast")
    return {str(name): code for name, code in found.items() if name not in NO_COAST}


def check_coast_codes(codes: Mapping[str, int], outside: int) -> None:
    """Check that no coast has the code that the map gives to cells off the coast.

    Raises:
        InputError: One has it; the published codes have 0 for North Africa.
    """
    clash = [name for name, code in codes.items() if code == outside]
    if clash:
        raise InputError(
            f"{clash[0]} has the code {outside}, which the map's layer gives to every cell off the "
            f"coast; expected a code of its own, such as {COASTS.get(clash[0], 8)}: write the "
            "codes in the recipe, as the layer of coasts has them"
        )


def read_coast_table(path: str | PathLike[str], coasts: Mapping[str, int]) -> Association:
    """Read which classes (columns) each coast (rows by name, first column) has, 0 and 1 or counts.

    Args:
        path: Such as paper 2's ``N_coastline.csv``.
        coasts: Code on the map of each coast's name; the row ``NODATA`` is passed over.

    Raises:
        InputError: The table cannot be read, or names a coast without a code.
    """
    table = read_table(path)
    names = table.iloc[:, 0].astype(str).str.strip()
    coastal = ~names.isin(NO_COAST)
    table, names = table[coastal], names[coastal]
    unknown = [name for name in names if name not in coasts]
    if unknown:
        raise InputError(
            f"{path}: {', '.join(unknown)} has no code on the map; expected one of "
            f"{', '.join(coasts)}: add its code to the recipe"
        )
    codes = tuple(normalise(str(column)) for column in table.columns[1:])
    regions = np.array([coasts[name] for name in names], np.int64)
    # Coasts are the rows here and the columns of an association.
    return Association(codes, regions, whole_counts(path, table.iloc[:, 1:].to_numpy()).T)
