import numpy as np
import pandas as pd
import pytest

from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError
from biomap_xr.indicators.declared import INDICATORS
from biomap_xr.pipeline.makers.maps import assemblage_of
from biomap_xr.pipeline.makers.traits import traits_of


@pytest.fixture(scope="module")
def table(finished):
    card = finished.model.card
    return pd.DataFrame({"species_id": card.species_id, "species": card.species})


def test_the_assemblage_has_the_thresholds_of_its_kind(finished, tiny, table):
    card = finished.model.card
    traits = traits_of(tiny.anchored(finished.workspace.root), table)
    one = np.full(40, card.thresholds.f_score_global, np.float32)
    for kind in ("conformal", "f_score"):
        own = np.float32(getattr(card.thresholds, kind))
        found = assemblage_of(traits, card, kind, "f_score_global")
        np.testing.assert_array_equal(found.threshold, own)
        np.testing.assert_array_equal(found.widespread, one)
        found = assemblage_of(traits, card, "f_score_global", kind)
        np.testing.assert_array_equal(found.threshold, one)
        np.testing.assert_array_equal(found.widespread, own)
    assert found.members.shape == (len(INDICATORS), 40)
    assert found.members[0].all()


def test_a_model_without_thresholds_maps_nothing(finished, tiny, table):
    card = finished.model.card.model_copy(update={"thresholds": None})
    traits = traits_of(tiny.anchored(finished.workspace.root), table)
    with pytest.raises(InputError, match="no thresholds, expected those of its calibration"):
        assemblage_of(traits, card, "conformal", "f_score")


def test_the_attributes_say_where_the_maps_come_from(finished, tiny):
    for store in (finished.workspace.species, finished.workspace.indicators):
        attributes = open_cube(store).attrs
        assert attributes["recipe"] == "tiny"
        assert attributes["license"] == tiny.licence
        assert attributes["storage_floor"] == 0.002
        assert attributes["presence"] == "f_score_global"
        one = finished.model.card.thresholds.f_score_global
        assert attributes["threshold_f_global"] == one
        assert 0 <= attributes["specialist_species"] <= 40
        # Rounding up may give more than the floor takes.
        assert -0.01 <= attributes["richness_lost_to_floor"] <= 0.01
        assert attributes["cells"] > attributes["cells_moved_to_land"] > 0
        assert "torch" in attributes["software"]


def test_what_the_floor_loses_is_what_the_cubes_say(finished):
    cube = open_cube(finished.workspace.species).load()
    expected = open_cube(finished.workspace.indicators)["expected"].sel(indicator="richness")
    stored = float(cube["probability"].sum()) / 250
    whole = float(expected.sum())
    lost = open_cube(finished.workspace.indicators).attrs["richness_lost_to_floor"]
    assert lost == pytest.approx((whole - stored) / whole, abs=1e-6)
