from xml.etree import ElementTree

from biomap_xr.products.style import style_of


def test_the_style_has_the_legends_colours_and_labels(legend):
    text = style_of(legend)
    assert text.startswith("<!DOCTYPE qgis")
    root = ElementTree.fromstring(text)
    renderer = root.find("pipe/rasterrenderer")
    assert (renderer.get("type"), renderer.get("band")) == ("paletted", "1")
    entries = {
        int(entry.get("value")): (entry.get("color"), entry.get("label"), entry.get("alpha"))
        for entry in renderer.iter("paletteEntry")
    }
    expected = {
        entry.number: (entry.hexadecimal, entry.label, "0" if entry.code == "NODATA" else "255")
        for entry in legend.entries
    }
    assert entries == expected


def test_a_style_can_show_another_band(legend):
    assert 'band="2"' in style_of(legend, 2)
