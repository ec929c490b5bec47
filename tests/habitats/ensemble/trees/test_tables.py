import numpy as np
import pytest

from biomap_xr.habitats.ensemble.features import Feature, FeatureTable
from biomap_xr.habitats.ensemble.learners.fitting import fit_learner, learner_from_files
from biomap_xr.habitats.ensemble.learners.protocol import Rows
from biomap_xr.habitats.ensemble.learners.settings import (
    CatBoostSettings,
    ForestSettings,
    LightGBMSettings,
    XGBoostSettings,
)
from biomap_xr.habitats.ensemble.trees.tables import table_of

TABLE = FeatureTable(
    features=(
        Feature(name="bio01"),
        Feature(name="aspect", kind="cyclic", reference=360),
        Feature(name="soil", kind="category"),
    )
)


def drawn(count, seed):
    rng = np.random.default_rng(seed)
    values = np.stack(
        [rng.normal(size=count), rng.uniform(0, 360, count), rng.choice([2, 3, 5, 8, 11], count)],
        axis=1,
    ).astype(np.float32)
    codes = np.array(["R11", "R1A", "R22", "R51"])[2 * (values[:, 0] > 0.5) + (values[:, 2] > 4)]
    values[rng.random(values.shape) < 0.1] = np.nan
    return Rows(values, codes)


@pytest.mark.parametrize(
    "settings",
    [
        ForestSettings(trees=10),
        XGBoostSettings(rounds=5, max_depth=4),
        LightGBMSettings(rounds=5, leaves=7),
    ],
    ids=lambda settings: settings.algorithm,
)
def test_a_learner_as_a_table_says_the_same_before_and_after_saving(settings):
    learner = fit_learner("any", settings, TABLE, drawn(400, 0))
    new = drawn(150, 1).values
    new[:5, 2] = [99, 2, 8, -3, 11]
    columns = learner.preparation.apply(new)
    for each in (learner, learner_from_files(learner.to_files())):
        table = table_of(each.algorithm, each.model)
        np.testing.assert_allclose(
            table.probabilities(columns), learner.predict_proba(new), atol=1e-6
        )


def test_catboost_evaluates_itself():
    assert table_of(CatBoostSettings().algorithm, object()) is None
