"""Names of cells and tiles as the EEA reference grid gives them."""

import re

from biomap_xr.errors import InputError

PATTERN = re.compile(r"^(\d+)(k?m)([EW])(\d+)([NS])(\d+)$")


def cell_code(size: int, x: float, y: float) -> str:
    """Return the EEA code of the square of ``size`` metres with its lower left corner at (x, y).

    The size's trailing zeros move into the unit, and the corner is divided by as many powers of
    ten.

    >>> cell_code(25_000, 4_275_000, 2_650_000)
    '25kmE4275N2650'
    >>> cell_code(50, 4_283_650, 2_672_900)
    '50mE428365N267290'
    """
    zeros = len(str(size)) - len(str(size).rstrip("0"))
    unit = f"{size // 1000}km" if zeros >= 3 else f"{size}m"
    east, north = round(x) // 10**zeros, round(y) // 10**zeros
    return f"{unit}{'W' if east < 0 else 'E'}{abs(east)}{'S' if north < 0 else 'N'}{abs(north)}"


def corner_of(code: str) -> tuple[int, int, int]:
    """Return (size, x, y) in metres of an EEA cell code: the inverse of `cell_code`.

    Raises:
        InputError: The text is not such a code.

    >>> corner_of("25kmE4275N2650")
    (25000, 4275000, 2650000)
    """
    match = PATTERN.match(code)
    if not match:
        raise InputError(f"{code!r} is no EEA cell code; expected a form like '25kmE4275N2650'")
    number, unit, east, x, north, y = match.groups()
    size = int(number) * (1000 if unit == "km" else 1)
    step = 10 ** (len(str(size)) - len(str(size).rstrip("0")))
    return (
        size,
        int(x) * step * (-1 if east == "W" else 1),
        int(y) * step * (-1 if north == "S" else 1),
    )
