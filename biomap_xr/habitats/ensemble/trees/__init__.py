"""Exact and fast evaluation of tree ensembles: one table for every library, one compiled pass."""
