"""Making a simulated Europe: every file that a real project has, and the truth beside them."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from biomap_xr.cluster.cpus import usable_cpus
from biomap_xr.durable import give_name
from biomap_xr.errors import InputError
from biomap_xr.grid import Points
from biomap_xr.run import stopping
from biomap_xr.run.durable import publish
from biomap_xr.virtual.climate import write_climate
from biomap_xr.virtual.covers import write_land_cover
from biomap_xr.virtual.ground import write_ecoregions, write_land, write_predictors
from biomap_xr.virtual.landsat import write_landsat
from biomap_xr.virtual.maps import write_maps
from biomap_xr.virtual.noise import generator_of
from biomap_xr.virtual.patches import write_patches
from biomap_xr.virtual.predictors import write_further
from biomap_xr.virtual.sentinel2 import write_sentinel2
from biomap_xr.virtual.settings import VirtualSettings
from biomap_xr.virtual.surveys import make_surveys, record_table, survey_table
from biomap_xr.virtual.tables import legend_table, write_coasts, write_rule_tables
from biomap_xr.virtual.truth import STORE, Truth
from biomap_xr.virtual.vegetation import header_table, make_vegetation, species_cover_table

LOG = logging.getLogger(__name__)

MANIFEST, UNFINISHED = "manifest.json", "manifest.unfinished.json"
VERSION = 7
"""Raised when the same settings give other files."""


@dataclass(frozen=True)
class Simulated:
    """A simulated Europe on disk."""

    folder: Path
    settings: VirtualSettings
    skill: Mapping[str, float]
    """Macro AUC over the land of the true probabilities (``full``) and of each modality's part."""
    created: bool
    """Whether this call made it; otherwise it was there."""

    @property
    def truth(self) -> Path:
        """The cube of the truth."""
        return self.folder / STORE

    @property
    def surveys(self) -> Path:
        """The table of complete surveys."""
        return self.folder / "PresenceAbsenceSurveys" / "PA_metadata_train.csv"

    @property
    def records(self) -> Path:
        """The table of presence-only records."""
        return self.folder / "PresenceOnlyOccurrences" / "PO_metadata_train.csv"

    @property
    def plots(self) -> Path:
        """The table of species and covers on vegetation plots; not there where there are none."""
        return self.folder / "plots" / "species.csv"

    @property
    def plot_header(self) -> Path:
        """The table of vegetation plots and their habitats; not there where there are none."""
        return self.folder / "plots" / "header.csv"

    @property
    def species(self) -> Path:
        """The table of species and their traits."""
        return self.folder / "species.csv"

    @property
    def rasters(self) -> Path:
        """The folder of GeoTIFFs: sentinel2, landsat, climate, predictors, land_cover.tif."""
        return self.folder / "rasters"

    @property
    def land_cover(self) -> Path:
        """The raster of CORINE's grid codes."""
        return self.rasters / "land_cover.tif"

    @property
    def coasts(self) -> Path:
        """The raster of coastal regions; there where all formations are."""
        return self.rasters / "coast.tif"

    @property
    def tables(self) -> Path:
        """The folder of the tables of paper 2's rules; there where all formations are."""
        return self.folder / "tables"

    @property
    def legend(self) -> Path:
        """The legend of habitat maps; there where plots are."""
        return self.tables / "eunis_legend.csv"

    @property
    def land(self) -> Path:
        """The polygons of the land."""
        return self.folder / "vectors" / "land.gpkg"

    @property
    def ecoregions(self) -> Path:
        """The polygons of the ecoregions, with the columns code and name."""
        return self.folder / "vectors" / "ecoregions.gpkg"


