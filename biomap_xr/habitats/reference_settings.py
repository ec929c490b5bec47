"""What a recipe says about a habitat map of others."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from biomap_xr.covariates.settings import LayerSettings
from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import normalise
from biomap_xr.settings import Settings


class ReferenceSettings(Settings):
    """A raster of habitats, and what its codes mean."""

    path: Path
    band: int | str = 1
    """Band by number (from 1) or by its description."""
    nodata: float | None = None
    """Code of a missing pixel, beside the one that the file states."""
    crs: str | None = None
    """CRS of a file that states none."""
    codes: Mapping[int, str] = Field(default_factory=dict)
    """EUNIS class, of level 1 to 3, of each code; or ``legend`` has them."""
    legend: Path | None = None
    """Table with a line a code."""
    code_column: str = "Code"
    class_column: str = "EUNIS"
    """Column of the legend with the EUNIS class; empty where a code is no habitat."""
    no_habitat: tuple[int, ...] = ()
    """Codes that are no habitat of EUNIS, beside those whose class is empty in the legend. Such
    pixels count as unlike any habitat when a cell's share is taken."""
    valid: LayerSettings | None = None
    """Polygons or a raster within which the reference counts; everywhere without one. Its path is
    relative to the recipe's root."""
    minimum_share: float = Field(0.5, gt=0, le=1)
    """Share of a cell's pixels that its most frequent class must have for the cell to count."""

    @field_validator("codes")
    @classmethod
    def _known(cls, codes: Mapping[int, str]) -> Mapping[int, str]:
        try:
            return {code: normalise(name) for code, name in codes.items()}
        except InputError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.codes) == (self.legend is not None):
            raise ValueError(
                f"reference {self.path}: {len(self.codes)} codes and the legend {self.legend}; "
                "expected one of the two: name the EUNIS class of each code"
            )
        return self
