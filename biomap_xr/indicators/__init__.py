"""Biodiversity indicators of predicted assemblages, with their uncertainty (paper 1, section 3).

Two faces of one set of formulas: `Sums` inside the tile program, block by block of species, and
`assess` on any opened species cube, lazily. `Traits` says which species each indicator counts.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
