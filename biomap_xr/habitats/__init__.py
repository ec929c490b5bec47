"""Habitats: from species assemblages by a language model, and from the environment by ensembles."""
