from pathlib import Path

import pytest
from pydantic import ValidationError

from biomap_xr.observations.plot_settings import (
    PAPER_2,
    CurationSettings,
    LabelTable,
    PlotSettings,
    WideTable,
)


def test_a_table_is_told_by_its_kind():
    settings = PlotSettings.model_validate(
        {
            "tables": [
                {
                    "kind": "wide",
                    "species": "covers.csv",
                    "header": "sites.csv",
                    "header_columns": {"plot": "id", "label": ["esy", "EUNIS"]},
                },
                {"kind": "labels", "header": "points.csv"},
            ]
        }
    )
    wide, labels = settings.tables
    assert isinstance(wide, WideTable)
    assert isinstance(labels, LabelTable)
    assert wide.species == Path("covers.csv")
    assert wide.header_columns.label == ("esy", "EUNIS")
    assert labels.header_columns.plot == ("surveyId",)


def test_filters_of_paper_2_have_a_name():
    table = {"kind": "labels", "header": "points.csv"}
    settings = PlotSettings(tables=[table], filters="paper_2")
    assert settings.filters == PAPER_2
    assert PAPER_2.year.minimum == 1990
    assert PAPER_2.year.maximum == 2021
    assert PAPER_2.area_m2.maximum == 1000
    assert PAPER_2.uncertainty_m.maximum == 100
    # The dump says them in full, and reads back.
    assert PlotSettings.model_validate(settings.model_dump()) == settings


def test_curation_is_the_published_one_by_default():
    curation = CurationSettings()
    assert curation.minimum_plots_of_species == curation.minimum_plots_of_habitat == 10
    assert curation.maximum_lost == 0.25
    assert curation.same_highest_cover


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tables": []}, "at least 1 item"),
        ({"tables": [{"kind": "turboveg", "header": "a"}]}, "'plantbert'"),
        ({"tables": [{"kind": "labels", "header": "a", "not_plots": "("}]}, "no regular expres"),
        ({"tables": [{"kind": "labels", "header": "a"}], "filters": "paper_3"}, "filters"),
        ({"tables": [{"kind": "labels", "header": "a", "heather": "b"}]}, "heather"),
    ],
)
def test_settings_that_mean_nothing_are_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        PlotSettings.model_validate(values)
