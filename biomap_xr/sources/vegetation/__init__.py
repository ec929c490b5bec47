"""Readers of vegetation plots: which species cover how much of a plot, and what a plot is."""
