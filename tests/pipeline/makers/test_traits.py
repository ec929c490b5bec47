import pandas as pd
import pytest

from biomap_xr.pipeline.makers.traits import traits_of


@pytest.fixture(scope="module")
def table(finished):
    card = finished.model.card
    return pd.DataFrame({"species_id": card.species_id, "species": card.species})


@pytest.fixture(scope="module")
def listed(finished):
    """The species file as it is, by id."""
    path = finished.workspace.virtual / "species.csv"
    return pd.read_csv(path).set_index("species_id")


def test_traits_are_those_of_the_lists_in_the_order_asked_for(finished, tiny, table, listed):
    backwards = table.iloc[::-1].reset_index(drop=True)
    found = traits_of(tiny.anchored(finished.workspace.root), backwards).table
    expected = listed.loc[found["species_id"]]
    assert found["species_id"].tolist() == table["species_id"].tolist()[::-1]
    assert found["woody"].tolist() == expected["woody"].tolist()
    assert found["invasive"].tolist() == expected["invasive"].tolist()
    assert found["threatened"].tolist() == expected["iucn_status"].isin(["VU", "EN", "CR"]).tolist()


def test_lists_may_be_matched_by_a_column_of_the_species_file(finished, tiny, table, listed):
    recipe = tiny.anchored(finished.workspace.root)
    trees = recipe.indicators.trees.model_copy(update={"match": "gbif", "keys": ("gbif_key",)})
    indicators = recipe.indicators.model_copy(update={"trees": trees})
    found = traits_of(recipe.model_copy(update={"indicators": indicators}), table).table
    assert found["woody"].tolist() == listed.loc[found["species_id"], "woody"].tolist()
