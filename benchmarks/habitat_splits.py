"""How much random cross-validation flatters: one ensemble under three splits of the same pixels.

Sentinel-2 pixels of ten classes of land cover, drawn in polygons of three German regions, are
classified by a random forest, LightGBM and their vote. Held out are single pixels, whole polygons,
or whole regions. Intervals resample polygons in every row, so that rows can be compared: what they
do not say is how much three regions differ from the next ones. Where ``BIOMAP_XR_DATA`` names no
folder with the pixels, there is nothing to measure.

    python benchmarks/habitat_splits.py --trees 100
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.evaluation.habitats.scores import MacroScore
from biomap_xr.evaluation.intervals import REPLICATES, Metric, SurveyMean, interval
from biomap_xr.folds.blocks import Folds, group_folds
from biomap_xr.folds.settings import BlockSettings
from biomap_xr.habitats.ensemble.features import Feature, FeatureTable
from biomap_xr.habitats.ensemble.learners.protocol import Means, Rows
from biomap_xr.habitats.ensemble.learners.settings import (
    ForestSettings,
    LearnerSettings,
    LightGBMSettings,
)
from biomap_xr.habitats.ensemble.settings import SelectionSettings
from biomap_xr.habitats.ensemble.training import (
    Observations,
    Options,
    TrainedFormation,
    train_formation,
)

FILE = "s2/german_pixels/pixels.csv.gz"
# Learners take habitats, so that each class stands for one.
CODES = tuple(f"R{group}{each}" for group in (1, 2) for each in range(1, 6))


def main() -> None:
    """Measure and print."""
    parser = harness.arguments(__doc__, trees=100, boosting_rounds=60, replicates=REPLICATES)
    options = parser.parse_args()
    harness.limit_threads(options.threads)
    pixels = read()
    facts = {
        "pixels": len(pixels),
        "classes": pixels["Label"].nunique(),
        "polygons": pixels["polygon"].nunique(),
        "pixels_by_region": pixels["Region"].value_counts().to_dict(),
    }
    scores = compare(pixels, options)
    if options.json:
        harness.publish({**facts, "scores": scores}, as_json=True)
        return
    harness.publish(facts, as_json=False)
    for line in table(scores):
        print(line)


def read() -> pd.DataFrame:
    """Read the pixels, or leave with what to do."""
    if "BIOMAP_XR_DATA" not in os.environ:
        sys.exit(f"BIOMAP_XR_DATA is not set; let it name the folder that has {FILE}")
    file = Path(os.environ["BIOMAP_XR_DATA"], FILE)
    if not file.is_file():
        sys.exit(f"{file} is not there; BIOMAP_XR_DATA must name the folder that has {FILE}")
    pixels = pd.read_csv(file)
    # Every region numbers its polygons from 1.
    pixels["polygon"] = pixels["Region"] + pixels["ID"].astype(str)
    return pixels


def compare(pixels: pd.DataFrame, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Train and score under each split: one record for each split and model."""
    bands = [name for name in pixels if name.startswith(("B", "NDVI"))]
    label = pd.factorize(pixels["Label"], sort=True)[0]
    rows = Rows(pixels[bands].to_numpy(np.float32), np.array(CODES)[label])
    features = FeatureTable(features=tuple(Feature(name=name) for name in bands))
    members: dict[str, LearnerSettings] = {
        "forest": ForestSettings(trees=options.trees, imbalance="none"),
        "LightGBM": LightGBMSettings(rounds=options.boosting_rounds, imbalance="none"),
    }
    means = Means(threads=options.threads)
    chosen = Options(selection=SelectionSettings(keep="all"), means=means)
    found: list[dict[str, Any]] = []
    for split, folds in splits(pixels, label):
        watch = harness.Stopwatch()
        with watch.phase("training"):
            trained = train_formation("R", Observations(rows, folds), features, members, chosen)
        shared: dict[str, Any] = {
            "split": split,
            "folds": folds.number,
            **both_sides(pixels, folds),
        }
        # No voter can name a class that its own fold alone has.
        shared["classes_of_one_fold"] = sum(map(len, folds.balance.unlearnt))
        shared["training_cpu_s"] = round(watch.phases["training"].processor, 1)
        for model, named in predictions(trained, rows, folds).items():
            truth = np.array([CODES.index(code) for code in rows.codes])
            measures = scored(truth, named, pixels["polygon"].to_numpy(), options.replicates)
            found.append({**shared, "model": model, **measures})
    return found


