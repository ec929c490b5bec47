"""The winning configurations that paper 2 published, by formation, and a reader of their files.

The files end in ``.json`` but are Python literals with comments and names such as
``torch.optim.SGD``; they are parsed, never run.
"""

import ast
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.learners.settings import (
    ARCHITECTURES,
    CatBoostSettings,
    ForestSettings,
    LearnerSettings,
    LightGBMSettings,
    PerceptronSettings,
    XGBoostSettings,
    published_name,
)
from biomap_xr.habitats.eunis import FORMATIONS

Members = dict[str, LearnerSettings]
"""Settings of each member by its name, such as ``wrf``."""

MOST_BYTES = 100_000
"""Of a configuration; the published ones have less than one thousand."""
OPTIMISERS = {"SGD": "sgd", "RAdam": "radam", "AdamW": "adamw"}
BALANCED = ("balanced", "Balanced")
NO_VOTERS = {"T": ("mlpw_fl5",)}
"""Members by formation that have a published file and were none of the ensemble: the published code
loads forests' other perceptron, ``mlp3_fl5``, alone."""


def _members(*settings: LearnerSettings) -> Members:
    return {published_name(each): each for each in settings}


_WEIGHTED_FOREST, _FOREST = ForestSettings(), ForestSettings(imbalance="none")
_WEIGHTED_XGBOOST, _XGBOOST = XGBoostSettings(), XGBoostSettings(imbalance="none")
_LIGHTGBM = LightGBMSettings()
_SMALL = PerceptronSettings(dropout=0.2, optimiser="sgd", learning_rate=1e-2)
_SGD = PerceptronSettings(optimiser="sgd", learning_rate=1e-3)
_LEAVES = {"max_depth": 11, "min_leaf": 2}

DEFAULT = _members(_WEIGHTED_FOREST, _WEIGHTED_XGBOOST, _SMALL)
"""Of a formation without a published configuration, which is V: the published defaults, all with
class weights. They are also what won for the littoral habitats, MA2."""

PUBLISHED: dict[str, Members] = {
    "MA2": DEFAULT,
    "N": _members(ForestSettings(max_depth=7), _WEIGHTED_XGBOOST, _SMALL),
    "P": _members(_WEIGHTED_FOREST, _WEIGHTED_XGBOOST, _SGD),
    "Q": _members(
        _WEIGHTED_FOREST,
        _WEIGHTED_XGBOOST,
        PerceptronSettings(architecture="wide"),
        PerceptronSettings(),
    ),
    "R": _members(_FOREST, _XGBOOST, PerceptronSettings(architecture="wide", imbalance="ldam")),
    "S": _members(
        ForestSettings(max_depth=9, min_leaf=2),
        _XGBOOST,
        _LIGHTGBM,
        PerceptronSettings(architecture="wide", imbalance="ldam"),
    ),
    "T": _members(
        ForestSettings(**_LEAVES),
        XGBoostSettings(imbalance="none", learning_rate=0.02),
        _LIGHTGBM,
        PerceptronSettings(imbalance="focal", optimiser="sgd", learning_rate=1e-4),
    ),
    "U": _members(
        ForestSettings(imbalance="none", **_LEAVES),
        _XGBOOST,
        _LIGHTGBM,
        PerceptronSettings(imbalance="ldam"),
    ),
    "V": DEFAULT,
}
"""Members of each formation, each of which votes once a fold (paper 2, Supplementary Table 3)."""


def published_members(formation: str) -> Members:
    """Return the published members of a formation; the default ones of V.

    Raises:
        InputError: It is no formation.

    >>> list(published_members("R"))
    ['rf', 'xgb', 'mlpw_ldam']
    """
    if formation not in PUBLISHED:
        raise InputError(
            f"formation {formation!r} has no members, expected one of {', '.join(PUBLISHED)}; "
            "name its members in the recipe"
        )
    return dict(PUBLISHED[formation])


