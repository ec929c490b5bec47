"""What the report says of habitats."""
