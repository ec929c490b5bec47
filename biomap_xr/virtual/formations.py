"""Habitats of all eight formations that paper 2 maps, and where each of them can be.

Coastal habitats keep to the coasts, and inland ones to the ecoregions, that they have plots in
according to paper 2's tables of regions; land cover is what its crosswalk gives them.
"""

from biomap_xr.errors import InputError
from biomap_xr.virtual.ground import ALPINE, ATLANTIC, CONTINENTAL, MEDITERRANEAN
from biomap_xr.virtual.habitats import HABITATS, NO_HABITAT, Habitat

COASTS = {
    "ARC_COAST": 1,
    "ATL_COAST": 2,
    "BAL_COAST": 3,
    "BLA_COAST": 4,
    "MED_COAST": 5,
    "MAC_COAST": 6,
    "NAF_COAST": 7,
}
"""Codes of coastal regions on the map, as in paper 2 but for North Africa's, which is 0 there."""
NO_COAST = 255
"""Code of what is on no coast."""
ATL, MED = COASTS["ATL_COAST"], COASTS["MED_COAST"]
COAST_OF = {ALPINE: ATL, ATLANTIC: ATL, CONTINENTAL: ATL, MEDITERRANEAN: MED}
"""Coastal region of each ecoregion's shores."""

_NORTH, _SOUTH = (ATL,), (MED,)
_COOL = (ALPINE, ATLANTIC, CONTINENTAL)
_HIGH, _WARM, _LOW = (ALPINE,), (MEDITERRANEAN,), (ATLANTIC, CONTINENTAL)
_BEACH, _CLIFF, _MARSH, _SALT, _BOG = 30, 31, 35, 37, 36
_GRASS, _HEATH, _MAQUIS, _CLEARING, _PASTURE = 26, 27, 28, 29, 18
_BROAD, _MIXED, _CONIFER = (23, 25), (25, 23), (24, 25)
_ARABLE, _IRRIGATED, _EXTENSIVE, _GREEN = 12, 13, 21, 10


def _littoral(code: str, number: int, name: str, coast: int, wet: float) -> Habitat:
    return Habitat(
        code, number, name, 0.02, place="littoral", regions=(coast,), covers=(_SALT,),
        taste=(1.0, wet, 0.0),
    )  # fmt: skip


def _coastal(
    code: str, number: int, name: str, coasts: tuple[int, ...], cover: int, open_: float
) -> Habitat:
    return Habitat(
        code, number, name, 0.15, place="coast", regions=coasts, covers=(cover,),
        taste=(open_, -0.5, 0.0),
    )  # fmt: skip


def _made(code: str, number: int, name: str, covers: tuple[int, ...], wet: float) -> Habitat:
    return Habitat(
        code, number, name, 0.02, place="made", covers=covers, taste=(0.8, wet, 0.3)
    )  # fmt: skip


def _inland(
    code: str,
    regions: tuple[int, ...],
    covers: tuple[int, ...],
    taste: tuple[float, float, float],
) -> Habitat:
    """Return one of the sixteen `HABITATS` with a place."""
    one = next(each for each in HABITATS if each.code == code)
    return Habitat(
        one.code, one.number, one.name, one.woody, regions=regions, covers=covers, taste=taste
    )