def read_published(folder: Path) -> dict[str, Members]:
    """Read a folder of published configurations, ``<formation>_config/<member>.json``.

    Returns:
        Members of each formation that has a folder; those of `NO_VOTERS` are left out.

    Raises:
        InputError: There is none, or a file is no configuration of a learner that there is.
    """
    found = {
        formation: {
            path.stem: read_configuration(path)
            for path in sorted((folder / f"{formation}_config").glob("*.json"))
            if path.stem not in NO_VOTERS.get(formation, ())
        }
        for formation in FORMATIONS
    }
    present = {formation: members for formation, members in found.items() if members}
    if not present:
        raise InputError(
            f"{folder} has no configurations, expected files such as R_config/rf.json; give the "
            "folder that holds R_config"
        )
    return present


def read_configuration(path: Path) -> LearnerSettings:
    """Read one published configuration.

    Raises:
        InputError: It is no Python literal, of no learner that there is, or has a key whose meaning
            is not known.
    """
    content = path.read_bytes()
    if len(content) > MOST_BYTES:
        raise InputError(
            f"{path} has {len(content)} bytes, expected {MOST_BYTES} at most; it is no learner's "
            "configuration: give the published file"
        )
    try:
        return configuration(parse_literal(content.decode()))
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise InputError(
            f"{path} is no configuration of a learner: {error}; expected a dictionary of "
            "hyperparams and train_params as published: correct it"
        ) from error


def parse_literal(text: str) -> Any:
    """Parse a Python literal in which dotted names stand for their last part; nothing is run.

    Raises:
        SyntaxError: It is no Python.
        InputError: It has calls, operators or anything else that is no literal.

    >>> parse_literal("{'optim': torch.optim.SGD, 'archi': [512, 256]}  # wide")
    {'optim': 'SGD', 'archi': [512, 256]}
    """
    return _value(ast.parse(text.strip(), mode="eval").body)


def configuration(content: Mapping[str, Any]) -> LearnerSettings:
    """Translate a published configuration.

    Args:
        content: With ``hyperparams`` and, but for forests, ``train_params``.

    Raises:
        InputError: It is of no learner that there is, or a key or word is not known.
    """
    if not isinstance(content, Mapping) or not isinstance(content.get("hyperparams"), Mapping):
        raise InputError(
            f"configuration {content!r:.80} has no hyperparams, expected a dictionary with them; "
            "give a published file"
        )
    parameters = content.get("train_params", {})
    flat = {key: each for key, each in parameters.items() if not isinstance(each, Mapping)}
    for part in parameters.values():
        flat |= part if isinstance(part, Mapping) else {}
    values = {**content["hyperparams"], **flat}
    for mark, translate in TRANSLATIONS.items():
        if mark in values:
            return translate({key: each for key, each in values.items() if key not in IGNORED})
    raise InputError(
        f"configuration has the keys {sorted(values)}, expected one of {', '.join(TRANSLATIONS)} "
        "to tell the learner; GAM and TabNet are none of paper 2's ensemble: leave the file out"
    )


IGNORED = (
    *("verbose", "verbosity", "n_jobs", "pin", "num_workers", "shuffle", "train_dir", "plot_file"),
    *("enable_categorical", "objective", "booster", "tree_method", "eval_metric", "maximize"),
    *("boosting_type", "use_best_model", "custom_metric", "random_seed"),
)
"""Keys that say nothing, or what is so here in any case."""


def _renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    unknown = sorted(set(values) - set(names))
    if unknown:
        raise InputError(
            f"configuration has the keys {unknown} beside {', '.join(names)}; expected none whose "
            "meaning is not known: take them out"
        )
    return {names[key]: each for key, each in values.items()}


def _imbalance(word: Any) -> str:
    if word in (*BALANCED, True):
        return "class_weights"
    if word in (None, "none", False):
        return "none"
    raise InputError(
        f"configuration has the class weights {word!r}, expected 'balanced' or 'none'; correct it"
    )


