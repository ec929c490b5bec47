"""One small species cube with its traits, for every test of the indicators."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from biomap_xr.indicators.traits import Traits

SPECIES = (
    "Quercus robur",
    "Iris sibirica",
    "Heracleum mantegazzianum",
    "Orchis mascula",
    "Poa annua",
    "Acer campestre",
    "Gentiana lutea",
)
STATUS = ("LC", "VU", "LC", "EN", "unknown", "NT", "CR")
CODES = {"unknown": 2, "LC": 3, "NT": 4, "VU": 5, "EN": 6, "CR": 7}


@pytest.fixture
def traits() -> Traits:
    """Seven species with every trait known."""
    table = pd.DataFrame(
        {
            "species_id": np.arange(len(SPECIES), dtype=np.int64) * 10,
            "species": SPECIES,
            "eu_directive": [False, False, False, False, False, False, True],
            "woody": [True, False, False, False, False, True, False],
            "invasive": [False, False, True, False, False, False, False],
            "specialist": [False, True, False, False, False, False, False],
            "status": STATUS,
            "status_inferred": False,
            "threatened": [status in {"VU", "EN", "CR"} for status in STATUS],
            "status_code": np.array([CODES[status] for status in STATUS], dtype=np.uint8),
        }
    )
    known = frozenset({"eu_directive", "woody", "invasive", "specialist", "threatened"})
    return Traits(table, known)


@pytest.fixture
def cube() -> xr.Dataset:
    """A species cube of 7 species on 6 x 5 cells with one invalid corner, as `species.zarr` holds
    it."""
    draw = np.random.default_rng(7)
    probability = np.rint(250 * draw.beta(0.3, 1.0, (len(SPECIES), 6, 5))).astype(np.uint8)
    valid = np.ones((6, 5), dtype=np.uint8)
    valid[:2, :2] = 0
    probability[:, valid == 0] = 0
    return xr.Dataset(
        {
            "probability": (("species", "y", "x"), probability),
            "valid": (("y", "x"), valid),
            "displacement": (("y", "x"), np.zeros((6, 5), dtype=np.float32)),
        },
        coords={
            "species": list(SPECIES),
            "species_id": ("species", np.arange(len(SPECIES), dtype=np.int64) * 10),
            "threshold_conformal": ("species", np.full(len(SPECIES), 0.2)),
            "threshold_f": ("species", np.full(len(SPECIES), 0.5)),
            "y": 2_800_000.0 - 50.0 * np.arange(6),
            "x": 4_000_000.0 + 50.0 * np.arange(5),
            "spatial_ref": 0,
        },
    )
