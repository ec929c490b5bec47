"""Plain classifiers of species assemblages, which show what Pl@ntBERT adds."""
