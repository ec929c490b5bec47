"""Categories inside and beside a GeoTIFF: numbers, labels and colours for other people's software.

A palette and labelled categories are stored in the file itself. A sidecar holds them once more as a
raster attribute table, which GIS programs read and which files of several bands need, since TIFF
has one palette for a band alone.
"""

from xml.etree import ElementTree

from biomap_xr.habitats.legend import NODATA, Entry, Legend

DOMAIN = "CATEGORIES"
"""Metadata of a band: label by number."""
SIDECAR = ".aux.xml"
OPAQUE, CLEAR = 255, 0
# Numbers that GDAL gives to types and usages of an attribute table's columns.
INTEGER, TEXT = "0", "2"
COLUMNS = (
    ("Value", INTEGER, "5"),
    ("Class", TEXT, "2"),
    ("Code", TEXT, "0"),
    ("Red", INTEGER, "6"),
    ("Green", INTEGER, "7"),
    ("Blue", INTEGER, "8"),
    ("Alpha", INTEGER, "9"),
)


def palette_of(legend: Legend) -> dict[int, tuple[int, int, int, int]]:
    """Return red, green, blue and opacity, 0 to 255, of each number."""
    return {entry.number: (*entry.colour, opacity_of(entry)) for entry in legend.entries}


def labels_of(legend: Legend) -> dict[str, str]:
    """Return the label of each number, in the form that metadata has."""
    return {str(entry.number): entry.label for entry in legend.entries}


def opacity_of(entry: Entry) -> int:
    """Return 0 for what is no data and 255 for all else.

    >>> opacity_of(Entry(65535, "NODATA", ("", "", ""), (255, 255, 255)))
    0
    """
    return CLEAR if entry.code == NODATA else OPAQUE


def attribute_table(legend: Legend, bands: int) -> str:
    """Write the sidecar of a file: categories of each of its bands, as GDAL stores them.

    Args:
        legend: Of the file's numbers.
        bands: How many the file has.
    """
    root = ElementTree.Element("PAMDataset")
    # Each band needs a table of its own; GIS programs look at no other band's.
    for band in range(1, bands + 1):
        place = ElementTree.SubElement(root, "PAMRasterBand", band=str(band))
        table = ElementTree.SubElement(place, "GDALRasterAttributeTable", tableType="thematic")
        for index, (name, kind, usage) in enumerate(COLUMNS):
            column = ElementTree.SubElement(table, "FieldDefn", index=str(index))
            for tag, text in (("Name", name), ("Type", kind), ("Usage", usage)):
                ElementTree.SubElement(column, tag).text = text
        for index, entry in enumerate(legend.entries):
            _add_row(table, index, entry)
    return written(root)


def written(root: "ElementTree.Element[str]") -> str:
    """Write a tree as an indented document."""
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _add_row(table: "ElementTree.Element[str]", index: int, entry: Entry) -> None:
    row = ElementTree.SubElement(table, "Row", index=str(index))
    for value in (entry.number, entry.label, entry.code, *entry.colour, opacity_of(entry)):
        ElementTree.SubElement(row, "F").text = str(value)
