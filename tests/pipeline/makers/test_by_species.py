import json
import shutil

import numpy as np
import pytest
import yaml
from tiny_run import SERIAL, TINY, linked

from biomap_xr.errors import InputError
from biomap_xr.pipeline.makers.by_species import BEST, PREDICTED, UNTUNED
from biomap_xr.pipeline.running import run
from biomap_xr.pipeline.scores import HabitatScores
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe


def scores_of(workspace, name="plots"):
    return HabitatScores.read(workspace.models / "habitats" / "by_species" / "scores.zarr", name)


def again(recipe, workspace):
    with Workers(SERIAL) as workers:
        return run(recipe, workspace, workers)


def test_every_model_of_the_table_is_scored_on_the_same_plots(finished):
    scores = scores_of(finished.workspace)
    assert list(scores.probability) == [
        "Pl@ntBERT",
        "linear on reciprocal ranks",
        "network on amounts",
        f"{PREDICTED.format(6)}, {UNTUNED}",
        PREDICTED.format(3),
        PREDICTED.format(6),
        BEST,
    ]
    shape = (len(scores.labels), len(scores.codes))
    for name, values in scores.probability.items():
        assert values.shape == shape
        if name != BEST:
            np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-4)
    assert all(scores.labels)


def test_the_best_possible_is_better_than_what_was_learned(finished):
    scores = scores_of(finished.workspace)
    right = {name: scores.judged(name)[0].hits(3).mean() for name in scores.probability}
    assert right[BEST] >= max(right.values()) - 0.1


def test_a_second_run_trains_nothing(finished, tiny, caplog):
    caplog.set_level("INFO")
    assert again(tiny, finished.workspace).habitats.card == finished.habitats.card
    assert "Pl@ntBERT" not in caplog.text


def test_a_training_broken_off_leaves_no_scores_of_another_model(copied, tiny, monkeypatch):
    """The new model is there and its scores are not: those of the old one must not vouch for it."""

    def stop(study, learned):
        raise KeyboardInterrupt

    scores = copied.models / "habitats" / "by_species" / "scores.zarr"
    former = scores / "external-former" / "zarr.json"
    former.parent.mkdir()
    former.write_text("{}")
    by_species = tiny.habitats.by_species.model_copy(update={"seed": 9})
    habitats = tiny.habitats.model_copy(update={"by_species": by_species})
    monkeypatch.setattr("biomap_xr.pipeline.makers.by_species._board", stop)
    with pytest.raises(KeyboardInterrupt):
        again(tiny.model_copy(update={"habitats": habitats}), copied)
    with pytest.raises(InputError, match="holds no scores"):
        scores_of(copied)
    # Nor those of external data that nobody asks for any more.
    assert not former.exists()
    monkeypatch.undo()
    assert again(tiny, copied).habitats.card.settings.seed == tiny.habitats.by_species.seed


@pytest.fixture
def plots_only(simulated, tmp_path):
    """A recipe of plots alone, scored fold by fold, and its first run."""
    values = yaml.safe_load(TINY.read_text())
    root = simulated.virtual
    habitats = values["habitats"]["by_species"]
    habitats["fine_tuning"] = {"epochs": 2}
    tables = [
        {
            "kind": "plantbert",
            "species": str(root / "plots" / "species.csv"),
            "header": str(root / "plots" / "header.csv"),
        }
    ]
    curation = values["plots"]["curation"]
    recipe = {
        "name": "plots",
        "plots": {"tables": tables, "curation": curation},
        "habitats": {
            "by_species": habitats,
            "held_out": "folds",
            "folds": {"blocks": "metres", "metres": 500, "folds": 3},
            "external": {"again": {"tables": tables, "curation": curation}},
        },
    }
    path = tmp_path / "plots.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def test_plots_alone_are_scored_fold_by_fold(plots_only, tmp_path, biomap):
    place = tmp_path / "plots"
    said = biomap("run", plots_only, "--workspace", place)
    assert said.status == 0
    assert "habitat model:" in said.out
    scores = scores_of(Workspace(place))
    labelled = json.loads((place / "models" / "plots.json").read_text())["final"]["labelled"]
    assert len(scores.labels) == labelled
    assert next(iter(scores.probability)) == "Pl@ntBERT"
    external = scores_of(Workspace(place), "external-again")
    assert len(external.labels) == labelled
    assert biomap("status", plots_only, "--workspace", place).status == 0
    assert biomap("report", plots_only, "--workspace", place).status == 0


def test_an_unknown_code_is_an_error_where_the_recipe_says_so(simulated, tiny):
    curation = tiny.plots.curation.model_copy(update={"unknown_labels": "error"})
    recipe = tiny.model_copy(update={"plots": tiny.plots.model_copy(update={"curation": curation})})
    with pytest.raises(InputError, match=r"19 labels are no habitat codes: .*~"):
        again(recipe, simulated)
    # Said before the long work.
    assert not simulated.covariates.exists()


def test_a_checkpoint_without_its_tokenizer_is_refused(finished, tmp_path, tiny):
    source = tmp_path / "published"
    model = finished.workspace.models / "habitats" / "by_species" / "model"
    shutil.copytree(model, source)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (source / name).unlink()
    by_species = tiny.habitats.by_species
    network = by_species.network.model_copy(update={"name_or_path": str(source)})
    habitats = tiny.habitats.model_copy(
        update={"by_species": by_species.model_copy(update={"network": network})}
    )
    place = linked(finished.workspace, tmp_path / "run", "virtual")
    for part in ("models", "covariates.zarr", "receipts"):
        shutil.copytree(finished.workspace.root / part, place.root / part)
    with pytest.raises(InputError, match="tokenizer"):
        again(tiny.model_copy(update={"habitats": habitats}), place)


def test_a_recipe_is_valid_as_written():
    assert Recipe.load(TINY).habitats.by_species.k == 6
