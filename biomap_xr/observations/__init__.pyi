from .background import Land as Land, land_of as land_of
from .plot_reading import observe_plots as observe_plots
from .plot_settings import PlotSettings as PlotSettings
from .plots import Plots as Plots
from .reading import observe as observe
from .report import Report as Report
from .settings import ObservationSettings as ObservationSettings
from .sites import Sites as Sites, build_sites as build_sites
