"""The work on one tile or one part, as workers do it."""
