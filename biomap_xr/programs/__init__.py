"""The work on one tile or one part, as workers do it."""

KERNELS = {"maps": 5, "environment": 2}
"""By program; raised when the values that it writes change. Known without loading the program."""
