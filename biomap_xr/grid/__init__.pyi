from .cells import Cells as Cells, Grid as Grid, Points as Points, Tile as Tile, Window as Window
from .land import NearestLand as NearestLand, nearest_land as nearest_land
from .names import cell_code as cell_code, corner_of as corner_of
from .settings import EUROPE as EUROPE, Extent as Extent, GridSettings as GridSettings
