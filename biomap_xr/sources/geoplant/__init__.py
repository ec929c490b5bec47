"""Readers of the GeoPlant and GeoLifeCLEF layouts, all editions."""
