"""Habitats from the environment: paper 2's ensemble of learners, formation by formation."""
