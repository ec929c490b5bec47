from .assess import assess as assess, count_quantiles as count_quantiles
from .declared import INDICATORS as INDICATORS, STATUSES as STATUSES
from .settings import IndicatorSettings as IndicatorSettings
from .specialists import Prevalence as Prevalence, Specialists as Specialists
from .sums import IndicatorMaps as IndicatorMaps, Sums as Sums
from .traits import Traits as Traits, read_traits as read_traits