def splits(pixels: pd.DataFrame, label: NDArray[np.int64]) -> Iterator[tuple[str, Folds]]:
    """Hold out pixels, polygons or regions."""
    polygon, region = pixels["polygon"].to_numpy(str), pixels["Region"].to_numpy(str)
    regions = BlockSettings(folds=len(np.unique(region)))
    found = {
        "random": group_folds(np.arange(len(label)), label, len(CODES), BlockSettings()),
        "polygon": group_folds(polygon, label, len(CODES), BlockSettings()),
        "region": group_folds(region, label, len(CODES), regions),
    }
    for split, folds in found.items():
        crossed = both_sides(pixels, folds)
        if split != "random" and crossed[f"{split}s_on_both_sides"]:
            sys.exit(f"split by {split}: {crossed}; expected none on both sides")
        # Boosting stops by whole polygons in every split, so that the split alone differs.
        yield split, replace(folds, unit=polygon)


def both_sides(pixels: pd.DataFrame, folds: Folds) -> dict[str, int]:
    """Count polygons and regions that are held out in one fold and train for it."""
    fold = pd.Series(folds.fold)
    return {
        f"{name}s_on_both_sides": int((fold.groupby(pixels[column]).nunique() > 1).sum())
        for name, column in (("polygon", "polygon"), ("region", "Region"))
    }


def predictions(
    trained: TrainedFormation, rows: Rows, folds: Folds
) -> dict[str, NDArray[np.int64]]:
    """Return the class that each learner, and their vote, names out of fold (pixel,)."""
    found = {
        name: np.zeros(len(rows), np.int64) for name in dict.fromkeys(trained.ensemble.learners)
    }
    for number in range(folds.number):
        voters, held_out = trained.ensemble.of_fold(number), folds.fold == number
        said = voters.probabilities(rows.values[held_out])
        for name, probability in zip(voters.learners, said, strict=True):
            found[name][held_out] = probability.argmax(axis=1)
    return found | {"vote": trained.validation.probability.argmax(axis=1)}


def scored(
    truth: NDArray[np.int64], named: NDArray[np.int64], blocks: NDArray[Any], replicates: int
) -> dict[str, list[float]]:
    """Score classes (pixel,): each measure with the ends of its interval over blocks."""
    metrics: dict[str, Metric] = {
        "accuracy": SurveyMean((truth == named).astype(np.float64)),
        "macro_f1": MacroScore(truth, named, "f_score"),
    }
    found = {}
    for name, metric in metrics.items():
        spread = interval(metric, blocks, replicates=replicates)
        values = (metric.score().value, spread.low, spread.high)
        found[name] = [round(value, 4) for value in values]
    return found


def table(scores: list[dict[str, Any]]) -> Iterator[str]:
    """Write the scores for a person."""
    yield f"{'split':9}{'folds':>5}  {'model':10}{'accuracy':24}{'macro-F1':24}CPU s of both"
    for each in scores:
        spreads = (
            f"{value:.3f} ({low:.3f} to {high:.3f})"
            for value, low, high in (each["accuracy"], each["macro_f1"])
        )
        told = "".join(f"{spread:24}" for spread in spreads)
        seconds = each["training_cpu_s"]
        yield f"{each['split']:9}{each['folds']:5}  {each['model']:10}{told}{seconds:6.0f}"


if __name__ == "__main__":
    main()
