"""Species model: from raw inputs at sites or tiles to the presence of every species.

`prediction.predict` is the analyst's lazy face of the kernels that the tile program runs.
"""
