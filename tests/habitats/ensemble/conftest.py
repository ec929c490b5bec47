import numpy as np
import pytest

from biomap_xr.folds.blocks import block_folds
from biomap_xr.folds.settings import BlockSettings
from biomap_xr.grid import Points
from biomap_xr.habitats.ensemble.features import Feature, FeatureTable
from biomap_xr.habitats.ensemble.learners.protocol import Rows
from biomap_xr.habitats.ensemble.learners.settings import (
    ForestSettings,
    LightGBMSettings,
    PerceptronSettings,
    XGBoostSettings,
)
from biomap_xr.habitats.ensemble.training import Observations, Options, train_formation

CODES = np.array(["R11", "R1A", "R22", "R51"])


@pytest.fixture(scope="session")
def plots_table():
    """Two continuous predictors, a circle and a category."""
    return FeatureTable(
        features=(
            Feature(name="bio01", unit="degC"),
            Feature(name="bio12"),
            Feature(name="aspect", kind="cyclic", reference=360),
            Feature(name="soil", kind="category"),
        )
    )


@pytest.fixture(scope="session")
def observations():
    """400 plots of four habitats in 36 cells of 100 km, told by temperature and soil."""
    rng = np.random.default_rng(0)
    points = Points(4e6 + rng.uniform(0, 6e5, 400), 3e6 + rng.uniform(0, 6e5, 400))
    soil = rng.choice([2, 3, 5, 8], 400)
    values = np.stack(
        [rng.normal(size=400), rng.normal(size=400), rng.uniform(0, 360, 400), soil], axis=1
    ).astype(np.float32)
    label = 2 * (values[:, 0] + rng.normal(0, 0.4, 400) > 0.8) + (soil > 4)
    values[rng.random(values.shape) < 0.05] = np.nan
    folds = block_folds(points, label, 4, BlockSettings(folds=3))
    return Observations(Rows(values, CODES[label]), folds)


@pytest.fixture(scope="session")
def members():
    """One small learner of each library that is quick."""
    return {
        "wrf": ForestSettings(trees=8, max_depth=6),
        "wxgb": XGBoostSettings(rounds=4, max_depth=3),
        "lgbm": LightGBMSettings(rounds=4, leaves=5),
        "mlp": PerceptronSettings(architecture="shallow", epochs=3),
    }


@pytest.fixture(scope="session")
def trained(plots_table, observations, members):
    """Train them all in all folds, and let the best of each family vote."""
    return train_formation("R", observations, plots_table, members, Options())
