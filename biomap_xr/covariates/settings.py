"""Which files each group of the covariates cube is made from, as a section of a recipe says it.

Paths are relative to `CovariateSettings.root`. Placeholders stand in braces: ``{date}``,
``{year}``, ``{quarter}``, ``{variable}``, ``{month}``, and ``{stem}`` for a scene's path without
its suffix.
"""

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from biomap_xr.covariates.predictors import PredictorsSettings
from biomap_xr.covariates.units import CLIMATE_UNITS, conversion
from biomap_xr.settings import Settings


def _in_order(years: tuple[int, int]) -> tuple[int, int]:
    if years[1] < years[0]:
        raise ValueError(f"years {years} are empty; give the first and the last year")
    return years


Years = Annotated[tuple[int, int], AfterValidator(_in_order)]
"""First and last year, both included."""

REFERENCE_PERIOD = (datetime.date(2021, 3, 21), datetime.date(2021, 12, 1))
"""The period that paper 1 averages its environmental data over for inference (section 4)."""

MAIN = {
    "sentinel2": "reflectance",
    "landsat": "reflectance",
    "climate": "climate",
    "predictors": "predictors",
}
"""The variable of each group that models read."""
LANDSAT_FILL = 255
CLIMATE_FILL = 65_535


class Period(Settings):
    """A span of days, both ends included."""

    start: datetime.date = REFERENCE_PERIOD[0]
    end: datetime.date = REFERENCE_PERIOD[1]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.end < self.start:
            raise ValueError(f"period: end {self.end} lies before start {self.start}; swap them")
        return self

    def holds(self, day: datetime.date) -> bool:
        """Say whether a day lies in the period.

        >>> Period().holds(datetime.date(2021, 12, 1)), Period().holds(datetime.date(2021, 12, 2))
        (True, False)
        """
        return self.start <= day <= self.end


class SceneFile(Settings):
    """One satellite scene that is named in the recipe."""

    path: str
    date: datetime.date | None = None
    """The day it was taken; or `position` says where the day stands."""
    position: int | None = None
    """Place of the scene in the list of `Sentinel2Settings.timestamps`, from 0."""
    mask: str | None = None
    """Its mask's file; by default the one of `MaskPattern`."""
    mask_band: int | str | None = None
    """Band of the mask by number (from 1) or by its description."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.date is None) == (self.position is None):
            raise ValueError(
                f"scene {self.path!r}: give either date or position, got {self.date} and "
                f"{self.position}"
            )
        return self


class MaskPattern(Settings):
    """Where a scene's mask stands and which of its values mean a good pixel."""

    pattern: str | None = "{stem}_mask.tif"
    """Path of the mask; none where it is a band of the scene itself."""
    band: int | str = 1
    """Band by number (from 1) or by its description."""
    valid: tuple[int, ...] = (1,)
    """Values of a good pixel."""


