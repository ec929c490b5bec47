"""Writing the truth as a cube: a tile at a time, a block of species at a time."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biomap_xr.cubes import Coordinate, Cube, Variable, declare, write_block
from biomap_xr.grid import Tile
from biomap_xr.virtual.assemblage import Drawn
from biomap_xr.virtual.assignment import affinity_of, assigned
from biomap_xr.virtual.fields import Lattice
from biomap_xr.virtual.habitats import NO_HABITAT, SPECIES_BLOCK, Habitat
from biomap_xr.virtual.niches import Floats
from biomap_xr.virtual.rasters import pixels_of
from biomap_xr.virtual.truth import SETTINGS, Truth

SCALE = 65_536
"""Stored probabilities are the chance times this."""
CHUNK = {"species": 16, "y": 250, "x": 250}
DETAIL = 15
"""Bits of a float's mantissa that are rounded away: 9 significant ones stay."""
COLUMNS = {
    "species_id": "id in the tables of observations",
    "gbif_key": "key such as GBIF gives",
    "capture": "chance that a survey finds the species in a cell where it lives",
    "prevalence": "share of the land where the species lives",
    "habitat_code": "EUNIS code of the species' assemblage",
}


def write_maps(truth: Truth, threads: int) -> None:
    """Declare ``truth.zarr`` and write every tile of it, in threads."""
    declare(truth.store, declaration_of(truth))
    local = threading.local()

    def fill(tile: Tile) -> None:
        if not hasattr(local, "painter"):
            local.painter = TilePainter(truth, tile.shape)
        local.painter.paint(tile)

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(fill, truth.grid.tiles()):
            pass


def declaration_of(truth: Truth) -> Cube:
    """Return what the truth's cube holds.

    Probabilities are uint16 times 65,536 with 9 significant bits; presence is 0 or 1; water is 0 in
    both.
    """
    table = truth.table.rename(columns={"habitat": "habitat_code"})
    coordinates = {"species": Coordinate(("species",), table["species"].to_numpy(str))}
    for name, meaning in COLUMNS.items():
        values = table[name].to_numpy(str if name == "habitat_code" else None)
        coordinates[name] = Coordinate(("species",), values, {"long_name": meaning})
    skill = {f"macro_auc_{name}": value for name, value in truth.skill.items()}
    return Cube(
        group="",
        grid=truth.grid,
        variables=_variables(truth.assemblage.habitats),
        coordinates=coordinates,
        attributes={
            "title": "Truth of a simulated Europe",
            SETTINGS: truth.settings.model_dump_json(),
            **skill,
        },
    )


def _variables(habitats: tuple[Habitat, ...]) -> tuple[Variable, ...]:
    block, chunks = {"species": SPECIES_BLOCK}, CHUNK
    maps = ("species", "y", "x")
    chance = {"long_name": "probability of presence", "units": "1", "scale_factor": 1 / SCALE}
    codes = {
        "long_name": "EUNIS level-3 habitat",
        "flag_values": [one.number for one in habitats],
        "flag_meanings": " ".join(one.code for one in habitats),
    }
    counts = {
        "richness_cell": "expected number of species in the cell",
        "richness_plot": "expected number of species on a survey's plot in the cell",
    }
    return (
        Variable("probability", maps, "uint16", 0, chance, block, chunks),
        Variable("presence", maps, "uint8", 0, {"long_name": "presence"}, block, chunks),
        Variable("habitat", ("y", "x"), "uint16", NO_HABITAT, codes),
        Variable("land", ("y", "x"), "uint8", 0, {"long_name": "1 on land, 0 in water"}),
        Variable("richness", ("y", "x"), "uint16", 0, {"long_name": "number of species present"}),
        *(
            Variable(name, ("y", "x"), "float32", 0, {"long_name": text, "units": "1"})
            for name, text in counts.items()
        ),
    )


class TilePainter:
    """Writes tiles one after the other in arrays that it keeps, since fresh memory is slow."""

    def __init__(self, truth: Truth, shape: tuple[int, int]) -> None:
        block = min(SPECIES_BLOCK, truth.settings.species)
        self._truth, self._shape = truth, shape
        self._drawn = Drawn.empty(block, shape[0] * shape[1])
        self._coded = np.empty(self._drawn.probability.shape, np.uint16)

    def paint(self, tile: Tile) -> None:
        """Compute and write all maps of one tile."""
        truth, window = self._truth, tile.window
        centres = pixels_of(truth.grid.geobox, window.rows, window.columns)
        land = truth.assemblage.world.terrain.at(centres).land.ravel()
        # A tile without land stays what the declaration fills it with.
        if not land.any():
            return
        origin = {"y": window.rows.start, "x": window.columns.start}
        sums = self._paint_species(centres, land, origin)
        for name, values in sums.items():
            self._write(name, values.reshape(self._shape), origin)

    def _paint_species(
        self, centres: Lattice, land: NDArray[np.bool_], origin: Mapping[str, int]
    ) -> dict[str, NDArray[Any]]:
        """Write probability and presence by blocks; return maps ``(cells,)`` of all species."""
        truth = self._truth
        features = truth.assemblage.features(centres)
        affinity = affinity_of(truth.assemblage, len(land))
        cell, plot = np.zeros(len(land), np.float32), np.zeros(len(land), np.float32)
        count = np.zeros(len(land), np.uint16)
        for start in range(0, truth.settings.species, SPECIES_BLOCK):
            species = slice(start, min(start + SPECIES_BLOCK, truth.settings.species))
            size = species.stop - species.start
            into = Drawn(self._drawn.probability[:size], self._drawn.present[:size])
            drawn = self._truth.assemblage.draw(centres, features, species, into)
            np.multiply(drawn.probability, land, out=drawn.probability)
            np.multiply(drawn.present, land, out=drawn.present)
            cell += drawn.probability.sum(axis=0)
            plot += truth.capture[species] @ drawn.probability
            count += drawn.present.sum(axis=0, dtype=np.uint16)
            affinity.add(drawn.probability, species)
            place = {**origin, "species": start}
            coded = self._coded[: len(drawn.probability)]
            # A chance of one would be 65,536: it is stored as the largest number below.
            np.multiply(
                rounded(drawn.probability), SCALE, out=coded, casting="unsafe", dtype=np.float32
            )
            self._write("probability", coded.reshape(-1, *self._shape), place)
            self._write("presence", drawn.present.reshape(-1, *self._shape), place)
        numbers = assigned(truth.assemblage, centres, affinity)
        habitat = np.where(land, numbers, NO_HABITAT).astype(np.uint16)
        return {
            "habitat": habitat,
            "land": land.astype(np.uint8),
            "richness": count,
            "richness_cell": cell,
            "richness_plot": plot,
        }

    def _write(self, name: str, values: NDArray[Any], origin: Mapping[str, int]) -> None:
        write_block(self._truth.store, "", name, values, origin)


def rounded(probability: Floats) -> Floats:
    """Return probabilities of any shape with 9 significant bits, below one.

    >>> rounded(np.array([0.1, 1.0], np.float32)).tolist()
    [0.10009765625, 0.9990234375]
    """
    bits = probability.view(np.uint32)
    half = np.uint32(1 << (DETAIL - 1))
    kept = ((bits + half) & np.uint32(0xFFFFFFFF << DETAIL & 0xFFFFFFFF)).view(np.float32)
    return np.minimum(kept, np.float32(1 - 2.0**-10))
