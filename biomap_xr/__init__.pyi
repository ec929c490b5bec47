from .cubes.folder import open as open
from .cubes.store import open_cube as open_cube
from .indicators.assess import assess as assess
from .pipeline.launching import run_recipe as run_recipe
from .recipe import Recipe as Recipe
from .species.prediction import predict as predict
