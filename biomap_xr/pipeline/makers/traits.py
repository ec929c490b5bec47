"""What a recipe's lists say of the species that are modelled."""

import pandas as pd

from biomap_xr.indicators.traits import Traits, read_traits
from biomap_xr.observations.table import read_species
from biomap_xr.recipe import Recipe


def traits_of(recipe: Recipe, table: pd.DataFrame) -> Traits:
    """Join the recipe's trait tables to the species that are modelled.

    Args:
        recipe: With absolute paths.
        table: One row a species with the columns species_id and species.

    Raises:
        InputError: A table cannot be read or lacks a column.
    """
    listed = recipe.observations.species if recipe.observations else None
    if listed is not None:
        # Lists may be matched by further columns of the species file, such as a GBIF key.
        traits = read_species(listed).drop(columns="species")
        table = table.merge(traits, on="species_id", how="left")
    return read_traits(recipe.indicators, table)
