"""Habitats of a run: plots, Pl@ntBERT and its maps, and what is kept and told of all habitats."""
