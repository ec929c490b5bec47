"""What a run found, as one page for people: content, pictures, tables."""