def _tree(values: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    renamed = _renamed(values, names)
    return {**renamed, "imbalance": _imbalance(renamed.get("imbalance"))}


def _forest(values: dict[str, Any]) -> ForestSettings:
    names = {
        "n_estimators": "trees",
        "class_weight": "imbalance",
        "min_samples_leaf": "min_leaf",
        **{name: name for name in ("criterion", "max_depth", "max_features", "max_samples")},
    }
    return ForestSettings.model_validate(_tree(values, names))


def _xgboost(values: dict[str, Any]) -> XGBoostSettings:
    names = {
        "n_estimators": "rounds",
        "eta": "learning_rate",
        "max_depth": "max_depth",
        "sample_weight": "imbalance",
        "early_stopping_rounds": "patience",
        "min_delta": "min_gain",
    }
    return XGBoostSettings.model_validate(_tree(values, names))


def _lightgbm(values: dict[str, Any]) -> LightGBMSettings:
    names = {
        "n_estimators": "rounds",
        "learning_rate": "learning_rate",
        "class_weight": "imbalance",
        "early_stopping_rounds": "patience",
    }
    return LightGBMSettings.model_validate(_tree(values, names))


def _catboost(values: dict[str, Any]) -> CatBoostSettings:
    names = {
        "iterations": "rounds",
        "eta": "learning_rate",
        "auto_class_weights": "imbalance",
        "early_stopping_rounds": "patience",
    }
    return CatBoostSettings.model_validate(_tree(values, names))


def _perceptron(values: dict[str, Any]) -> PerceptronSettings:
    names = {
        "archi": "architecture",
        "bn": "batch_norm",
        "batch_size": "batch",
        "max_epochs": "epochs",
        "threshold": "min_gain",
        "lossname": "imbalance",
        "optim": "optimiser",
        "lr": "learning_rate",
        "wdecay": "weight_decay",
        **{name: name for name in ("dropout", "patience", "gamma", "margin")},
    }
    weighted = bool(values.pop("weighted", False))
    renamed = _renamed(values, names)
    renamed["imbalance"] = _loss(renamed.get("imbalance"), weighted=weighted)
    renamed["optimiser"] = OPTIMISERS.get(renamed.get("optimiser", ""), renamed.get("optimiser"))
    widths = tuple(renamed["architecture"])
    by_widths = {each: name for name, each in ARCHITECTURES.items()}
    renamed["architecture"] = by_widths.get(widths, widths)
    if "ldam" in renamed["imbalance"]:
        # Some files give a gamma to a loss that has none.
        renamed.pop("gamma", None)
    return PerceptronSettings.model_validate(renamed)


def _loss(word: Any, *, weighted: bool) -> str:
    words = {"ldam": "ldam", "fl": "focal", "ce": "cross_entropy"}
    if word not in words:
        raise InputError(
            f"configuration has the loss {word!r}, expected one of {', '.join(words)}; correct it"
        )
    if weighted:
        return f"weighted_{words[word]}"
    return "none" if word == "ce" else words[word]


TRANSLATIONS: dict[str, Callable[[dict[str, Any]], LearnerSettings]] = {
    "archi": _perceptron,
    "booster": _xgboost,
    "boosting_type": _lightgbm,
    "criterion": _forest,
    "iterations": _catboost,
}
"""How the configuration of each learner is read, by a key that no other has."""


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Dict(keys=keys, values=values):
            pairs = zip(keys, values, strict=True)
            return {_value(key): _value(each) for key, each in pairs if key is not None}
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            return [_value(each) for each in elements]
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
        case ast.Attribute(attr=name) if _dotted(node):
            return name
    raise InputError(
        f"line {node.lineno} has {ast.unparse(node)!r:.60}, expected a literal or a dotted name; "
        "nothing is computed here: write its value"
    )


def _dotted(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)