class Sentinel2Settings(Settings):
    """Satellite scenes that are composited over a reference period into 10 m reflectance."""

    files: str | None = "rasters/sentinel2/S2_{date}.tif"
    """Pattern of the scenes, ``{date}`` as in `date_format`."""
    date_format: str = "%Y%m%d"
    scenes: tuple[SceneFile, ...] = ()
    """Scenes named one by one instead of by a pattern."""
    timestamps: str | None = None
    """JSON list of ISO dates that `SceneFile.position` counts in."""
    catalogue: str | None = None
    """STAC catalogue (JSON) instead of files; assets by the names of `bands`."""
    bands: tuple[str, str, str, str] = ("red", "green", "blue", "nir")
    """Descriptions of the four bands in the scenes, in the order red, green, blue, near infrared.
    """
    mask: MaskPattern | None = MaskPattern()
    nodata: float | None = 0
    """Value of a missing pixel, beside what the mask says."""
    period: Period = Period()
    composite: Literal["median", "mean"] = "median"
    scale: float = Field(1.0, gt=0)
    """Reflectance x 10,000 = value x scale + offset."""
    offset: float = 0.0
    crs: str | None = None
    """CRS of files that state none."""
    resolution: float = Field(10.0, gt=0)
    """Metres."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        listed = [name for name in ("scenes", "catalogue") if getattr(self, name)]
        if len(listed) > 1:
            raise ValueError(f"sentinel2: {' and '.join(listed)} are both given; keep one of them")
        if not listed and (self.files is None or "{date}" not in self.files):
            raise ValueError(
                f"sentinel2.files: {self.files!r} holds no {{date}}; the date of a scene is needed"
            )
        # Said here, not when the list is read: a recipe is checked without its data.
        positions = [scene.path for scene in self.scenes if scene.position is not None]
        if positions and self.timestamps is None:
            raise ValueError(
                f"sentinel2: scenes {positions} have a position, but timestamps is not given; "
                "name its file"
            )
        return self


class LandsatSettings(Settings):
    """Quarterly Landsat composites over years, sampled at the centres of the grid's cells."""

    files: str = "rasters/landsat/landsat_{year}_q{quarter}.tif"
    years: Years = (2000, 2020)
    bands: tuple[str, str, str, str, str, str] = ("red", "green", "blue", "nir", "swir1", "swir2")
    """Descriptions of the six bands in the files, in this order of meaning."""
    crs: str | None = None
    """CRS of files that state none."""
    nodata: int = Field(255, ge=0, le=255)

    @field_validator("files")
    @classmethod
    def _check_files(cls, files: str) -> str:
        return with_placeholders("landsat.files", files, "year", "quarter")


class ClimateSettings(Settings):
    """Monthly climate over years: twelve bands a file, or a file a month (``{month}``)."""

    files: str = "rasters/climate/{variable}_{year}.tif"
    variables: tuple[str, ...] = ("pr", "tas", "tasmax", "tasmin")
    """Names in the files, in the order of the cube: precipitation, mean, highest, lowest
    temperature."""
    years: Years = (2000, 2018)
    units: Mapping[str, str] = CLIMATE_UNITS
    """Unit of each variable in the files; the cube's are the ones given here."""
    nodata: float | None = 65535
    """Value of a missing cell, where the file itself states none."""
    crs: str | None = None
    """CRS of files that state none."""
    resolution: float = Field(1000.0, gt=0)
    """Metres; divides the tile."""

    @field_validator("files")
    @classmethod
    def _check_files(cls, files: str) -> str:
        return with_placeholders("climate.files", files, "variable", "year")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.variables) != len(CLIMATE_UNITS):
            raise ValueError(
                f"climate.variables: {self.variables} are {len(self.variables)}; expected the "
                f"files' names of {tuple(CLIMATE_UNITS)} in this order"
            )
        for name, ours in zip(self.variables, CLIMATE_UNITS, strict=True):
            if name not in self.units:
                raise ValueError(f"climate.units: none for {name!r}; state its unit")
            conversion(self.units[name], CLIMATE_UNITS[ours])
        return self

    @property
    def monthly(self) -> bool:
        """Whether each month has a file of its own."""
        return "{month" in self.files


class LayerSettings(Settings):
    """A mask's source: polygons or a raster of codes, taken at the centres of the cells."""

    path: str
    layer: str | None = None
    """Layer of a vector file that has several."""
    column: str | None = None
    """Column of a vector file that holds the codes; without it, inside is 1."""
    codes: Mapping[str, int] = Field(default_factory=dict)
    """Code of each value of a column of names."""
    band: int | str = 1
    """Band of a raster by number (from 1) or by its description."""
    values: tuple[int, ...] = ()
    """Codes of a raster that mean inside (land, coast); without them, all but 0 and nodata."""
    nodata: float | None = None
    """Code of a missing cell of a raster, beside the one that the file states."""
    crs: str | None = None
    """CRS of files that state none."""


