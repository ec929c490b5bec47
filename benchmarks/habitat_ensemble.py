"""One formation's ensemble on a tile of 250 x 250 cells against a loop over its members' libraries.

The ensemble is paper 2's for shrub and forest: random forest, XGBoost, LightGBM and a perceptron,
five folds each. Rasters are as rough as those of 100 m are: half the predictors are constant over
1 km, as climate and coarse soil maps; a quarter is texture on a smooth ground; a quarter is cover
in patches, mostly none or all. Plots are cells of another such landscape, their habitat the one
whose niche is nearest, with chance. The baseline asks each member's library for the probabilities
of all cells at once (scikit-learn, XGBoost, LightGBM, torch) and adds them up with equal weights to
ours; ours gives the measures of uncertainty, too. Memory is that of a fresh process for each way.

    python benchmarks/habitat_ensemble.py --threads 2
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import harness
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from sklearn.ensemble import RandomForestClassifier

from biomap_xr.folds.blocks import group_folds
from biomap_xr.folds.settings import BlockSettings
from biomap_xr.habitats.ensemble.artefact import load_ensemble, save_ensemble
from biomap_xr.habitats.ensemble.features import Feature, FeatureTable
from biomap_xr.habitats.ensemble.learners.protocol import Rows
from biomap_xr.habitats.ensemble.learners.settings import (
    ForestSettings,
    LightGBMSettings,
    PerceptronSettings,
    XGBoostSettings,
)
from biomap_xr.habitats.ensemble.prediction import predict_formation
from biomap_xr.habitats.ensemble.settings import SelectionSettings
from biomap_xr.habitats.ensemble.training import (
    Observations,
    Options,
    TrainedFormation,
    train_formation,
)
from biomap_xr.habitats.ensemble.vote import combine
from biomap_xr.habitats.ensemble.voters import FormationEnsemble

KILOMETRE = 10
"""Cells of 100 m that a coarse predictor is constant over, along each axis."""


def main() -> None:
    """Measure and print."""
    parser = harness.arguments(
        __doc__,
        classes=25,
        features=40,
        side=250,
        plots=5000,
        trees=128,
        boosting_rounds=60,
        rounds=2,
        ensemble="",
    )
    parser.add_argument("--part", default="", choices=("", "ours", "loop"))
    options = parser.parse_args()
    harness.limit_threads(options.threads)
    if options.part:
        harness.publish(memory(options), as_json=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        options.ensemble = str(Path(folder, "ensemble"))
        trained, forests = train(options)
        save_ensemble(trained.ensemble, Path(options.ensemble))
        results = compare(options, trained.ensemble, forests)
        results["memory"] = memories(options)
    harness.publish(results, as_json=options.json)


def landscape(features: int, side: int, seed: int) -> NDArray[np.float32]:
    """Draw predictors (feature, y, x)."""
    generator = np.random.default_rng(seed)
    raster = np.empty((features, side, side), np.float32)
    for index in range(features):
        ground = gaussian_filter(generator.normal(size=(side + 20, side + 20)), 12)
        ground /= ground.std()
        if index % 4 < 2:
            coarse = ground[::KILOMETRE, ::KILOMETRE]
            ground = np.kron(coarse, np.ones((KILOMETRE, KILOMETRE)))
        elif index % 4 == 2:
            ground = ground + 0.4 * gaussian_filter(generator.normal(size=ground.shape), 1) / 0.28
        else:
            fine = gaussian_filter(generator.normal(size=ground.shape), 3)
            ground = np.clip(0.5 + 2 * fine / fine.std(), 0, 1)
        raster[index] = ground[:side, :side]
    return raster


def plots(options: argparse.Namespace) -> Rows:
    """Draw labelled cells of another landscape."""
    generator = np.random.default_rng(1)
    raster = landscape(options.features, 400, seed=2).reshape(options.features, -1).T
    values = raster[generator.choice(len(raster), options.plots, replace=False)]
    niche = generator.normal(size=(options.classes, options.features))
    scale = generator.exponential(0.5, (options.classes, options.features))
    distance = np.stack(
        [(scale[k] * (values - niche[k]) ** 2).sum(axis=1) for k in range(len(niche))]
    )
    distance -= np.median(distance, axis=1, keepdims=True)
    label = (generator.gumbel(0, 2, distance.shape) - distance).argmax(axis=0)
    # Habitats of one formation have codes of three characters: R11 to R1Z, then R21 and so on.
    letters = "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    codes = np.array([f"R{k // 25 + 1}{letters[k % 25]}" for k in range(options.classes)])
    return Rows(np.ascontiguousarray(values), codes[label])


def train(options: argparse.Namespace) -> tuple[TrainedFormation, list[RandomForestClassifier]]:
    """Train the ensemble, and the forests once more as scikit-learn's own objects."""
    rows = plots(options)
    label = np.unique(rows.codes, return_inverse=True)[1]
    folds = group_folds(np.arange(len(label)), label, options.classes, BlockSettings())
    table = FeatureTable(
        features=tuple(Feature(name=f"predictor_{index}") for index in range(options.features))
    )
    rounds = options.boosting_rounds
    forest = ForestSettings(trees=options.trees, max_depth=11, min_leaf=2)
    members = {
        "wrf": forest,
        "xgb": XGBoostSettings(imbalance="none", rounds=rounds),
        "lgbm": LightGBMSettings(imbalance="none", rounds=rounds),
        "mlp3": PerceptronSettings(epochs=20),
    }
    chosen = Options(selection=SelectionSettings(keep="all"))
    trained = train_formation("R", Observations(rows, folds), table, members, chosen)
    forests = [
        RandomForestClassifier(
            n_estimators=forest.trees,
            criterion=forest.criterion,
            max_depth=forest.max_depth,
            min_samples_leaf=forest.min_leaf,
            max_features=forest.max_features,
            max_samples=forest.max_samples,
            class_weight="balanced_subsample",
            random_state=0,
            n_jobs=options.threads,
        ).fit(rows.values[folds.fold != fold], label[folds.fold != fold])
        for fold in range(folds.number)
    ]
    return trained, forests


