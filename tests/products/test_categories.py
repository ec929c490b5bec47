from xml.etree import ElementTree

from biomap_xr.products.categories import attribute_table, labels_of, palette_of


def test_palettes_and_labels_are_the_legends(legend):
    palette = palette_of(legend)
    assert palette[7107] == (*legend.entry("T17").colour, 255)
    assert palette[65_535][3] == 0
    assert labels_of(legend)["7107"] == "T17 - Fagus forest on non-acid soils"


def test_the_attribute_table_names_every_number_in_every_band(legend):
    root = ElementTree.fromstring(attribute_table(legend, 3))
    bands = root.findall("PAMRasterBand")
    assert [band.get("band") for band in bands] == ["1", "2", "3"]
    for band in bands:
        rows = [[cell.text for cell in row] for row in band.iter("Row")]
        assert len(rows) == len(legend.entries)
        meadow = next(row for row in rows if row[0] == "5202")
        red, green, blue = legend.entry("R22").colour
        assert meadow[1:] == ["R22 - Hay & meadow", "R22", str(red), str(green), str(blue), "255"]
    usages = [each.findtext("Usage") for each in bands[0].iter("FieldDefn")]
    assert usages == ["5", "2", "0", "6", "7", "8", "9"]
