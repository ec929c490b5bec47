"""From sources to one aligned cube, and from the cube to the inputs of a model."""
