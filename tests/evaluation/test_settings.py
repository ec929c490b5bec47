from typing import Any

import pytest
from pydantic import ValidationError

from biomap_xr.evaluation.settings import EvaluationSettings


@pytest.mark.parametrize(
    ("key", "value"),
    [("recall_at", (0,)), ("level", 1.0), ("replicates", 1), ("colour", "red")],
)
def test_meaningless_settings_are_refused_by_name(key: Any, value: Any) -> None:
    with pytest.raises(ValidationError, match=key):
        EvaluationSettings(**{key: value})
