"""Landsat and climate cubes of GeoPlant and GeoLifeCLEF: one `.pt` tensor a survey."""

import os
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.sources.paths import local_file, local_folder

LANDSAT_SHAPE = (6, 4, 21)
"""Red, green, blue, nir, swir1, swir2 x quarter x year 2000..2020."""
CLIMATE_SHAPE = (4, 19, 12)
"""Precipitation, mean, maximum, minimum temperature x year 2000..2018 x month."""
SHAPES = MappingProxyType({"landsat": LANDSAT_SHAPE, "climate": CLIMATE_SHAPE})
# Dashes in the training sets, underscores in the test sets, nothing at all in GeoPlant's second
# edition.
WORDS = MappingProxyType(
    {"landsat": r"landsat[-_]time[-_]series", "climate": r"bioclimatic[-_]monthly"}
)


@dataclass(frozen=True)
class Cubes:
    """The cubes of one modality below a folder.

    Attributes:
        root: The folder.
        modality: ``landsat`` or ``climate``.
        paths: File of each survey id.
    """

    root: Path
    modality: str
    paths: Mapping[str, Path] = field(repr=False)

    def read(self, survey_id: str) -> NDArray[np.float32]:
        """Return a survey's cube in the order of `SHAPES`, NaN where missing.

        Raises:
            InputError: No cube, a damaged one, or another shape.
        """
        if survey_id not in self.paths:
            raise InputError(
                f"{self.root} has no {self.modality} cube of survey {survey_id!r}; "
                "drop the survey or fetch its cube"
            )
        return read_tensor(self.paths[survey_id], SHAPES[self.modality])


def open_cubes(root: str | PathLike[str], modality: str) -> Cubes:
    """Find the cubes of one modality below a folder, whatever edition names them.

    Args:
        root: A folder; it may hold both modalities where the files' names tell them apart.
        modality: ``landsat`` or ``climate``.

    Raises:
        InputError: No cubes, two of one survey, or an unknown modality.
    """
    if modality not in SHAPES:
        raise InputError(f"modality {modality!r}; expected one of {list(SHAPES)}")
    folder = local_folder(root)
    form = re.compile(rf"(?:GLC\d\d-P[AO]-[a-z]+-{WORDS[modality]}_)?(\d+)_cube\.pt")
    paths: dict[str, Path] = {}
    for place, _, names in os.walk(folder):
        for name in names:
            match = form.fullmatch(name)
            if match is None:
                continue
            path = Path(place, name)
            if match[1] in paths:
                raise InputError(
                    f"{path} and {paths[match[1]]} are cubes of one survey; "
                    "name the folder of one set"
                )
            paths[match[1]] = path
    if not paths:
        raise InputError(
            f"{folder} holds no {modality} cubes; expected names like <id>_cube.pt or "
            f"GLC25-PA-train-{WORDS[modality].replace('[-_]', '_')}_<id>_cube.pt"
        )
    return Cubes(folder, modality, paths)


def read_tensor(path: str | PathLike[str], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return a stored tensor as a contiguous float32 array of the same shape.

    The published tensors are views whose strides differ from their shape's; nothing but tensors is
    ever unpickled.

    Args:
        path: The `.pt` file.
        shape: The shape that it must have.

    Raises:
        InputError: Damaged, no plain tensor of numbers, or another shape.
    """
    # Takes seconds, and whoever only names such a folder in a recipe reads none.
    import torch  # noqa: PLC0415

    file = local_file(path)
    try:
        tensor = torch.load(file, weights_only=True, map_location="cpu")
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as e:
        reason = str(e).strip().splitlines()[0] if str(e).strip() else type(e).__name__
        raise InputError(f"{file} cannot be read as a tensor ({reason}); fetch it again") from e
    if not isinstance(tensor, torch.Tensor):
        raise InputError(f"{file} holds a {type(tensor).__name__}; expected a tensor of {shape}")
    if tuple(tensor.shape) != shape or tensor.is_complex() or tensor.is_sparse:
        raise InputError(
            f"{file} holds {tensor.dtype} of shape {tuple(tensor.shape)}; expected {shape}: "
            "is it the other modality's cube?"
        )
    # Torch sees the stored strides, NumPy gets a plain copy.
    return np.ascontiguousarray(tensor.to(torch.float32).numpy())
