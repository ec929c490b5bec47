"""The rules for analysts: steps 2 to 4 on labelled maps, evaluated by Dask chunk by chunk.

A crosswalk of one's own, another land cover on the same grid, or a region of a cube: the arrays
behind are those of `regional`, `landcover` and `priority`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.cube import CLASS, RANKS
from biomap_xr.habitats.rules import landcover, priority, regional
from biomap_xr.habitats.rules.landcover import CoverTable, Ranked
from biomap_xr.habitats.rules.priority import RULES, PriorityTable
from biomap_xr.habitats.rules.regional import RegionTable

RANK = "rank"
NUMBERED = {"long_name": "EUNIS habitat, number as in the legend", "units": "1"}
SURE = {"long_name": "probability of the habitat", "units": "percent", "valid_range": [0, 100]}
DECIDED = {
    "long_name": "rule that decided the cell",
    "flag_values": list(RULES.values()),
    "flag_meanings": " ".join(RULES),
}


def filter_regions(
    probability: xr.DataArray, region: xr.DataArray, table: RegionTable
) -> xr.DataArray:
    """Step 2 on maps.

    Args:
        probability: ``(eunis, y, x)`` of one formation, as in the cube; Dask-backed or in memory.
        region: ``(y, x)`` codes on the same cells.
        table: Of the same classes.

    Returns:
        ``(eunis, y, x)``, lazily where the probabilities are.

    Raises:
        InputError: Grids or classes differ; an unknown code is met when values are computed.
    """
    _check(probability, region, table.codes)

    def of_block(block: NDArray[Any], codes: NDArray[Any]) -> NDArray[Any]:
        kept = regional.filter_regions(np.moveaxis(block, -1, 0), codes, table)
        return np.moveaxis(kept, 0, -1)

    kept = xr.apply_ufunc(
        of_block,
        _whole(probability),
        region,
        input_core_dims=[[CLASS], []],
        output_core_dims=[[CLASS]],
        dask="parallelized",
        output_dtypes=[probability.dtype],
        keep_attrs="override",
    )
    classes = {name: each for name, each in probability.coords.items() if CLASS in each.dims}
    return kept.transpose(CLASS, ...).assign_coords(classes)


def top_habitats(
    probability: xr.DataArray, land_cover: xr.DataArray, table: CoverTable
) -> xr.Dataset:
    """Step 3 on maps.

    Args:
        probability: ``(eunis, y, x)`` of one formation behind step 2.
        land_cover: ``(y, x)`` codes on the same cells.
        table: Of the same classes.

    Returns:
        ``habitat`` ``(rank, y, x)`` uint16 and ``confidence`` ``(rank, y, x)`` uint8, percent.

    Raises:
        InputError: Grids or classes differ; an unknown code is met when values are computed.
    """
    _check(probability, land_cover, table.codes)

    def of_block(block: NDArray[Any], codes: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        ranked = landcover.top_habitats(np.moveaxis(block, -1, 0), codes, table)
        return np.moveaxis(ranked.habitat, 0, -1), np.moveaxis(ranked.confidence, 0, -1)

    habitat, confidence = xr.apply_ufunc(
        of_block,
        _whole(probability),
        land_cover,
        input_core_dims=[[CLASS], []],
        output_core_dims=[[RANK], [RANK]],
        dask="parallelized",
        output_dtypes=[np.uint16, np.uint8],
        dask_gufunc_kwargs={"output_sizes": {RANK: RANKS}},
    )
    return _dataset({"habitat": (habitat, NUMBERED), "confidence": (confidence, SURE)})


def wall_to_wall(
    ranked: Mapping[str, xr.Dataset], land_cover: xr.DataArray, table: PriorityTable
) -> xr.Dataset:
    """Step 4 on maps.

    Args:
        ranked: Of `top_habitats`, by formation.
        land_cover: ``(y, x)`` codes on the same cells.
        table: Of the crosswalk and the models.

    Returns:
        ``habitat`` ``(rank, y, x)`` uint16, ``confidence`` ``(rank, y, x)`` uint8 in percent and
        ``rule`` ``(y, x)`` uint8, one of `RULES`.

    Raises:
        InputError: Grids differ; an unknown code is met when values are computed.
    """
    maps = [each[name] for each in ranked.values() for name in ("habitat", "confidence")]
    for each in maps:
        _check_grid(each, land_cover)

    def of_block(codes: NDArray[Any], *blocks: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        # `apply_ufunc` puts core dims last; the rules have them first.
        first = [np.moveaxis(block, -1, 0) for block in blocks]
        pairs = zip(ranked, first[::2], first[1::2], strict=True)
        found = priority.wall_to_wall(
            {formation: Ranked(habitat, sure) for formation, habitat, sure in pairs}, codes, table
        )
        return np.moveaxis(found.habitat, 0, -1), np.moveaxis(found.confidence, 0, -1), found.rule

    habitat, confidence, rule = xr.apply_ufunc(
        of_block,
        land_cover,
        *(_bare(each).chunk({RANK: -1}) if each.chunks else _bare(each) for each in maps),
        input_core_dims=[[], *([RANK] for _ in maps)],
        output_core_dims=[[RANK], [RANK], []],
        dask="parallelized",
        output_dtypes=[np.uint16, np.uint8, np.uint8],
        dask_gufunc_kwargs={"output_sizes": {RANK: RANKS}},
    )
    return _dataset(
        {"habitat": (habitat, NUMBERED), "confidence": (confidence, SURE), "rule": (rule, DECIDED)}
    )


def _whole(probability: xr.DataArray) -> xr.DataArray:
    """Probabilities whose chunks hold all classes, without coordinates along them."""
    # xarray hands coordinates along the class dim to results that have no such dim.
    bare = probability.drop_vars(
        [name for name, each in probability.coords.items() if CLASS in each.dims or name == RANK]
    )
    return bare if bare.chunks is None else bare.chunk({CLASS: -1})


def _bare(ranked: xr.DataArray) -> xr.DataArray:
    return ranked.drop_vars([name for name in (RANK,) if name in ranked.coords])


def _check(probability: xr.DataArray, codes: xr.DataArray, classes: tuple[str, ...]) -> None:
    """Check that classes and grids fit.

    Raises:
        InputError: They do not.
    """
    if CLASS not in probability.dims or probability.sizes[CLASS] != len(classes):
        raise InputError(
            f"probabilities have the dims {dict(probability.sizes)}; expected {CLASS} of "
            f"{len(classes)} classes: give those of the formation that the rules are for"
        )
    named = probability.coords.get(CLASS)
    if named is not None and tuple(named.to_numpy().tolist()) != classes:
        raise InputError(
            f"probabilities are of {named.to_numpy().tolist()[:5]}..., the rules of "
            f"{list(classes[:5])}...; expected the same classes in one order"
        )
    _check_grid(probability, codes)


def _check_grid(maps: xr.DataArray, codes: xr.DataArray) -> None:
    """Check that codes lie on the same cells.

    Raises:
        InputError: They do not.
    """
    # Joined by position, a shifted layer would give a map that looks right.
    for dim in codes.dims:
        ours, theirs = maps.coords.get(dim), codes.coords.get(dim)
        same = maps.sizes.get(dim) == codes.sizes[dim]
        if same and ours is not None and theirs is not None:
            same = np.array_equal(ours.to_numpy(), theirs.to_numpy())
        if not same:
            raise InputError(
                f"the layer {codes.name} is misaligned along {dim}: {_extent(codes, dim)}, the map "
                f"has {_extent(maps, dim)}; expected the same cells: bring the layer onto the grid "
                "of the map"
            )


def _extent(maps: xr.DataArray, dim: Any) -> str:
    size = maps.sizes.get(dim, 0)
    values = maps.coords.get(dim)
    if values is None or not size:
        return f"{size} cells"
    return f"{size} cells from {values.to_numpy()[0]} to {values.to_numpy()[-1]}"


def _dataset(variables: Mapping[str, tuple[xr.DataArray, Mapping[str, Any]]]) -> xr.Dataset:
    dataset = xr.Dataset(
        {
            name: (values.transpose(RANK, ...) if RANK in values.dims else values).assign_attrs(
                **attributes
            )
            for name, (values, attributes) in variables.items()
        }
    )
    return dataset.assign_coords({RANK: np.arange(1, RANKS + 1, dtype=np.uint8)})
