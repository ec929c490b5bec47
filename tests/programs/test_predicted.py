import shutil

import numpy as np
import pytest
import torch
from tiny_run import filling_of

from biomap_xr.cluster import profile_of
from biomap_xr.covariates.cube import Covariates
from biomap_xr.errors import InputError
from biomap_xr.grid import Cells, Grid
from biomap_xr.pipeline.makers.by_species import predicted_by
from biomap_xr.pipeline.workers import Workers
from biomap_xr.programs import predicted
from biomap_xr.programs.predicted import require_shared, vocabulary_places
from biomap_xr.species.inference import embed_tile, species_blocks


def test_names_are_compared_as_species():
    places = vocabulary_places(
        ["Poa annua L.", "ABIES ALBA", "Rosa canina agg.", "Carex"], ["abies alba", "poa annua"]
    )
    assert places.tolist() == [1, 0, -1, -1]


def test_tables_that_do_not_match_are_refused():
    with pytest.raises(InputError, match=r"knows 1 of the 3 species.*33%.*50% at least.*Carex"):
        require_shared(["Abies alba", "Carex flava", "Poa annua"], ["abies alba"], 0.5)


def test_tables_that_match_well_enough_are_taken():
    assert require_shared(["Abies alba", "Poa annua"], ["poa annua"], 0.5).tolist() == [-1, 0]


@pytest.fixture
def place(finished, tiny):
    """The finished run's covariates, and some cells of its first tile with one beyond the grid."""
    grid = Grid.from_settings(tiny.grid)
    covariates = Covariates.open(finished.workspace.covariates, grid)
    tile = next(iter(grid.tiles()))
    embedding = embed_tile(finished.model, covariates, tile, reach=0)
    row, column = np.nonzero(embedding.valid)
    # Not in the order of the map.
    row, column = row[8::-1] + tile.window.rows.start, column[8::-1] + tile.window.columns.start
    cells = Cells(np.insert(row, 4, -1), np.insert(column, 4, -1))
    dense = torch.cat([block for _, block in species_blocks(finished.model, embedding, 40)])
    return covariates, cells, dense[:, :9].numpy()[:, ::-1]


@pytest.fixture
def predict(finished, copied, place):
    covariates, cells, _ = place

    def at(workers=None, **how):
        filling = filling_of(copied, workers, **how)
        predicted = predicted_by(finished.model, covariates, filling)
        return predicted.at(cells, finished.habitats.card.species, 3)

    return at


def test_assemblages_are_those_of_the_map(finished, place, predict):
    there, found = predict()
    assert there.tolist() == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    places = vocabulary_places(finished.model.card.species, finished.habitats.card.species)
    for cell, chance in enumerate(place[2].T):
        order = np.argsort(-chance, kind="stable")
        wanted = order[places[order] >= 0][:3]
        assert found.sentences[cell].tolist() == places[wanted].tolist()
        amounts = found.amounts[[cell]].toarray()[0, places[wanted]]
        np.testing.assert_allclose(amounts, chance[wanted], atol=1e-6)


def test_slices_and_workers_do_not_matter(predict, copied, monkeypatch):
    _, whole = predict()
    monkeypatch.setattr(predicted, "SLICE", 4)
    shutil.rmtree(copied.models / "habitats" / "predicted")
    with Workers(profile_of({"kind": "local", "processes": 1})) as workers:
        _, cut = predict(workers)
    np.testing.assert_array_equal(cut.sentences, whole.sentences)
    np.testing.assert_allclose(cut.amounts.toarray(), whole.amounts.toarray(), atol=1e-6)


def test_killed_predictions_go_on_and_an_error_names_its_slice(predict, monkeypatch):
    monkeypatch.setattr(predicted, "SLICE", 3)
    own, seen = predicted.RankingProgram.__call__, []

    def failing(at, error):
        def call(program, task):
            seen.append(task.arguments.start)
            if task.arguments.start == at:
                raise error
            return own(program, task)

        monkeypatch.setattr(predicted.RankingProgram, "__call__", call)

    failing(3, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        predict()
    failing(6, InputError("a shard is torn"))
    with pytest.raises(InputError, match=r"predicted: 1 slices of plots .*000006: InputError: a s"):
        predict(retries=0)
    seen.clear()
    failing(-1, None)
    assert len(predict()[1]) == 9
    assert seen == [6]
