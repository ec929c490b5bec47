import os
from pathlib import Path

import pytest

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.feature_reading import features_of, read_feature_table
from biomap_xr.habitats.ensemble.features import PUBLISHED_PREDICTORS, Feature
from biomap_xr.habitats.ensemble.settings import EnsembleSettings

DATA = os.environ.get("BIOMAP_XR_DATA")
CSV = "feature_code,feature_type,reference\nbio01,cont,\nscd,dcount,365\n"


def test_predictors_of_a_file_or_of_the_recipe(tmp_path):
    path = tmp_path / "features.csv"
    path.write_text(CSV)
    from_file = features_of(EnsembleSettings(feature_table=path, predictors=("scd",)))
    listed = {"name": "scd", "kind": "days", "reference": 365}
    assert from_file == features_of(EnsembleSettings.model_validate({"features": [listed]}))


def test_recipe_without_predictors_is_refused():
    with pytest.raises(InputError, match="neither feature_table nor features"):
        features_of(EnsembleSettings())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("feature_code,reference\na,1\n", r"no column \['feature_type'\]"),
        ("feature_code,feature_type,reference\na,text,\n", "'a' has the type 'text'"),
        ("feature_code,feature_type,reference\na,cycle,\n", "without a reference"),
        ("feature_code,feature_type,reference\na,freq,much\n", "describes no predictor"),
        ("feature_code,feature_type,reference\na,cont,\na,cont,\n", "is no feature table"),
    ],
)
def test_tables_that_mean_nothing_are_refused(tmp_path, text, message):
    path = tmp_path / "features.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_feature_table(path)


@pytest.mark.skipif(DATA is None, reason="BIOMAP_XR_DATA is not set: no published table")
def test_published_table_has_the_predictors_of_the_paper():
    table = read_feature_table(Path(DATA) / "eunis/paper2/config/feature_metadata.csv")
    chosen = table.select(PUBLISHED_PREDICTORS)
    kinds = [feature.kind for feature in chosen.features]
    assert len(kinds) == 46
    assert [f.name for f in chosen.features if f.kind == "category"] == ["TPILF", "parmado"]
    assert {f.name: f.reference for f in chosen.features if f.kind == "cyclic"} == {
        "aspect": 255.0,
        "SOSD": 365.0,
    }


def test_a_table_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nope\.csv' does not exist.*correct the path"):
        read_feature_table(tmp_path / "nope.csv")


def test_tables_of_other_encodings_and_separators_are_read(tmp_path):
    path = tmp_path / "features.csv"
    path.write_bytes(
        "feature_code;feature_type;reference;note\ndr;cont;;Gr\xfcn\n".encode("cp1252")
    )
    assert read_feature_table(path).features == (Feature(name="dr"),)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match="a zip file or spreadsheet; expected CSV"):
        read_feature_table(path)