def simulate(settings: VirtualSettings, out: Path, *, threads: int | None = None) -> Simulated:
    """Write a simulated Europe into a folder, unless it is there already.

    The same settings give the same values whatever the tiles' side and the number of threads. A
    manifest is written last: a folder without one is begun anew.

    Args:
        settings: The world, its species and how it is observed.
        out: A folder that is new, empty, or was made by this function with equal settings.
        threads: Parts that are worked on at once; one a processor by default.

    Raises:
        InputError: The folder holds something else, or the world has next to no land.
    """
    if _is_done(out, settings):
        return Simulated(out, settings, _read(out / MANIFEST)["skill"], created=False)
    # From here on the folder is ours, also if this call is killed.
    out.mkdir(parents=True, exist_ok=True)
    _write_manifest(out / UNFINISHED, settings, {})
    truth = Truth.of(settings, out / STORE)
    workers = threads or usable_cpus()
    world, rasters = truth.assemblage.world, out / "rasters"
    extent = truth.settings.grid_settings().extent
    LOG.info("writing images of %d days", len(truth.settings.scenes))
    write_sentinel2(world, rasters / "sentinel2", extent, workers)
    stopping.check()
    LOG.info("writing 84 quarters of Landsat, climate and predictors")
    write_landsat(world, rasters / "landsat", extent, workers)
    write_climate(world, rasters / "climate", extent, workers)
    stopping.check()
    write_predictors(world, rasters, extent, workers)
    write_land(world, out / "vectors" / "land.gpkg", truth.grid)
    write_ecoregions(world, out / "vectors" / "ecoregions.gpkg", truth.grid)
    stopping.check()
    _write_observations(truth, out)
    stopping.check()
    LOG.info("writing the truth of %d species", settings.species)
    write_maps(truth, workers)
    if settings.formations == "all":
        LOG.info("writing land cover, coasts and the tables of the mapping rules")
        _write_rules(truth, out, workers)
    skill = truth.skill
    _write_manifest(out / UNFINISHED, settings, skill)
    give_name(out / UNFINISHED, out / MANIFEST)
    return Simulated(out, settings, skill, created=True)


def _write_rules(truth: Truth, out: Path, threads: int) -> None:
    """Write what paper 2's rules need; the maps of the truth are there."""
    assemblage, extent = truth.assemblage, truth.settings.grid_settings().extent
    made = Simulated(out, truth.settings, {}, created=True)
    folder = made.rasters / "predictors"
    write_further(assemblage.world, assemblage.shore, folder, extent, threads)
    write_land_cover(truth, made.land_cover)
    write_coasts(truth, made.coasts)
    write_rule_tables(truth, made.tables)


def _write_observations(truth: Truth, out: Path) -> None:
    settings, table = truth.settings, truth.table
    LOG.info("making %d surveys and %d records", settings.surveys, settings.records)
    plots = make_surveys(truth.assemblage, truth.capture)
    made = Simulated(out, settings, {}, created=True)
    appeal = table["appeal"].to_numpy(float)
    _write_csv(survey_table(truth.assemblage, plots, truth.species_id), made.surveys)
    _write_csv(record_table(truth.assemblage, appeal, truth.species_id), made.records)
    _write_csv(table, made.species)
    if settings.plots:
        vegetation = make_vegetation(truth.assemblage, truth.capture)
        names = table["species"].to_numpy(str)
        _write_csv(species_cover_table(vegetation, names, settings.seed), made.plots)
        _write_csv(header_table(truth.assemblage, vegetation), made.plot_header)
        _write_csv(legend_table(truth.assemblage.habitats), made.legend)
    random = generator_of(settings.seed, "patches")
    chosen = np.sort(random.permutation(len(plots.survey_id))[: settings.patches])
    points = Points(plots.points.x[chosen], plots.points.y[chosen])
    if len(chosen):
        write_patches(truth.assemblage.world, out, plots.survey_id[chosen], points)


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_csv(path, index=False)


def _is_done(out: Path, settings: VirtualSettings) -> bool:
    """Say whether the folder holds this very world; False where it may be written.

    Raises:
        InputError: The folder holds another world, or files that this function did not make.
    """
    if not out.exists() or not any(out.iterdir()):
        return False
    for name in (MANIFEST, UNFINISHED):
        if (out / name).is_file():
            _check_same(out / name, settings)
            return name == MANIFEST
    raise InputError(
        f"{out} is not empty and has no {MANIFEST}; expected a new folder or a simulated Europe: "
        "name another one"
    )


def _check_same(manifest: Path, settings: VirtualSettings) -> None:
    found = _read(manifest)
    wanted = json.loads(settings.model_dump_json())
    theirs = {**found["settings"], "version": found["version"]}
    ours = {**wanted, "version": VERSION}
    changed = [name for name in ours if theirs.get(name) != ours[name]]
    if changed:
        differences = ", ".join(
            f"{name} is {theirs.get(name)!r}, wanted {ours[name]!r}" for name in changed
        )
        raise InputError(
            f"{manifest.parent} holds another simulated Europe ({differences}); name another "
            "folder or move it away"
        )


def _read(manifest: Path) -> dict[str, dict[str, float]]:
    try:
        return json.loads(manifest.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise InputError(
            f"{manifest} is no JSON ({error}); move the folder away and simulate it again"
        ) from error


def _write_manifest(path: Path, settings: VirtualSettings, skill: Mapping[str, float]) -> None:
    content = {
        "version": VERSION,
        "settings": json.loads(settings.model_dump_json()),
        "skill": dict(skill),
    }
    publish(path, json.dumps(content, indent=1))
