"""Scores of habitat models, and how far maps agree."""
