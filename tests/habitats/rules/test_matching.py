import numpy as np
import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.rules.matching import match_models


def change(settings, **values):
    return settings.model_copy(update=values)


def test_classes_of_one_side_are_listed(crosswalk, models, settings):
    more = {**models, "Q": ("Q11",)}
    found = match_models(crosswalk, more, change(settings, without_column="ignore"))
    assert found.without_model == ("U12", "U4", "V54")
    assert found.without_column == ("Q11",)
    assert found.direct == ("U4", "V54")
    assert "U4" in found.codes
    assert str(found) == (
        "classes of the crosswalk without a model: U12, U4, V54; of them mapped by land cover "
        "alone: U4, V54; classes of the models without a column: Q11"
    )


def test_tables_are_in_the_models_order(crosswalk, settings):
    models = {"T": ("T31", "T17")}
    found = match_models(crosswalk, models, change(settings, without_model="ignore"))
    table = found.covers["T"]
    assert table.codes == ("T31", "T17")
    assert table.allowed[:, crosswalk.covers.tolist().index(23)].tolist() == [False, True]
    assert table.numbers.tolist() == [7301, 7107]
    assert found.direct == ()


def test_policies_can_stop(crosswalk, models, settings):
    with pytest.raises(InputError, match=r"3 classes of the crosswalk have no model: U12, U4, V54"):
        match_models(crosswalk, models, change(settings, without_model="error"))
    with pytest.raises(InputError, match=r"1 classes of the models have no column: T1K"):
        match_models(crosswalk, {**models, "T": (*models["T"], "T1K")}, settings)


def test_a_class_without_a_column_is_nowhere_or_with_its_siblings(crosswalk, settings):
    models = {"T": ("T11", "T1K")}
    at = crosswalk.covers.tolist().index(23)
    nowhere = match_models(crosswalk, models, change(settings, without_column="ignore"))
    assert not nowhere.covers["T"].allowed[1].any()
    related = match_models(crosswalk, models, change(settings, without_column="map"))
    assert related.covers["T"].allowed[1, at]
    assert related.covers["T"].allowed[1].sum() == 1


def test_only_named_classes_are_mapped_by_land_cover_alone(crosswalk, models, settings):
    found = match_models(crosswalk, models, change(settings, direct=("V54",)))
    assert found.direct == ("V54",)
    # Without a model for heathlands, the first of them must not stand for all.
    less = {formation: codes for formation, codes in models.items() if formation != "S"}
    assert "S42" not in match_models(crosswalk, less, settings).direct


def test_models_hold_classes_of_their_formation(crosswalk, settings):
    with pytest.raises(InputError, match="formation 'T' has the class 'R22'"):
        match_models(crosswalk, {"T": ("R22",)}, settings)


def test_alone_means_without_rivals(crosswalk, models, settings):
    direct = match_models(crosswalk, models, settings).priority.direct
    rock = crosswalk.covers.tolist().index(31)
    assert (direct[rock] == np.uint16(65_535)).all()