CORINE_WATER = (42, 43, 44)
"""CORINE's grid codes of coastal lagoons, estuaries and the sea. Salt marshes, salines, intertidal
flats, beaches and dunes (37 to 39 and 30) are land, which habitats of the coast grow on."""
CORINE_UNDECIDED = (40, 41, 45, 48)
"""CORINE's grid codes of water courses, water bodies, and what is not classified. Inland water
follows the layer of land, since a lake that were sea would have a coast."""
CORINE_LAST = 50
"""No grid code of CORINE is larger."""


class MaskSettings(Settings):
    """What lies where; only layers that are given are in the cube.

    Land cover says what is land where it is given, since polygons of land are coarse at the coast.
    Where it is missing or says nothing, the layer of land decides; without that, all is land.
    """

    land: LayerSettings | None = None
    ecoregion: LayerSettings | None = None
    coast: LayerSettings | None = None
    land_cover: LayerSettings | None = None
    land_from: Literal["land_cover", "land"] = "land_cover"
    """``land_cover``: land is what land cover says, where it is given. ``land``: the layer of land
    alone, so that another land cover never changes which cells are mapped."""
    water: tuple[int, ...] = CORINE_WATER
    """Codes of ``land_cover`` that are no land; all others are, but for the undecided ones."""
    undecided: tuple[int, ...] = CORINE_UNDECIDED
    """Codes of ``land_cover`` that leave the cell to the layer of land."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        both = sorted(set(self.water) & set(self.undecided))
        if both:
            raise ValueError(
                f"masks: codes {both} are in water and in undecided; keep each in one of the two"
            )
        return self

    @property
    def by_cover(self) -> bool:
        """Whether land cover says what is land.

        >>> MaskSettings(land=LayerSettings(path="land.gpkg")).by_cover
        False
        """
        return self.land_cover is not None and self.land_from == "land_cover"


class CovariateSettings(Settings):
    """All sources of the covariates cube; a group that is not given is not made.

    >>> CovariateSettings.model_validate({"landsat": {}}).landsat.years
    (2000, 2020)
    """

    root: Path = Path()
    """Folder that all paths are relative to."""
    sentinel2: Sentinel2Settings | None = None
    landsat: LandsatSettings | None = None
    climate: ClimateSettings | None = None
    predictors: PredictorsSettings | None = None
    masks: MaskSettings = MaskSettings()
    valid_share_tolerance: float = Field(0.05, ge=0, le=1)
    """Largest share of a tile's cells that may be land and have no value in a group."""


def with_placeholders(field: str, pattern: str, *names: str) -> str:
    """Return a pattern that is sure to hold each placeholder.

    Raises:
        ValueError: One is missing.
    """
    missing = [name for name in names if f"{{{name}" not in pattern]
    if missing:
        raise ValueError(
            f"{field}: {pattern!r} has no place for {missing}; write it with {{{missing[0]}}}"
        )
    return pattern


def year_range(years: Years) -> range:
    """Return the years from first to last, both included.

    >>> list(year_range((2000, 2002)))
    [2000, 2001, 2002]
    """
    return range(years[0], years[1] + 1)


class Edition(Settings):
    """Folders of one edition's files; only the modalities that are given can be read."""

    root: Path = Path()
    """Folder that the others are relative to."""
    sentinel2: str | None = None
    """Image patches: JPEG pairs of RGB and NIR, or GeoTIFF."""
    landsat: str | None = None
    """Cubes (``.pt``) or time series (CSV, one a band)."""
    climate: str | None = None
    """Cubes (``.pt``)."""


class PatchSettings(Settings):
    """Where the files of surveys lie, and what becomes of those that lack some."""

    editions: tuple[Edition, ...] = Field(min_length=1)
    window: int | None = Field(None, ge=1)
    """Pixels along the side of the middle of each image that is taken; by default all of it.
    Editions whose images differ in size need one."""
    missing: Literal["error", "fill"] = "error"
    """What becomes of a survey that lacks the file of a modality and has another's."""
    without: Literal["error", "drop"] = "error"
    """What becomes of a survey that has no file at all."""
