"""Tiny rules by hand, and the folder of the published tables."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from tiny_rules import LINES, MODELS

from biomap_xr.habitats.rules.crosswalk import crosswalk_of
from biomap_xr.habitats.rules.settings import CrosswalkSettings


@pytest.fixture
def models():
    return MODELS


@pytest.fixture
def crosswalk():
    codes = [code for each in MODELS.values() for code in each]
    return crosswalk_of(LINES, [*codes, "U4", "V54", "U12"])


@pytest.fixture
def settings():
    return CrosswalkSettings(table="crosswalk.csv", missing=(255,))


@pytest.fixture
def tables():
    root = os.environ.get("BIOMAP_XR_DATA")
    if not root:
        pytest.skip("BIOMAP_XR_DATA does not name the folder of real data")
    return Path(root) / "eunis" / "paper2"


@pytest.fixture
def random():
    return np.random.default_rng(3)
