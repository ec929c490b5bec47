"""Pl@ntBERT: a language model that reads ranked species and names the EUNIS habitat."""
