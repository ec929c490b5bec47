"""One reader per kind of file a user has; values untouched."""
