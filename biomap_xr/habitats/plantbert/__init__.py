"""Pl@ntBERT: a language model that reads ranked species and names the EUNIS habitat."""

import lazy_loader

# Transformers takes seconds of processor time to load: whoever may have no model to read, such as
# a worker, takes these names from here, and they load when they are used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
