import numpy as np

from biomap_xr.evaluation.habitats.scores import Judged
from biomap_xr.pipeline.makers.plots import take_plots
from biomap_xr.pipeline.makers.truths import best_from_lists


def test_who_knows_the_truth_reads_habitats_from_lists(tiny, finished):
    recipe = tiny.anchored(finished.workspace.root)
    plots, _ = take_plots(recipe.plots, recipe.habitats)
    plots = plots.select(np.array([bool(codes) for codes in plots.labels]))
    codes = sorted({code for each in plots.labels for code in each})
    said = best_from_lists(recipe.root, plots, codes)
    assert said.shape == (len(plots), len(codes))
    assert (said.sum(axis=1) <= 1.001).all()
    counts = [sum(code in each for each in plots.labels) for code in codes]
    order = [codes.index(code) for code in codes]
    judged = Judged(tuple(codes), said[:, order], plots.labels)
    assert judged.hits(3).mean() > max(counts) / len(plots)
