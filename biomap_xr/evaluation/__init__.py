"""How good the maps are: metrics on held-out surveys, truth, tables, figures, the report."""
