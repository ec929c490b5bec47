"""Biodiversity maps of a continent.

>>> import biomap_xr
>>> dir(biomap_xr)
['Recipe', 'assess', 'open', 'open_cube', 'predict', 'run_recipe']

``open("runs/demo")`` has the cubes of a run, `open_cube` is one of them; `predict` maps a trained
model lazily, `assess` makes indicators of any list of species; `Recipe` and `run_recipe` are what
the command line does. Each name loads what it needs at its first use.
"""

import lazy_loader

from biomap_xr.threads import wait_passively

# Before any room of the package can load Torch.
wait_passively()

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