# Tastes are openness, moisture and warmth in standard deviations over the land.
EVERY_HABITAT = (
    _littoral("MA222", 1202, "Atlantic upper saltmarsh", ATL, 0.4),
    _littoral("MA224", 1204, "Atlantic mid-low saltmarsh", ATL, 1.2),
    _littoral(
        "MA252",
        1502,
        "Mediterranean upper-mid saltmarsh and saline and brackish reed, rush and sedge bed",
        MED,
        0.4,
    ),
    _littoral("MA253", 1503, "Mediterranean mid-low saltmarsh", MED, 1.2),
    _coastal("N13", 2103, "Atlantic and Baltic shifting coastal dune", _NORTH, _BEACH, 1.4),
    _coastal(
        "N16",
        2106,
        "Mediterranean and Macaronesian coastal dune grassland (grey dune)",
        _SOUTH,
        _BEACH,
        0.9,
    ),
    _coastal("N1A", 2110, "Atlantic and Baltic coastal dune scrub", _NORTH, _HEATH, -0.2),
    _coastal("N31", 2301, "Atlantic and Baltic rocky sea cliff and shore", _NORTH, _CLIFF, 0.6),
    _coastal(
        "N32", 2302, "Mediterranean and Black Sea rocky sea cliff and shore", _SOUTH, _CLIFF, 0.2
    ),
    _inland("Q11", _COOL, (_BOG,), (0.6, 1.8, -0.8)),
    Habitat("Q22", 4202, "Poor fen", 0.1, regions=_COOL, covers=(_MARSH,), taste=(0.5, 1.3, -0.3)),
    Habitat("Q51", 4501, "Tall-helophyte bed", 0.02, covers=(_MARSH,), taste=(0.7, 1.6, 0.4)),
    _inland("R1A", (), (_GRASS,), (0.8, -1.3, 0.3)),
    Habitat(
        "R21", 5201, "Mesic permanent pasture of lowlands and mountains", 0.02,
        covers=(_PASTURE,), taste=(0.9, 0.0, 0.0),
    ),
    _inland("R22", _COOL, (_GRASS,), (0.7, 0.1, 0.0)),
    _inland("R35", (), (_GRASS,), (0.6, 0.9, 0.0)),
    _inland("R43", _HIGH, (_GRASS,), (1.0, 0.0, -1.7)),
    Habitat(
        "R55", 5505, "Lowland moist or wet tall-herb and fern fringe", 0.05,
        covers=(_CLEARING,), taste=(0.0, 0.7, 0.0),
    ),
    _inland("S22", _HIGH, (_HEATH,), (0.3, 0.2, -1.5)),
    _inland("S35", (), (_HEATH,), (-0.1, -0.6, 0.4)),
    _inland("S42", _LOW, (_HEATH,), (0.4, -0.6, 0.0)),
    Habitat(
        "S51", 6501, "Mediterranean maquis and arborescent matorral", 0.6, regions=_WARM,
        covers=(_MAQUIS,), taste=(0.0, -1.2, 1.6),
    ),
    _inland("S91", (), (_HEATH,), (-0.2, 1.0, 0.2)),
    _inland("T15", (), _BROAD, (-0.9, 1.4, 0.0)),
    _inland("T17", (), _BROAD, (-1.2, 0.0, -0.2)),
    _inland("T1B", (), _BROAD, (-0.9, -0.3, 0.1)),
    _inland("T1E", (), _MIXED, (-1.0, 0.3, 0.3)),
    Habitat(
        "T21", 7201, "Mediterranean evergreen Quercus forest", 0.6, regions=_WARM, covers=(23,),
        taste=(-0.8, -0.8, 1.5),
    ),
    _inland("T31", (ALPINE, CONTINENTAL), _CONIFER, (-1.1, 0.2, -1.4)),
    _inland("T35", (ALPINE, CONTINENTAL), _CONIFER, (-0.7, -0.7, -0.4)),
    Habitat(
        "U22", 8202, "Temperate high-mountain siliceous scree", 0.05, regions=_HIGH,
        covers=(_CLIFF,), taste=(1.5, -0.6, -1.8),
    ),
    Habitat(
        "U27", 8207, "Temperate, lowland to montane base-rich scree", 0.1, covers=(_CLIFF,),
        taste=(1.2, -1.2, 0.2),
    ),
    Habitat(
        "U37", 8307, "Temperate, lowland to montane base-rich inland cliff", 0.1,
        covers=(_CLIFF,), taste=(0.9, -0.9, -0.3),
    ),
    _made("V11", 9101, "Intensive unmixed crops", (_ARABLE, _IRRIGATED), 0.0),
    _made(
        "V13",
        9103,
        "Arable land with unmixed crops grown by low-intensity agricultural methods",
        (_EXTENSIVE,),
        -0.7,
    ),
    _made("V15", 9105, "Bare tilled, fallow or recently abandoned arable land", (_ARABLE,), 0.4),
    _made("V38", 9308, "Dry perennial anthropogenic herbaceous vegetation", (_GREEN,), -1.2),
)  # fmt: skip
"""By formation and number."""

HABITATS_OF: dict[str, tuple[Habitat, ...]] = {"inland": HABITATS, "all": EVERY_HABITAT}
"""The habitats of each setting."""

NUMBERS = {one.number: one for table in HABITATS_OF.values() for one in table}


def code_of(number: int) -> str:
    """Return the EUNIS code of a habitat's number.

    Raises:
        InputError: The simulated Europe has no such habitat.

    >>> code_of(7107)
    'T17'
    """
    if int(number) not in NUMBERS:
        raise InputError(
            f"number {number} is no habitat of the simulated Europe; expected one of "
            f"{sorted(NUMBERS)}: {NO_HABITAT} is water"
        )
    return NUMBERS[int(number)].code
