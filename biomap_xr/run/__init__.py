"""Tasks, receipts and resume: every task is done once, whatever is killed in between."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
