"""Habitats of a run by environment: an ensemble a formation, and the four steps to its maps."""
