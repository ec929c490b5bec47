"""Maps for other people's software: GeoTIFF with overviews, legends, styles."""
