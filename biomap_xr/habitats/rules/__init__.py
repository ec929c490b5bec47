"""Regions, land cover, priority: from model probabilities to maps (paper 2, steps 2 to 4)."""
