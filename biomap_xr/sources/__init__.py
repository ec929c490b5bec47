"""One reader per kind of file a user has; values untouched."""

import lazy_loader

# Catalogues need odc-stac and with it dask.array, which few recipes do.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
