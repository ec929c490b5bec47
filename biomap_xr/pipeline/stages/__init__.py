"""One file a subject of a run."""
