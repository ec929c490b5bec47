"""Which predictors an ensemble has: those of the recipe, or of a table in the published form."""

from collections.abc import Mapping
from pathlib import Path

from biomap_xr.errors import InputError
from biomap_xr.habitats.ensemble.features import Feature, FeatureTable, Kind
from biomap_xr.habitats.ensemble.settings import EnsembleSettings
from biomap_xr.sources.tables import read_table

PUBLISHED_KINDS: dict[str, Kind] = {
    "cont": "continuous",
    "dcount": "days",
    "freq": "frequency",
    "cycle": "cyclic",
    "cat": "category",
}
"""Words of the published feature table."""
COLUMNS = ("feature_code", "feature_type", "reference")
UNIT = "unit"


def features_of(settings: EnsembleSettings) -> FeatureTable:
    """Return the predictors that are used, from the recipe or from the file that it names.

    Raises:
        InputError: The recipe names none, or one that is not in the table.
    """
    if settings.feature_table is None and not settings.features:
        raise InputError(
            "ensemble: no predictors, there is neither feature_table nor features; expected "
            "name, kind and reference of each: name the table or list them"
        )
    if settings.feature_table is not None:
        table = read_feature_table(settings.feature_table)
    else:
        table = FeatureTable(features=settings.features)
    return table.select(settings.predictors) if settings.predictors else table


def read_feature_table(path: Path) -> FeatureTable:
    """Read a table of predictors in the published form.

    Args:
        path: Table with the columns ``feature_code``, ``feature_type`` (cont, dcount, freq, cycle
            or cat) and ``reference``; ``unit`` is read where there is one, others are not.

    Raises:
        InputError: The file cannot be read, a column is missing, or a row cannot mean anything.
    """
    # All as text: a reference may be empty, and a wrong one is named with its row.
    table = read_table(path, required=COLUMNS, text=(*COLUMNS, UNIT)).fillna("")
    rows = table[[name for name in (*COLUMNS, UNIT) if name in table.columns]]
    features = [
        _feature(dict(zip(rows.columns, values, strict=True)), path)
        for values in rows.itertuples(index=False)
    ]
    try:
        return FeatureTable(features=tuple(features))
    except ValueError as error:
        raise InputError(f"{path} is no feature table: {error}; mend its rows") from error


def _feature(row: Mapping[str, str], path: Path) -> Feature:
    word = row["feature_type"]
    if word not in PUBLISHED_KINDS:
        raise InputError(
            f"{path}: {row['feature_code']!r} has the type {word!r}, expected one of "
            f"{', '.join(PUBLISHED_KINDS)}; correct it"
        )
    try:
        return Feature(
            name=row["feature_code"],
            kind=PUBLISHED_KINDS[word],
            reference=float(row["reference"]) if row["reference"] else None,
            unit=row.get(UNIT) or None,
        )
    except ValueError as error:
        raise InputError(
            f"{path}: row {dict(row)} describes no predictor: {error}; mend it"
        ) from error
