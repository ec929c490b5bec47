"""Biodiversity maps of a continent."""
