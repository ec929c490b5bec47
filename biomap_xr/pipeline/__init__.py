"""The main path, stage by stage, and what the command line calls."""