def loop(
    ensemble: FormationEnsemble,
    asked: list[Callable[[NDArray[np.float32]], NDArray[Any]]],
    raster: NDArray[np.float32],
) -> NDArray[Any]:
    """Ask each member's library about all cells, and vote: (row, class)."""
    values = np.ascontiguousarray(raster.reshape(len(raster), -1).T)
    votes = np.zeros((len(asked), len(values), len(ensemble.classes)), np.float32)
    for place, ask in enumerate(asked):
        votes[place][:, ensemble.known[place]] = ask(values)
    return combine(votes, ensemble.known, ensemble.voter_weights)


def libraries(
    ensemble: FormationEnsemble, forests: list[RandomForestClassifier], threads: int
) -> list[Callable[[NDArray[np.float32]], NDArray[Any]]]:
    """Return how each voter's own library is asked."""
    asked: list[Callable[[NDArray[np.float32]], NDArray[Any]]] = []
    for voter in ensemble.voters:
        if voter.learner.algorithm == "forest" and forests:
            asked.append(forests[voter.fold].predict_proba)
        else:
            asked.append(voter.learner.with_threads(threads).predict_proba)
    return asked


def compare(
    options: argparse.Namespace,
    ensemble: FormationEnsemble,
    forests: list[RandomForestClassifier],
) -> dict[str, Any]:
    """Time both ways in turn on the same tile, and each algorithm for itself."""
    raster = landscape(options.features, options.side, seed=3)
    asked = libraries(ensemble, forests, options.threads)
    rounds = harness.interleave(
        {
            "ours": lambda: predict_formation(ensemble, raster, threads=options.threads),
            "loop": lambda: loop(ensemble, asked, raster),
        },
        options.rounds,
    )
    found = predict_formation(ensemble, raster).probability.reshape(len(ensemble.classes), -1).T
    expected = loop(ensemble, asked, raster)
    cells = options.side**2
    return {
        "voters": len(ensemble.voters),
        "trees": {
            voter.name: len(voter.table.trees.roots)
            for voter in ensemble.voters
            if voter.table is not None and voter.fold == 0
        },
        "cells_per_cpu_second": {
            name: round(cells / one.processor) for name, one in rounds.items()
        },
        "cells_per_second": {name: round(cells / one.wall) for name, one in rounds.items()},
        "speed_up_cpu": rounds["ours"].ratio(rounds["loop"]),
        "speed_up_wall": rounds["ours"].ratio(rounds["loop"], wall=True),
        "largest_difference": float(np.abs(found - expected).max()),
        "equal_winners": float((found.argmax(axis=1) == expected.argmax(axis=1)).mean()),
        "by_algorithm": by_algorithm(options, ensemble, asked, raster),
    }


def by_algorithm(
    options: argparse.Namespace,
    ensemble: FormationEnsemble,
    asked: list[Callable[[NDArray[np.float32]], NDArray[Any]]],
    raster: NDArray[np.float32],
) -> dict[str, Any]:
    """Time the first fold's voter of each algorithm, both ways, on a quarter of the tile."""
    part = raster[:, : options.side // 2, : options.side // 2]
    told = {}
    for place, voter in enumerate(ensemble.voters):
        if voter.fold:
            continue
        alone = FormationEnsemble("R", ensemble.classes, (voter,), {voter.name: 1.0})
        ask = asked[place : place + 1]
        rounds = harness.interleave(
            {
                "ours": lambda alone=alone: predict_formation(alone, part),
                "library": lambda alone=alone, ask=ask: loop(alone, ask, part),
            },
            options.rounds,
        )
        told[voter.name] = {
            **{name: round(part[0].size / one.processor) for name, one in rounds.items()},
            "speed_up_cpu": rounds["ours"].ratio(rounds["library"]),
        }
    return told


def memories(options: argparse.Namespace) -> dict[str, float]:
    """Measure each way in a fresh process."""
    sizes = ["--ensemble", options.ensemble, "--features", str(options.features)]
    told = {}
    for part in ("ours", "loop"):
        for side in (options.side // 2, options.side):
            asked = [*sizes, "--side", str(side), "--part", part, "--threads", str(options.threads)]
            told[f"{part}_{side}_gib"] = harness.in_child(__file__, asked)["gib"]
    return told


def memory(options: argparse.Namespace) -> dict[str, float]:
    """Run one way here and return what it took beyond imports, models and the tile itself."""
    ensemble = load_ensemble(Path(options.ensemble))
    raster = landscape(options.features, options.side, seed=3)
    # Models are read, and the first call is compiled, before memory counts.
    small = np.ascontiguousarray(raster[:, :8, :8])
    asked = libraries(ensemble, [], options.threads)
    call = {
        "ours": lambda cut: predict_formation(ensemble, cut, threads=options.threads),
        "loop": lambda cut: loop(ensemble, asked, cut),
    }[options.part]
    call(small)
    before = harness.peak_memory()
    call(raster)
    return {"gib": round((harness.peak_memory() - before) / harness.GIB, 3)}


if __name__ == "__main__":
    main()
