import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.features import Feature, FeatureTable
from biomap_xr.habitats.ensemble.preprocessing import IMPUTED, Preparation

TABLE = FeatureTable(
    features=(
        Feature(name="bio01"),
        Feature(name="soil", kind="category"),
        Feature(name="frost", kind="days", reference=365),
        Feature(name="cover", kind="frequency", reference=100),
        Feature(name="aspect", kind="cyclic", reference=360),
    )
)
NAN = np.nan
TRAINING = np.array(
    [[1, 3, 73, 10, 0], [3, 7, 146, 30, 90], [5, 3, 0, 20, 180], [NAN, 7, 365, NAN, NAN]],
    np.float32,
)
STYLES = ("forest", "perceptron", "embedding", "xgboost", "lightgbm", "catboost")


def fitted(style):
    return Preparation.fit(style, TABLE, TRAINING)


def test_days_frequencies_and_circles_by_hand():
    columns = fitted("xgboost").apply(TRAINING[:2])
    np.testing.assert_allclose(
        columns[:, :5], [[1, 0.2, 0.1, 1, 0], [3, 0.4, 0.3, 0, 1]], atol=1e-7
    )
    assert fitted("xgboost").names == (
        *("bio01", "frost", "cover", "cos aspect", "sin aspect", "soil"),
    )


def test_z_scores_are_those_of_scikit_learn():
    columns = fitted("perceptron").apply(TRAINING[:3])
    expected = StandardScaler().fit(TRAINING[:, :1]).transform(TRAINING[:3, :1])
    np.testing.assert_allclose(columns[:, :1], expected, rtol=1e-6)


def test_trees_have_continuous_values_as_they_are():
    assert fitted("forest").apply(TRAINING[:3])[:, 0].tolist() == [1, 3, 5]


def test_missing_values_become_medians_of_scikit_learn():
    columns = fitted("forest").apply(TRAINING)
    complete = fitted("xgboost").apply(TRAINING)[:, :5]
    np.testing.assert_allclose(
        columns[:, :5], SimpleImputer(strategy="median").fit_transform(complete), rtol=1e-6
    )


def test_boosting_has_missing_values_as_they_are():
    for style in ("xgboost", "lightgbm", "catboost"):
        assert np.isnan(fitted(style).apply(TRAINING)[3]).tolist() == [
            *(True, False, True, True, True, False)
        ]


def test_one_hot_is_that_of_scikit_learn_and_unseen_is_no_column():
    values = np.array([[1, 7, 1, 1, 1], [1, 5, 1, 1, 1], [1, NAN, 1, 1, 1]], np.float32)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(TRAINING[:, 1:2])
    expected = encoder.transform(values[:2, 1:2])
    for style in ("forest", "perceptron"):
        columns = fitted(style).apply(values)[:, 5:]
        assert columns[:2].tolist() == expected.tolist() == [[0, 1], [0, 0]]
        assert columns[2].tolist() == [0, 0]
    assert fitted("forest").names[-2:] == ("soil=3", "soil=7")


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("embedding", [1, 2, 0, 0, 0]),
        ("xgboost", [0, 1, NAN, NAN, NAN]),
        ("lightgbm", [0, 1, NAN, NAN, NAN]),
        ("catboost", [0, 1, -2, -2, -1]),
    ],
)
def test_rule_of_each_style_for_unseen_and_missing_categories(style, expected):
    values = np.array([[1, soil, 1, 1, 1] for soil in (3, 7, 5, 99, NAN)], np.float32)
    np.testing.assert_array_equal(fitted(style).apply(values)[:, -1], expected)


def test_missing_is_counted():
    values = np.array([[NAN, 5, 1, 1, NAN], [1, 3, 1, 1, NAN], [1, NAN, 1, 1, 1]], np.float32)
    assert fitted("forest").missing(values) == {"bio01": 1, "soil": 1, "aspect": 2}


def test_declared_categories_are_known_without_training_rows():
    table = FeatureTable(
        features=(Feature(name="a"), Feature(name="soil", kind="category", categories=(9, 3, 7)))
    )
    preparation = Preparation.fit("lightgbm", table, TRAINING[:3, :2])
    assert preparation.levels == {"soil": (3, 7, 9)}
    assert preparation.apply(np.array([[0, 9]], np.float32)).tolist() == [[0, 2]]


def test_training_rows_alone_are_fitted():
    before = fitted("perceptron")
    before.apply(TRAINING * 1000)
    assert before == fitted("perceptron")


@pytest.mark.parametrize("style", STYLES)
def test_json_and_back(style):
    again = Preparation.model_validate_json(fitted(style).model_dump_json())
    assert again == fitted(style)
    np.testing.assert_array_equal(again.apply(TRAINING), fitted(style).apply(TRAINING))


@pytest.mark.parametrize("style", STYLES)
def test_names_and_sizes_fit_the_columns(style):
    columns = fitted(style).apply(TRAINING)
    assert columns.dtype == np.float32
    assert columns.shape == (4, len(fitted(style).names))
    assert fitted(style).category_sizes == (() if style in ("forest", "perceptron") else (2,))


@given(
    arrays(
        np.float32,
        (6, 5),
        elements=st.one_of(st.floats(-1e6, 1e6, width=32), st.just(np.nan)),
    )
)
def test_imputed_styles_never_give_missing_values(values):
    for style in IMPUTED:
        assert np.isfinite(fitted(style).apply(values)).all()


@given(st.integers(-3, 3))
def test_circles_close(turns):
    row = TRAINING[:1]
    turned = row + np.array([0, 0, 0, 0, 360 * turns])
    np.testing.assert_allclose(
        fitted("forest").apply(turned.astype(np.float32)),
        fitted("forest").apply(row),
        atol=1e-6,
    )


def test_constant_predictor_stays_finite():
    values = np.ones((3, 1), np.float32)
    preparation = Preparation.fit("perceptron", FeatureTable(features=(Feature(name="a"),)), values)
    assert preparation.apply(values).tolist() == [[0], [0], [0]]


def test_predictor_without_any_value_is_refused():
    values = TRAINING.copy()
    values[:, 2] = np.nan
    with pytest.raises(InputError, match=r"\['frost'\] have no value in any of 4 training rows"):
        Preparation.fit("xgboost", TABLE, values)


def test_other_columns_are_refused():
    with pytest.raises(InputError, match=r"expected \(row, 5\) in the order bio01, soil"):
        fitted("forest").apply(TRAINING[:, :4])


def test_categories_alone_are_enough():
    table = FeatureTable(features=(Feature(name="soil", kind="category"),))
    assert Preparation.fit("lightgbm", table, TRAINING[:, 1:2]).apply(
        TRAINING[:, 1:2]
    ).tolist() == [[0], [1], [0], [1]]
