import pytest
from pydantic import ValidationError

from biomap_xr.sources.formats import FileFormat
from biomap_xr.sources.vegetation.columns import (
    EVA_HEADER,
    FIELDS,
    NUMBERS,
    TEXT,
    HeaderColumns,
)


def test_one_name_or_several_name_a_column() -> None:
    columns = HeaderColumns.model_validate({"plot": "id", "label": ["esy", "EUNIS"]})
    assert columns.named() == {"plot": ("id",), "label": ("esy", "EUNIS")}


def test_every_field_is_text_or_a_number_and_can_be_named() -> None:
    assert sorted((*TEXT, *NUMBERS)) == sorted(FIELDS)
    assert set(FIELDS) <= set(HeaderColumns.model_fields)


def test_the_archives_two_spellings_of_the_expert_system_are_known() -> None:
    assert EVA_HEADER.named()["label"] == ("Expert System", "Expert.System")


@pytest.mark.parametrize(
    "values", [{"separator": "::"}, {"decimal": ";"}, {"delimiter": ";"}, {"separator": ""}]
)
def test_a_format_that_means_nothing_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=next(iter(values))):
        FileFormat.model_validate(values)
