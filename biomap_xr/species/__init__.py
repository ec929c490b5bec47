"""Species model: from raw inputs at sites or tiles to the presence of every species."""
