from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from tiny_run import SERIAL

from biomap_xr.covariates.cube import Covariates
from biomap_xr.cubes import open_cube
from biomap_xr.grid import Grid
from biomap_xr.habitats.eunis import at_level, number_of, roll_up
from biomap_xr.habitats.settings import AssemblageMapSettings
from biomap_xr.programs.by_species import HabitatPart, HabitatPass
from biomap_xr.programs.predicted import vocabulary_places
from biomap_xr.species.inference import embed_tile, species_blocks

assert SERIAL


@pytest.fixture(scope="module")
def cube(finished):
    return open_cube(finished.workspace.habitats, "by_species").load()


@pytest.fixture(scope="module")
def part(finished):
    places = vocabulary_places(finished.model.card.species, finished.habitats.card.species)
    folder = finished.workspace.models / "habitats" / "by_species" / "model"
    return HabitatPart(folder, "any", finished.workspace.habitats, places, AssemblageMapSettings())


def test_the_cube_has_the_documented_names_dims_and_types(finished):
    cube = open_cube(finished.workspace.habitats, "by_species")
    wanted = {
        "habitat": (("rank", "y", "x"), "uint16"),
        "confidence": (("rank", "y", "x"), "uint8"),
        "level2": (("y", "x"), "uint16"),
        "level1": (("y", "x"), "uint16"),
        "level2_confidence": (("y", "x"), "uint8"),
        "level1_confidence": (("y", "x"), "uint8"),
        "probability": (("eunis", "y", "x"), "uint8"),
    }
    assert {name: (cube[name].dims, str(cube[name].dtype)) for name in wanted} == wanted
    assert cube["eunis"].values.tolist() == list(finished.habitats.card.habitats)
    plain = xr.open_zarr(finished.workspace.habitats, group="by_species", decode_coords="all")
    assert plain.odc.crs.to_epsg() == 3035


def test_the_map_says_what_the_model_says_of_each_cells_ranking(finished, tiny, cube):
    """Cell by cell: the dense probabilities sorted, read by the plain model in float32."""
    grid = Grid.from_settings(tiny.grid)
    covariates = Covariates.open(finished.workspace.covariates, grid)
    tile = next(iter(grid.tiles()))
    embedding = embed_tile(finished.model, covariates, tile, reach=tiny.grid.max_displacement)
    dense = torch.cat([block for _, block in species_blocks(finished.model, embedding, 7)]).numpy()
    places = vocabulary_places(finished.model.card.species, finished.habitats.card.species)
    known = np.flatnonzero(places >= 0)
    order = np.argsort(-dense[known], axis=0, kind="stable")[: finished.habitats.card.k]
    sentences = places[known][order].T.astype(np.int32)
    said = finished.habitats.predict_proba(sentences)
    window = tile.window
    mapped = cube.isel(y=window.rows, x=window.columns)
    valid = embedding.valid
    first = said.argmax(axis=1)
    numbers = np.array([number_of(code) for code in finished.habitats.card.habitats])
    same = mapped["habitat"].values[0][valid] == numbers[first]
    # Equal probabilities may be ordered either way by another product of matrices.
    assert same.mean() > 0.999
    percent = mapped["probability"].values[:, valid].astype(float)
    assert np.abs(percent - 100 * said.T).max() <= 2
    codes = finished.habitats.card.habitats
    classes, summed = roll_up(said.T, codes, 1)
    parent = np.array([classes.index(at_level(code, 1)) for code in codes])[first]
    sure = mapped["level1_confidence"].values[valid].astype(float)
    off = np.abs(sure - 100 * summed[parent, np.arange(len(parent))])
    assert (off <= 2).mean() > 0.999
    assert (mapped["habitat"].values[0][~valid] == 65535).all()
    assert (mapped["confidence"].values[:, ~valid] == 255).all()


def test_levels_are_always_the_parents_of_the_named_habitat(finished, cube):
    codes = finished.habitats.card.habitats
    habitat = cube["habitat"].values[0]
    for level in (1, 2):
        parents = {number_of(code): number_of(at_level(code, level)) for code in codes}
        expected = np.full(habitat.shape, 65535)
        for number, parent in parents.items():
            expected[habitat == number] = parent
        np.testing.assert_array_equal(cube[f"level{level}"].values, expected)
    assert cube.attrs["levels"] == "inferred"


def test_receipts_count_habitats_and_sentences(finished, cube):
    receipts = tuple(finished.workspace.ledger("maps").receipts())
    counted = np.sum([each.statistics["habitat_cells"] for each in receipts], axis=0)
    numbers = cube["habitat_number"].values
    assert counted.tolist() == [(cube["habitat"].values[0] == number).sum() for number in numbers]
    sentences = sum(each.statistics["sentences"] for each in receipts)
    assert sentences == (cube["habitat"].values[0] != 65535).sum()
    assert 0 < sum(each.statistics["distinct_sentences"] for each in receipts) <= sentences


def test_species_without_a_place_are_not_ranked(part):
    lacking = part.places.copy()
    lacking[::2] = -1
    random = torch.rand((len(lacking), 5), generator=torch.Generator().manual_seed(0))
    some = HabitatPass(replace(part, places=lacking), 5, "cpu")
    some.add(slice(0, 7), random[:7])
    some.add(slice(7, None), random[7:])
    whole = HabitatPass(part, 5, "cpu")
    # A species that is not there at all is ranked behind all others.
    whole.add(slice(0, None), torch.where(torch.tensor(lacking >= 0)[:, None], random, 0.0))
    k = min(whole.reader.k, int((lacking >= 0).sum()))
    np.testing.assert_array_equal(
        some.top.sentences().numpy()[:, :k], whole.top.sentences().numpy()[:, :k]
    )


def test_a_tile_of_water_has_no_habitat(part):
    nothing = HabitatPass(part, 0, "cpu")
    maps, statistics = nothing.maps(np.zeros((4, 4), bool))
    assert (maps["habitat"] == 65535).all()
    assert statistics["sentences"] == statistics["distinct_sentences"] == 0
