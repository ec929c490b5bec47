import numpy as np
import pytest

from biomap_xr.errors import CorruptError, InputError
from biomap_xr.habitats.ensemble.fits import Fits, Observations, Options
from biomap_xr.habitats.ensemble.learners import fitting
from biomap_xr.habitats.ensemble.learners.protocol import Means, Rows
from biomap_xr.habitats.ensemble.learners.settings import ForestSettings, XGBoostSettings

MEMBERS = {"rf": ForestSettings(trees=3), "xgb": XGBoostSettings(rounds=3, max_depth=2)}


@pytest.fixture
def fits(tmp_path, observations, plots_table):
    def make(members=MEMBERS, options=None, rows=None, folder=tmp_path):
        data = Observations(rows or observations.rows, observations.folds)
        return Fits(data, plots_table, members, options or Options(), folder)

    return make


@pytest.fixture
def counted(monkeypatch):
    """Count fits."""
    names = []

    def fit(name, *rest, **named):
        names.append(name)
        return fitting.fit_learner(name, *rest, **named)

    monkeypatch.setattr("biomap_xr.habitats.ensemble.fits.fit_learner", fit)
    return names


def test_a_kept_fit_is_not_made_again(fits, counted, observations):
    first = fits().learner("xgb", (1,))
    again = fits().learner("xgb", (1,))
    assert counted == ["xgb"]
    values = observations.rows.values[:50]
    np.testing.assert_array_equal(first.predict_proba(values), again.predict_proba(values))


def test_other_data_or_settings_are_fitted_anew(fits, counted, observations):
    fits().learner("rf", (0,))
    fits(options=Options(means=Means(seed=1))).learner("rf", (0,))
    values = observations.rows.values.copy()
    values[0, 0] += 1
    fits(rows=Rows(values, observations.rows.codes)).learner("rf", (0,))
    fits({"rf": ForestSettings(trees=4)}).learner("rf", (0,))
    assert len(counted) == 4
    fits({"rf": ForestSettings(trees=4)}).learner("rf", (0,))
    # Another number of threads gives the same learner.
    fits({"rf": ForestSettings(trees=4)}, Options(means=Means(threads=2))).learner("rf", (0,))
    assert len(counted) == 4


def test_in_memory_fits_are_made_once(fits, counted):
    without = fits(folder=None)
    assert without.learner("rf", (0,)) is without.learner("rf", (0,))
    assert counted == ["rf"]


def test_a_damaged_fit_is_said(fits, tmp_path):
    fits().learner("rf", (0,))
    (path,) = (tmp_path / "rf_0").glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptError, match="rf_0"):
        fits().learner("rf", (0,))


def test_left_out_folds_do_not_matter(fits, observations):
    codes = observations.rows.codes.copy()
    left_out = np.isin(observations.folds.fold, (0, 2))
    codes[left_out] = np.random.default_rng(0).permutation(codes[left_out])
    values = observations.rows.values[:80]
    for name in MEMBERS:
        one = fits(folder=None).learner(name, (0, 2))
        rows = Rows(observations.rows.values, codes)
        other = fits(folder=None, rows=rows).learner(name, (0, 2))
        np.testing.assert_array_equal(one.predict_proba(values), other.predict_proba(values))


def test_stopping_rows_are_whole_blocks_of_classes_that_train(fits, observations):
    made = fits()
    codes = observations.rows.codes.copy().astype("U3")
    unit = observations.folds.unit
    # A class of one single block is lost when that block is set aside; its rows train instead.
    aside = made._stopping(observations.rows, unit)
    lone = np.unique(unit[aside])[0]
    codes[(unit == lone) & aside] = "R5A"
    again = made._stopping(Rows(observations.rows.values, codes), unit)
    assert set(codes[again]) <= set(codes[~again])
    assert 0.02 < aside.mean() < 0.25
    assert not set(unit[aside]) & set(unit[~aside])


def test_rows_and_folds_that_do_not_fit(observations):
    with pytest.raises(InputError, match="400 observations"):
        Observations(observations.rows.select(np.arange(7)), observations.folds)
