"""The style of a habitat map for QGIS: one colour and label a number."""

from xml.etree import ElementTree

from biomap_xr.habitats.legend import Legend
from biomap_xr.products.categories import opacity_of, written

HEADER = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
VERSION = "3.28.0"
"""Of QGIS, whose form of styles this is; later ones read it."""


def style_of(legend: Legend, band: int = 1) -> str:
    """Write a QML file that colours a band's numbers as the legend does.

    Args:
        legend: Its colours and labels; no data is left clear.
        band: Counted from 1.

    >>> from biomap_xr.habitats.legend import legend_of
    >>> 'value="7107"' in style_of(legend_of(["T17"]))
    True
    """
    root = ElementTree.Element(
        "qgis",
        version=VERSION,
        styleCategories="Symbology|Rendering",
        maxScale="0",
        minScale="1e+08",
    )
    pipe = ElementTree.SubElement(root, "pipe")
    renderer = ElementTree.SubElement(
        pipe,
        "rasterrenderer",
        type="paletted",
        band=str(band),
        opacity="1",
        alphaBand="-1",
        nodataColor="",
    )
    ElementTree.SubElement(renderer, "rasterTransparency")
    palette = ElementTree.SubElement(renderer, "colorPalette")
    for entry in legend.entries:
        ElementTree.SubElement(
            palette,
            "paletteEntry",
            value=str(entry.number),
            color=entry.hexadecimal,
            alpha=str(opacity_of(entry)),
            label=entry.label,
        )
    # Numbers between two classes mean nothing, so nothing may blend them.
    ElementTree.SubElement(pipe, "rasterresampler", maxOversampling="1")
    ElementTree.SubElement(root, "blendMode").text = "0"
    return HEADER + written(root)
