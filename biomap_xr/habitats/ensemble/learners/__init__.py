"""Learners of the ensemble: one protocol, five libraries, each imported where it is chosen."""
