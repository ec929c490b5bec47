from .ceiling import (
    Reference as Reference,
    best_from_presence as best_from_presence,
    best_from_ranking as best_from_ranking,
    naive_from_presence as naive_from_presence,
    rule_from_ranking as rule_from_ranking,
)
from .settings import Corner as Corner, TileCount as TileCount, VirtualSettings as VirtualSettings
from .simulate import Simulated as Simulated, simulate as simulate
from .truth import Richness as Richness, Truth as Truth, open_truth as open_truth
