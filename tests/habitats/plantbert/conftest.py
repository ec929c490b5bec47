import sys
from pathlib import Path

import pytest

# With importmode=importlib, pytest does not make a module beside the tests importable.
sys.path.insert(0, str(Path(__file__).parent))

from tiny_model import tiny_model

from biomap_xr.habitats.plantbert.model import HabitatModel


@pytest.fixture
def model() -> HabitatModel:
    return tiny_model()
