"""A small store of habitat cubes: two formations, the final map and the map by species."""

import numpy as np
import pytest

from biomap_xr.cubes import declare, write_block
from biomap_xr.grid import Extent, Grid, GridSettings
from biomap_xr.habitats.cube import by_environment_cube, by_species_cube, wall_to_wall_cube
from biomap_xr.habitats.eunis import number_of
from biomap_xr.habitats.legend import legend_of
from biomap_xr.habitats.rules.priority import RULES
from biomap_xr.products.product import Product
from biomap_xr.products.settings import RasterSettings
from biomap_xr.products.write import ProductProgram

CODES = {"R": ("R11", "R22"), "T": ("T11", "T17", "T31")}
ALL = [*CODES["R"], *CODES["T"], "U4"]
ATTRIBUTES = {"license": "CC-BY-4.0", "software": "biomap_xr 0.1.0"}


@pytest.fixture(scope="session")
def grid():
    extent = Extent(x_min=4_000_000, y_min=2_800_000, x_max=4_075_000, y_max=2_850_000)
    return Grid.from_settings(GridSettings(resolution=250, extent=extent))


@pytest.fixture(scope="session")
def legend():
    return legend_of(ALL, {"T17": "Fagus forest on non-acid soils", "R22": "Hay & meadow"})


@pytest.fixture(scope="session")
def maps(grid):
    """All values of the store by group and variable; the western tiles are open sea."""
    random = np.random.default_rng(5)
    values = {
        f"by_environment/{name}": of_group(random, grid, codes) for name, codes in CODES.items()
    }
    final = {
        name: part for name, part in of_group(random, grid, ALL).items() if name != "probability"
    }
    final["habitat"][:, :, : grid.tile_cells] = 65_535
    final["habitat"][0, :50, :80] = 100
    final["rule"] = random.choice(list(RULES.values()), grid.shape).astype(np.uint8)
    species = of_group(random, grid, CODES["T"])
    species["level1"] = np.where(species["habitat"][0] == 65_535, 65_535, 7000).astype(np.uint16)
    species["level2"] = np.where(species["habitat"][0] == 65_535, 65_535, 7100).astype(np.uint16)
    return {**values, "wall_to_wall": final, "by_species": species}


def of_group(random, grid, codes):
    probability = random.integers(0, 101, (len(codes), *grid.shape)).astype(np.uint8)
    numbers = np.array([*(number_of(code) for code in codes), 65_535], np.uint16)
    habitat = numbers[random.integers(0, len(numbers), (3, *grid.shape))]
    confidence = np.where(habitat == 65_535, 255, random.integers(0, 101, habitat.shape)).astype(
        np.uint8
    )
    for part, fill in ((probability, 255), (habitat, 65_535), (confidence, 255)):
        part[:, :, : grid.tile_cells] = fill
    return {"probability": probability, "habitat": habitat, "confidence": confidence}


@pytest.fixture(scope="session")
def store(tmp_path_factory, grid, maps):
    path = tmp_path_factory.mktemp("store") / "habitats.zarr"
    cubes = [
        by_species_cube(grid, CODES["T"], ATTRIBUTES, probabilities=True),
        *(by_environment_cube(grid, name, codes, ATTRIBUTES) for name, codes in CODES.items()),
        wall_to_wall_cube(grid, ALL, RULES, ATTRIBUTES),
    ]
    for cube in cubes:
        declare(path, cube)
        for name, values in maps[cube.group].items():
            write_block(path, cube.group, name, values, {})
    return path


@pytest.fixture
def write(store, grid):
    """Write planned products here, one after the other; return them by path."""

    def write(planned, folder, settings=None):
        planned.check(store, grid)
        planned.sweep(folder)
        program = ProductProgram(folder, store, folder, grid, settings or RasterSettings())
        shards = [each for file in planned.files for each in program(file.task(None)).shards]
        made = (Product(each.path, each.size, each.sha256) for each in shards)
        return sorted((*made, *planned.write_texts(folder)), key=lambda each: each.path)

    return write
