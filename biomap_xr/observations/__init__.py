"""What was seen where: records and surveys as sites, vegetation plots with covers and habitats."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
