import numpy as np
import pytest

from biomap_xr.habitats.ensemble.features import Feature, FeatureTable
from biomap_xr.habitats.ensemble.learners.protocol import Problem, Rows


@pytest.fixture(scope="session")
def table():
    """Give five predictors of four types."""
    return FeatureTable(
        features=(
            Feature(name="bio01", unit="degC"),
            Feature(name="bio12"),
            Feature(name="cover", kind="frequency", reference=100),
            Feature(name="soil", kind="category"),
            Feature(name="aspect", kind="cyclic", reference=360),
        )
    )


@pytest.fixture(scope="session")
def rows():
    """Give 400 rows of four habitats told by temperature and soil; some values are missing."""
    generator = np.random.default_rng(0)
    soil = generator.choice([2, 3, 5, 8], 400)
    values = np.stack(
        [
            generator.normal(size=400),
            generator.normal(size=400),
            generator.uniform(0, 100, 400),
            soil,
            generator.uniform(0, 360, 400),
        ],
        axis=1,
    ).astype(np.float32)
    codes = np.array(["R11", "R1A", "R22", "R51"])[2 * (values[:, 0] > 0.8) + (soil > 4)]
    values[generator.random(values.shape) < 0.05] = np.nan
    return Rows(values, codes)


@pytest.fixture(scope="session")
def numbers():
    """Give prepared columns without categories or missing values, and three unequal classes."""
    generator = np.random.default_rng(1)
    columns = generator.normal(size=(240, 6)).astype(np.float32)
    labels = np.digitize(columns[:, 0] + 0.3 * columns[:, 1], [-1.2, 0.6])
    return Problem(columns, labels, 1.0 + (labels == 0), 3)
