"""Normalisation constants of the published code, as far as each is one convention."""

from typing import Literal, NamedTuple

from biomap_xr.species.settings import Modality


class Preset(NamedTuple):
    """Published constants of one modality in raw (or gamma8) units, one per channel."""

    encoding: Literal["linear", "gamma8"]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]


def _raw(channels: int) -> Preset:
    return Preset("linear", (0.0,) * channels, (1.0,) * channels)


PRESETS: dict[str, dict[Modality, Preset]] = {
    # GeoPlant, single-modality notebooks: images in 0..1, cubes raw.
    "geoplant": {
        "sentinel2": Preset("gamma8", (0.0,) * 4, (255.0,) * 4),
        "landsat": _raw(6),
        "climate": _raw(4),
    },
    # GeoPlant, MME-3M notebook: images in -1..1, cubes raw.
    "geoplant_ensemble": {
        "sentinel2": Preset("gamma8", (127.5,) * 4, (127.5,) * 4),
        "landsat": _raw(6),
        "climate": _raw(4),
    },
    # malpolon, GeoLifeCLEF 2024, training constants.
    "geolifeclef2024": {
        "sentinel2": Preset(
            "gamma8", (78.761, 82.859, 71.288, 146.082), (26.074, 24.484, 23.275, 39.518)
        ),
        "landsat": Preset("linear", (30.071,) * 6, (24.860,) * 6),
        "climate": Preset("linear", (3884.726,) * 4, (2939.538,) * 4),
    },
    # malpolon, GeoLifeCLEF 2025, training constants (raw reflectance here, fractions below).
    "geolifeclef2025": {
        "sentinel2": Preset(
            "linear",
            (0.0629624, 0.0691815, 0.0460605, 0.2959370),
            (0.0435995, 0.0371396, 0.0342897, 0.0925369),
        ),
        "landsat": Preset("linear", (30.654,) * 6, (25.702,) * 6),
        "climate": Preset("linear", (3914.847,) * 4, (3080.644,) * 4),
    },
}
"""The conventions of the published code, as far as each is one convention."""
