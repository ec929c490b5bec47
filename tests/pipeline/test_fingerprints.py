import pytest

from biomap_xr.errors import InputError
from biomap_xr.pipeline.fingerprints import contents


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.csv cannot be read"):
        contents([tmp_path / "gone.csv"])
