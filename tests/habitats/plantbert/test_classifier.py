import numpy as np
import pytest
from tiny_samples import TINY, tiny_roles, tiny_samples

from biomap_xr.errors import InputError
from biomap_xr.habitats.plantbert.classifier import PlantBertClassifier


def test_it_judges_assemblages_as_its_model_does() -> None:
    samples, settings = tiny_samples(), TINY.model_copy(update={"k": 3})
    fitted = PlantBertClassifier(settings).fit(samples, tiny_roles())
    given = fitted.predict_proba(samples.assemblages)
    expected = fitted.model.predict_proba(samples.assemblages.sentences[:, :3])
    np.testing.assert_array_equal(given, expected)
    with pytest.raises(InputError, match="not in its vocabulary"):
        fitted.predict_proba(samples.assemblages.in_table(["poa annua", "rosa nova"])[0])
