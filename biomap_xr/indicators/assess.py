"""The analyst's face: indicators of any opened species cube and any list of species, lazily.

The formulas are those of the tile program; Dask evaluates them chunk by chunk, and chunks are
joined but never cut.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import xarray as xr
from array_api_compat import array_namespace, is_dask_array
from numpy.typing import NDArray

from biomap_xr.cubes import PARTS
from biomap_xr.errors import InputError
from biomap_xr.indicators import formulas
from biomap_xr.indicators.declared import INDICATORS, NOT_VALID, STATUSES, attributes
from biomap_xr.indicators.quantiles import quantile
from biomap_xr.indicators.settings import AssemblageKind
from biomap_xr.indicators.sums import Sums
from biomap_xr.indicators.traits import Traits
from biomap_xr.taxa import parse

PROVENANCE = ("title", "license", "references", "recipe", "model", "covariates", "software")
"""Attributes of a cube that go with whatever is made of it."""

JOINED = 64
"""Species of a Dask chunk: at 500 x 500 cells 16 MB stored, 64 MB as numbers."""

Lists = Mapping[str, Sequence[str] | Sequence[int]]
"""Species, by name or by id, of each indicator that a person makes up."""

_THRESHOLDS = {"conformal": "threshold_conformal", "f_score": "threshold_f"}
_ONE_FOR_ALL = "threshold_f_global"
"""Attribute of a cube with the threshold of ``f_score_global``."""
_OF_STATUS = ("most_threatened", "status_any")


@dataclass(frozen=True, eq=False)
class _Counted:
    """What is counted: rows of member species, and the status of each species."""

    names: tuple[str, ...]
    members: NDArray[np.bool_]
    known: NDArray[np.bool_]
    status: NDArray[np.uint8] | None


def assess(
    cube: xr.Dataset | xr.DataArray,
    traits: Traits | Lists,
    *,
    assemblage: AssemblageKind = "conformal",
    threshold: float | Sequence[float] | None = None,
) -> xr.Dataset:
    """Indicators of a species cube, with the names, dims and types of `indicators.zarr`.

    Args:
        cube: an opened `species.zarr`, or its `probability` ``(species, y, x)``: uint8 in 250 parts
            or float from 0 to 1, NaN where there is no prediction. Dask-backed or in memory.
        traits: the traits of the species, or lists of species made up on the spot, each by names or
            by ids: `{"orchids": ["Orchis mascula", "Ophrys apifera"]}`. Lists have no statuses.
        assemblage: which stored threshold makes the assemblage that is counted.
        threshold: one for all species or one each, instead of the stored ones.

    Returns:
        `expected`, `variance`, `low`, `high`, `any` ``(indicator, y, x)`` float32, NaN where not
        valid; `count` ``(indicator, y, x)`` uint16; with traits also `most_threatened` ``(y, x)``
        uint8 and `status_any` ``(status, y, x)`` float32. An indicator whose list was not given is
        NaN everywhere.

    Raises:
        InputError: The cube has no species, or no thresholds and none are given, or a listed
            species is not in it.
    """
    probability = _probability(cube)
    counted = _counted(traits, probability)
    if threshold is None and assemblage == "f_score_global":
        limits = _thresholds(probability, assemblage, _one_for_all(cube))
    else:
        limits = _thresholds(probability, assemblage, threshold)
    data = _joined(probability.data)
    status = (
        counted.status if counted.status is not None else np.ones(data.shape[0], dtype=np.uint8)
    )
    maps = Sums.of(counted.members, _fractions(data), _present(data, limits), status).value()
    valid = _valid(cube, probability)
    assessed: dict[str, xr.DataArray] = {}
    for field in fields(maps):
        if counted.status is None and field.name in _OF_STATUS:
            continue
        assessed[field.name] = _labelled(
            field.name, getattr(maps, field.name), probability, counted, valid
        )
    kept = {name: cube.attrs[name] for name in PROVENANCE if name in cube.attrs}
    described = {"Conventions": "CF-1.11", "assemblage": _described(assemblage, threshold)}
    return xr.Dataset(assessed, attrs=kept | described)


def count_quantiles(
    cube: xr.Dataset | xr.DataArray,
    traits: Traits | Lists,
    levels: Sequence[float] = (0.025, 0.975),
) -> xr.DataArray:
    """Exact quantiles of the number of member species present (paper 1, section 3).

    The work grows with the square of the number of member species: ask for a region, or for short
    lists. All species of a cell are needed together, so a Dask-backed cube is cut anew along
    species.

    Args:
        cube: as `assess` takes it.
        traits: as `assess` takes it.
        levels: 0 to 1 each.

    Returns:
        ``(quantile, indicator, y, x)`` float32, species; NaN where not valid or where the list is
        not known.
    """
    probability = _probability(cube)
    counted = _counted(traits, probability)
    valid = _valid(cube, probability)
    if probability.chunks is not None:
        probability = probability.chunk({"species": -1})

    def of_members(block: NDArray[Any]) -> NDArray[np.float32]:
        """Quantiles (..., quantile, indicator) of a block (..., species)."""
        fractions = np.moveaxis(_fractions(block), -1, 0)
        rows = [[quantile(fractions[row], level) for row in counted.members] for level in levels]
        return np.moveaxis(np.array(rows, dtype=np.float32), (0, 1), (-2, -1))

    found = xr.apply_ufunc(
        of_members,
        probability,
        input_core_dims=[["species"]],
        output_core_dims=[["quantile", "indicator"]],
        dask="parallelized",
        output_dtypes=[np.float32],
        dask_gufunc_kwargs={
            "output_sizes": {"quantile": len(levels), "indicator": len(counted.names)}
        },
    )
    known = xr.DataArray(counted.known, dims="indicator")
    labelled = found.assign_coords(quantile=list(levels), indicator=list(counted.names)).where(
        valid & known
    )
    labelled.attrs = {"long_name": "quantile of the number of species present", "units": "1"}
    return labelled.transpose("quantile", "indicator", ...).rename("quantiles")


def _probability(cube: xr.Dataset | xr.DataArray) -> xr.DataArray:
    """The probabilities, species first.

    Raises:
        InputError: There are none.
    """
    found = cube.get("probability") if isinstance(cube, xr.Dataset) else cube
    if found is None or "species" not in found.dims:
        raise InputError(
            f"The cube has no variable probability(species, y, x); it has {list(cube.sizes)} as "
            "dims. "
            "Open species.zarr, or give a DataArray with the dim species."
        )
    if found.dtype.kind not in "uf" or (found.dtype.kind == "u" and found.dtype != np.uint8):
        raise InputError(
            f"Probabilities of type {found.dtype} cannot be read; expected uint8 in {PARTS} "
            "parts or a float "
            "type from 0 to 1. Open the cube with biomap_xr.cubes.open_cube."
        )
    return found.transpose("species", ...)


def _counted(traits: Traits | Lists, probability: xr.DataArray) -> _Counted:
    """The members of each indicator among the species of a cube."""
    if not isinstance(traits, Traits):
        if not traits:
            raise InputError("No list of species was given; give one, such as {'mine': [...]}.")
        members = np.stack([_listed(name, wanted, probability) for name, wanted in traits.items()])
        return _Counted(tuple(traits), members, np.ones(len(members), dtype=bool), None)
    selected = (
        traits.select(probability["species_id"].to_numpy())
        if "species_id" in probability.coords
        else traits
    )
    if len(selected.table) != probability.sizes["species"]:
        raise InputError(
            f"The traits are of {len(selected.table)} species and the cube has "
            f"{probability.sizes['species']}, "
            "without species_id to join them by. Select the species of the cube, or keep its "
            "coordinate species_id."
        )
    return _Counted(
        tuple(INDICATORS), selected.members(), selected.is_known(), selected.status_code
    )


def _listed(
    name: str, wanted: Sequence[str] | Sequence[int], probability: xr.DataArray
) -> NDArray[np.bool_]:
    """``(species,)`` bool: the species that a person listed by name or by id.

    Raises:
        InputError: The cube does not hold one of them.
    """
    if not len(wanted):
        raise InputError(f"The list {name!r} is empty; give species by names or by ids.")
    by_name = any(isinstance(one, str) for one in wanted)
    column = "species" if by_name else "species_id"
    if column not in probability.coords:
        raise InputError(
            f"The list {name!r} gives species by {column}, but the cube has no coordinate "
            f"{column}; it has "
            f"{list(probability.coords)}. List them the other way."
        )
    held = [_form(one) for one in probability[column].to_numpy().tolist()]
    forms = {_form(one): one for one in wanted}
    missing = [one for form, one in forms.items() if form not in set(held)]
    if missing:
        others = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise InputError(
            f"The list {name!r} holds {missing[0]!r}{others}, which the cube has not. "
            f"Expected values of its coordinate {column}; take them out of the list."
        )
    return np.array([form in forms for form in held], dtype=bool)


def _form(one: str | int) -> str | int:
    """A name in canonical form, where it has one; an id as it is."""
    return parse(one).full or one if isinstance(one, str) else one


def _one_for_all(cube: xr.Dataset | xr.DataArray) -> float:
    if _ONE_FOR_ALL not in cube.attrs:
        raise InputError(
            f"The cube has no attribute {_ONE_FOR_ALL}; it has {list(cube.attrs)}. Give the opened "
            "cube itself and not one of its variables, or threshold=, one for all species."
        )
    return float(cube.attrs[_ONE_FOR_ALL])


def _thresholds(
    probability: xr.DataArray, assemblage: str, threshold: float | Sequence[float] | None
) -> NDArray[np.float64]:
    """``(species,)`` probability from which each species counts as present.

    Raises:
        InputError: The cube has no thresholds and none are given.
    """
    species = probability.sizes["species"]
    if threshold is not None:
        return np.broadcast_to(np.asarray(threshold, dtype=np.float64), (species,))
    name = _THRESHOLDS[assemblage]
    if name not in probability.coords:
        raise InputError(
            f"The cube has no coordinate {name}; it has {list(probability.coords)}. "
            "Give threshold=, one for all species or one each."
        )
    return probability[name].to_numpy().astype(np.float64)


def _joined(data: Any) -> Any:
    """Join Dask chunks of single species: every chunk costs a task for each formula."""
    if not is_dask_array(data) or max(data.chunks[0]) >= JOINED:
        return data
    return data.rechunk({0: JOINED})


def _fractions(data: Any) -> Any:
    """Probabilities 0 to 1 as float32 of stored parts, or floats as they are."""
    if data.dtype != np.uint8:
        return data
    xp = array_namespace(data)
    return xp.astype(data, xp.float32) / PARTS


def _present(data: Any, threshold: NDArray[np.float64]) -> Any:
    """``(species, ...)`` bool of the assemblage; thresholds are rounded as the probabilities are.

    Rounding keeps the order, so no species of the unrounded assemblage is lost, and at most one
    level is gained. A species without a threshold (NaN) is never present.
    """
    limits = np.where(np.isnan(threshold), np.inf, threshold)
    if data.dtype == np.uint8:
        limits = np.maximum(np.rint(limits * PARTS), 1)
    shaped = formulas.like(
        limits.astype(np.float32 if data.dtype != np.float64 else np.float64), data
    )
    return data >= array_namespace(data).reshape(shaped, (-1, *(1 for _ in data.shape[1:])))


def _valid(cube: xr.Dataset | xr.DataArray, probability: xr.DataArray) -> xr.DataArray:
    """``(y, x)`` bool: where there is a prediction."""
    if isinstance(cube, xr.Dataset) and "valid" in cube:
        return cube["valid"] == 1
    if probability.dtype.kind == "f":
        return probability.notnull().all("species")
    everywhere = xr.ones_like(probability.isel(species=0, drop=True), dtype=bool)
    return everywhere.drop_vars(
        [
            name
            for name in everywhere.coords
            if name not in everywhere.dims and name != "spatial_ref"
        ]
    )


def _labelled(
    variable: str, data: Any, probability: xr.DataArray, counted: _Counted, valid: xr.DataArray
) -> xr.DataArray:
    """One variable with its dims, coordinates and attributes, masked where not valid."""
    cell_dims = probability.dims[1:]
    coordinates: dict[Any, Any] = {
        name: coordinate
        for name, coordinate in probability.coords.items()
        if "species" not in coordinate.dims and (set(coordinate.dims) <= set(cell_dims))
    }
    first: tuple[str, ...] = ()
    if variable == "status_any":
        first, coordinates["status"] = ("status",), list(STATUSES)
    elif variable != "most_threatened":
        first, coordinates["indicator"] = ("indicator",), list(counted.names)
        coordinates["members"] = ("indicator", counted.members.sum(axis=1, dtype=np.int32))
    labelled = xr.DataArray(
        data, dims=(*first, *cell_dims), coords=coordinates, attrs=attributes(variable)
    )
    mask = valid
    if "indicator" in first:
        mask = valid & xr.DataArray(
            counted.known, dims="indicator", coords={"indicator": list(counted.names)}
        )
    fill = np.float32(np.nan) if labelled.dtype.kind == "f" else labelled.dtype.type(NOT_VALID)
    masked = labelled.where(mask, fill).transpose(*first, *cell_dims)
    masked.attrs = labelled.attrs | (
        {"grid_mapping": "spatial_ref"} if "spatial_ref" in coordinates else {}
    )
    return masked


def _described(assemblage: str, threshold: float | Sequence[float] | None) -> str:
    """The assemblage that was counted, in words."""
    return f"{assemblage} thresholds" if threshold is None else "thresholds given by hand"
