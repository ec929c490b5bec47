import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.learners.settings import (
    CatBoostSettings,
    PerceptronSettings,
    published_name,
)
from biomap_xr.habitats.ensemble.published import (
    DEFAULT,
    PUBLISHED,
    configuration,
    parse_literal,
    published_members,
    read_configuration,
    read_published,
)
from biomap_xr.habitats.eunis import FORMATIONS

DATA = os.environ.get("BIOMAP_XR_DATA")
CATBOOST = {
    "hyperparams": {
        "iterations": 100,
        "eta": 0.2,
        "random_seed": 1234,
        "use_best_model": True,
        "objective": "MultiClass",
        "auto_class_weights": "Balanced",
    },
    "train_params": {"train_dir": "models/", "early_stopping_rounds": 5},
}
PERCEPTRON = """{
    'hyperparams': {'archi' : [1024], 'bn' : True, 'dropout' : 0.0},
    ## wide
    'train_params' : {
        'batch_size':1024, 'max_epochs':1000, 'patience':10, 'threshold':1e-3,
        'loss': {'lossname':'fl', 'weighted':%s, 'gamma':2.0},
        'optimizer': {'optim':torch.optim.%s, 'lr': 0.01, 'wdecay': 1e-3}
    }
}"""
literals = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def test_every_formation_has_members_of_all_families():
    assert set(PUBLISHED) == set(FORMATIONS)
    for members in PUBLISHED.values():
        families = {each.family for each in members.values()}
        assert families == {"bagging", "boosting", "perceptron"}
        assert list(members) == [published_name(each) for each in members.values()]


def test_formation_without_published_members_has_the_default():
    assert published_members("V") == DEFAULT
    assert all("w" in name for name in DEFAULT)


def test_members_are_a_copy():
    published_members("R").clear()
    assert len(published_members("R")) == 3


def test_unknown_formation_is_refused():
    with pytest.raises(InputError, match="'X' has no members, expected one of MA2, N"):
        published_members("X")


@given(literals.filter(lambda each: "inf" not in repr(each)))
def test_literals_are_read_as_python_does(value):
    assert parse_literal(repr(value)) == value


def test_names_and_comments_are_read():
    assert parse_literal("{'a': torch.optim.SGD, ## why\n 'b': (-1e-3, None)}\n") == {
        "a": "SGD",
        "b": [-1e-3, None],
    }


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "{'a': open('/etc/passwd')}",
        "[x for x in (1,)]",
        "1 + 1",
        "f'{1}'",
        "{**{'a': 1}}['a']",
        "(lambda: 1).__call__",
        "SGD",
    ],
)
def test_nothing_is_run(text):
    with pytest.raises(InputError, match="expected a literal or a dotted name"):
        parse_literal(text)


def test_perceptrons_are_read(tmp_path):
    path = tmp_path / "mlpw.json"
    path.write_text(PERCEPTRON % (True, "RAdam"))
    assert read_configuration(path) == PerceptronSettings(
        architecture="wide", imbalance="weighted_focal", gamma=2.0, learning_rate=0.01
    )


def test_catboost_is_read():
    assert configuration(CATBOOST) == CatBoostSettings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{'hyperparams': ", "never closed"),
        ("[1]", "has no hyperparams"),
        ("{'hyperparams': {'terms': 'spline'}}", r"keys \['terms'\].*GAM and TabNet"),
        ("{'hyperparams': {'criterion': 'gini', 'alpha': 1}}", r"keys \['alpha'\] beside"),
        ("{'hyperparams': {'criterion': 'gini', 'class_weight': 'half'}}", "weights 'half'"),
        (PERCEPTRON % (False, "Adagrad"), "Adagrad"),
        (PERCEPTRON.replace("'fl'", "'hinge'") % (False, "SGD"), "loss 'hinge'"),
        ("[" * 3000, "no configuration of a learner"),
        ("'" + "x" * 100_000 + "'", "expected 100000 at most"),
        ("\0", "null bytes"),
    ],
)
def test_files_that_mean_nothing_are_refused(tmp_path, text, message):
    path = tmp_path / "rf.json"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_configuration(path)
    assert str(path) in str(caught.value)


def test_empty_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no configurations, expected files such as R_config"):
        read_published(tmp_path)


def test_a_second_perceptron_of_forests_does_not_vote(tmp_path):
    for formation in ("T", "U"):
        folder = tmp_path / f"{formation}_config"
        folder.mkdir()
        for name in ("mlp3_fl5", "mlpw_fl5"):
            (folder / f"{name}.json").write_text(PERCEPTRON % (True, "RAdam"))
    found = read_published(tmp_path)
    assert list(found["T"]) == ["mlp3_fl5"]
    assert list(found["U"]) == ["mlp3_fl5", "mlpw_fl5"]


PAPER_2 = {
    "MA2": {"wrf", "wxgb", "mlp3_wldam"},
    "N": {"wrf", "wxgb", "mlp3_wldam"},
    "P": {"wrf", "wxgb", "mlp3_wldam"},
    "Q": {"wrf", "wxgb", "mlpw_wldam", "mlp3_wldam"},
    "R": {"rf", "xgb", "mlpw_ldam"},
    "S": {"wrf", "xgb", "lgbm", "mlpw_ldam"},
    "T": {"wrf", "xgb", "lgbm", "mlp3_fl5"},
    "U": {"rf", "xgb", "lgbm", "mlp3_ldam"},
}
"""What the published code loads as the ensemble of each formation."""


def test_each_formation_has_the_members_of_paper_2():
    assert {each: set(PUBLISHED[each]) for each in PAPER_2} == PAPER_2


@pytest.mark.skipif(DATA is None, reason="BIOMAP_XR_DATA is not set: no published files")
def test_built_in_members_are_those_of_the_published_files():
    found = read_published(Path(DATA) / "eunis/paper2/config")
    # V was mapped without a file.
    assert found == {name: members for name, members in PUBLISHED.items() if name != "V"}
