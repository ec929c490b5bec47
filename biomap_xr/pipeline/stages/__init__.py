"""All stages of a run, in the order in which they are made."""

from biomap_xr.pipeline.stage import Stage
from biomap_xr.pipeline.stages.by_species import BySpecies
from biomap_xr.pipeline.stages.covariates import CovariatesCube
from biomap_xr.pipeline.stages.ensembles import Ensembles
from biomap_xr.pipeline.stages.environment import EnvironmentMaps
from biomap_xr.pipeline.stages.map_scores import MapScores
from biomap_xr.pipeline.stages.maps import SpeciesMaps
from biomap_xr.pipeline.stages.products import Products
from biomap_xr.pipeline.stages.species import SpeciesTraining

STAGES: tuple[Stage, ...] = (
    CovariatesCube(),
    SpeciesTraining(),
    BySpecies(),
    SpeciesMaps(),
    Ensembles(),
    EnvironmentMaps(),
    MapScores(),
    Products(),
)
