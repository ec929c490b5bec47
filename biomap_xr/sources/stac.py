"""Scenes of a STAC catalogue whose files lie on this machine."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date
from os import PathLike
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pystac
from odc.stac import ParsedItem, RasterSource, parse_items
from pystac.stac_io import DefaultStacIO

from biomap_xr.errors import InputError
from biomap_xr.sources.paths import local_file
from biomap_xr.sources.scenes import GOOD_IS_ONE, BandSource, MaskRule, Scene

CHECKSUMS = ("file:checksum", "checksum:multihash", "etag", "ETag")
"""Fields of an asset that name the content of its file, the surest first (STAC file extension)."""


class LocalFiles(DefaultStacIO):
    """Reads JSON from this machine only: a catalogue may link to any place of the web."""

    def read_text_from_href(self, href: str) -> str:
        """Return a linked file's text.

        Raises:
            InputError: The link leaves this machine or leads nowhere.
        """
        return local_file(without_scheme(href)).read_text(encoding="utf-8")


def find_items(
    catalogue: str | PathLike[str],
    bands: Sequence[str],
    *,
    period: tuple[date, date] | None = None,
    mask: str | None = None,
    rule: MaskRule = GOOD_IS_ONE,
) -> tuple[Scene, ...]:
    """Return the scenes of a catalogue, one an item, by date.

    Bands are found as odc-stac finds them: by the asset's name, by the common name of its band
    (``red``), or as ``asset.2`` for the second band of an asset. Pixels are read by `read_scene`,
    since `odc.stac.load` shifts nearest pixels by up to 0.9 of one and picks overviews by window,
    so that its values depend on the tile.

    Args:
        catalogue: JSON of a catalogue, a collection, an item or an item collection.
        bands: Names of the bands that every scene must have.
        period: First and last day, both included.
        mask: Name of the mask's band.
        rule: What the mask's codes mean.

    Raises:
        InputError: No readable catalogue, links or files that are not on this machine, an item
            without a date or a band, or no item in the period.
    """
    file = local_file(catalogue)
    items = sorted(read_items(file), key=lambda item: (day_of(item), item.id))
    chosen = [item for item in items if period is None or period[0] <= day_of(item) <= period[1]]
    if not chosen:
        days = [day_of(item).isoformat() for item in items]
        raise InputError(
            f"{file}: none of its {len(days)} items ({days[:1]}..{days[-1:]}) lies in "
            f"{period and f'{period[0]}..{period[1]}'}; correct the period or the catalogue"
        )
    found = []
    for item, parsed in zip(chosen, parse_items(chosen), strict=True):
        sums = checksums_of(item)
        sources = {band: band_source(file, parsed, band, sums) for band in bands}
        hidden = None if mask is None else band_source(file, parsed, mask, sums)
        found.append(Scene(day_of(item), sources, hidden, rule))
    return tuple(found)


def read_items(file: Path) -> Iterable[pystac.Item]:
    """Return all items of a catalogue file, however it is nested.

    Raises:
        InputError: The file is no STAC, or a link cannot be followed.
    """
    reader = LocalFiles()
    try:
        content = reader.read_json(str(file))
        if content.get("type") == "FeatureCollection":
            return list(pystac.ItemCollection.from_dict(content))
        root = pystac.read_file(str(file), stac_io=reader)
        if isinstance(root, pystac.Item):
            return [root]
        if isinstance(root, pystac.Catalog):
            # Relative links start at the file that was named, wherever it says it came from.
            root.set_self_href(str(file))
            return list(root.get_items(recursive=True))
    except InputError:
        raise
    except (
        pystac.STACError,
        pystac.STACTypeError,
        ValueError,
        KeyError,
        AttributeError,
        OSError,
    ) as e:
        reason = e.__cause__ or e
        raise InputError(
            f"{file} cannot be read as STAC ({reason}); repair or write it again"
        ) from e
    raise InputError(f"{file} is a {type(root).__name__}; expected a catalogue, collection or item")


def day_of(item: pystac.Item) -> date:
    """Return the day of an item, the first one where it spans several, UTC.

    Raises:
        InputError: It has none.
    """
    moment = item.datetime or item.common_metadata.start_datetime
    if moment is None:
        raise InputError(f"item {item.id!r} has no datetime; expected one: repair the catalogue")
    return moment.astimezone(UTC).date()


def checksums_of(item: pystac.Item) -> dict[str, str]:
    """Return the checksum, or the ETag, of each file of an item that states one, by its address."""
    stated = {
        asset.get_absolute_href() or asset.href: next(
            (asset.extra_fields[key] for key in CHECKSUMS if asset.extra_fields.get(key)), None
        )
        for asset in item.assets.values()
    }
    return {href: str(value) for href, value in stated.items() if value}


def band_source(
    file: Path, item: ParsedItem, band: str, checksums: Mapping[str, str]
) -> BandSource:
    """Return where a band of an item lies.

    Args:
        file: Of the catalogue, for messages.
        item: As odc-stac reads it.
        band: Name of the band.
        checksums: Of the item's files by their addresses, where they are stated.

    Raises:
        InputError: The item has no such band, or its file is not on this machine.
    """
    try:
        source = item[band]
    except (KeyError, ValueError) as e:
        raise InputError(
            f"{file}: item {item.id!r} has no band {band!r}, only {sorted(map(str, item.bands))}; "
            "correct the names in the recipe"
        ) from e
    if not isinstance(source, RasterSource):
        raise InputError(f"{file}: {band!r} of item {item.id!r} is no raster: name another asset")
    nodata = None if source.meta is None else source.meta.nodata
    path = local_file(without_scheme(source.uri))
    return BandSource(path, source.band, nodata, checksums.get(source.uri))


def without_scheme(href: str) -> str:
    """Return the path that a link means; links to other places stay as they are and are refused.

    >>> without_scheme("file:///data/a%20b.tif")
    '/data/a b.tif'
    """
    parts = urlsplit(href)
    return unquote(parts.path) if parts.scheme == "file" and not parts.netloc else href
