from .stac import find_items as find_items
