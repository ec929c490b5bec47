"""The EUNIS habitat classification: codes, their levels, their numbers on a map.

Marine codes begin with ``MA2``, which counts as level 1; so level-3 codes have five characters
there and three elsewhere, level 2 is a code less its last character, level 1 less two (paper 1
maps levels 1 to 3, paper 2 a formation, which is level 1, at a time).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np
from array_api_compat import array_namespace
from numpy.typing import NDArray

from biomap_xr.errors import InputError

FORMATIONS = {
    "MA2": "Littoral biogenic habitats",
    "N": "Coastal habitats",
    "P": "Inland water",
    "Q": "Wetlands",
    "R": "Grasslands",
    "S": "Heathlands, scrub and tundra",
    "T": "Forests and other wooded land",
    "U": "Inland habitats with no or little soil",
    "V": "Vegetated man-made habitats",
}
"""Level-1 groups that both papers map, in the order of the map's numbers."""
LEVELS = (1, 2, 3)
NO_HABITAT = 65_535
"""Number on a map where there is no habitat."""
CODE = re.compile(r"(MA2|[NPQRSTUV])(?:([1-9])([1-9A-Za-z])?)?")
# The published legend counts T1J and T3L as absent, and freshwater classes by lower-case letters.
PUBLISHED = {"T1K": 7119, "T3M": 7321, "T3N": 7322}


def normalise(code: str) -> str:
    """Return a code in the spelling of the published legend.

    Marks of an expert system's rule variants (``R1A!``, ``!!R1Ab``) are dropped, and freshwater
    vegetation has its short form ``Pa`` written in full. ``MAa``, a single one of the published
    points, is the short form of no class of the legend and stays unknown.

    Args:
        code: Level 1 to 3.

    Raises:
        InputError: It is no code of the formations that are mapped.

    >>> normalise(" Pa "), normalise("R1A!"), normalise("MA221")
    ('P3a', 'R1A', 'MA221')
    """
    plain = code.strip().replace("!", "")
    if re.fullmatch(r"P[a-z]", plain):
        plain = f"P3{plain[1]}"
    match = CODE.fullmatch(plain)
    if not match or (match[3] and match[3].islower() and match[1] != "P"):
        raise InputError(
            f"habitat code {code!r} is not in the hierarchy; expected level 1 to 3 of "
            f"{', '.join(FORMATIONS)}, such as R22 or MA221: mend it in the table"
        )
    return plain


def level_of(code: str) -> int:
    """Return the level of a code, 1 to 3.

    Raises:
        InputError: It is no code.

    >>> [level_of(code) for code in ("MA2", "MA22", "MA221", "R", "R2", "R22")]
    [1, 2, 3, 1, 2, 3]
    """
    plain = normalise(code)
    return len(plain) - len(_formation(plain)) + 1


def at_level(code: str, level: int) -> str:
    """Return the class of a level that a code belongs to.

    Raises:
        InputError: It is no code, or of a coarser level than the one asked for.

    >>> at_level("R22", 2), at_level("MA221", 1)
    ('R2', 'MA2')
    """
    plain = normalise(code)
    length = len(_formation(plain)) + level - 1
    if level not in LEVELS or length > len(plain):
        raise InputError(
            f"habitat code {code!r} is of level {level_of(code)} and has no level {level}; ask "
            f"for one of {LEVELS[: level_of(code)]}"
        )
    return plain[:length]


def number_of(code: str) -> int:
    """Return the number of a code on a map: 1000 a formation, 100 a level-2 class, 1 a level-3 one.

    The published legend has no T1J and T3L and gives their numbers to the classes behind them;
    `in_order` refuses to number both.

    Raises:
        InputError: It is no code.

    >>> number_of("MA221"), number_of("T17"), number_of("R2"), number_of("U")
    (1201, 7107, 5200, 8000)
    """
    plain = normalise(code)
    if plain in PUBLISHED:
        return PUBLISHED[plain]
    formation = _formation(plain)
    number = 1000 * (list(FORMATIONS).index(formation) + 1)
    for factor, letter in zip((100, 1), plain[len(formation) :], strict=False):
        number += factor * _ordinal(letter)
    return number


def code_of(number: int) -> str:
    """Return the code that a number on a map stands for.

    Raises:
        InputError: It is the number of no class.

    >>> code_of(number_of("T17")), code_of(1201), code_of(5000), code_of(7119)
    ('T17', 'MA221', 'R', 'T1K')
    """
    if number not in _codes():
        raise InputError(
            f"number {number} is that of no EUNIS class; expected one that `number_of` gives, such "
            "as 7107 for T17"
        )
    return _codes()[number]


@cache
def _codes() -> Mapping[int, str]:
    found: dict[int, str] = {}
    for formation in FORMATIONS:
        letters = "123456789" + ascii_uppercase
        if formation == "P":
            letters = ascii_lowercase + letters
        for code in (
            formation,
            *(f"{formation}{second}" for second in range(1, 10)),
            *(f"{formation}{second}{third}" for second in range(1, 10) for third in letters),
        ):
            found.setdefault(number_of(code), code)
    # The published legend's own numbers come before what the rule makes of other letters.
    return {**found, **{number: code for code, number in PUBLISHED.items()}}


def in_order(codes: Iterable[str]) -> tuple[str, ...]:
    """Sort codes by their number on a map, each once.

    Raises:
        InputError: One is no code, or two different ones have the same number, so that no map can
            hold both.

    >>> in_order(["T17", "R22", "T17", "MA221"])
    ('MA221', 'R22', 'T17')
    """
    found: dict[int, str] = {}
    for code in sorted({normalise(code) for code in codes}):
        number = number_of(code)
        if number in found:
            raise InputError(
                f"{found[number]} and {code} both have the number {number} on a map by the "
                "published rule; expected one code a number: leave one of them out, or give its "
                "plots the other's code"
            )
        found[number] = code
    return tuple(found[number] for number in sorted(found))


def levels_above(codes: Sequence[str], level: int) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Group codes by their class at a coarser level.

    Returns:
        The classes, sorted by their number, and the place of each code's class among them
        ``(codes,)``.

    Raises:
        InputError: One is no code or is coarser.

    >>> levels_above(["T17", "R22", "R1A"], 1)
    (('R', 'T'), array([1, 0, 0]))
    """
    parents = [at_level(code, level) for code in codes]
    classes = tuple(sorted(set(parents), key=number_of))
    return classes, np.array([classes.index(parent) for parent in parents], np.int64)


def roll_up(probability: Any, codes: Sequence[str], level: int) -> tuple[tuple[str, ...], Any]:
    """Sum probabilities of level-3 classes over the classes of a coarser level.

    Args:
        probability: (habitat, ...) of any array library, in the order of ``codes``.
        codes: One each.
        level: 1 to 3.

    Returns:
        The classes and their probabilities (class, ...).

    Raises:
        InputError: A code is not in the hierarchy, or their count is not that of the array.

    >>> roll_up(np.array([[0.5], [0.25], [0.25]]), ["R22", "T17", "R1A"], 1)[1].tolist()
    [[0.75], [0.25]]
    """
    if len(codes) != probability.shape[0]:
        raise InputError(
            f"{len(codes)} codes for probabilities of {probability.shape[0]} habitats; expected "
            "one code each: give those of the model that made them"
        )
    library = array_namespace(probability)
    classes, parent = levels_above(codes, level)
    summed = [
        library.sum(probability[np.flatnonzero(parent == index).tolist(), ...], axis=0)
        for index in range(len(classes))
    ]
    return classes, library.stack(summed)


def _formation(plain: str) -> str:
    return "MA2" if plain.startswith("MA2") else plain[0]


def _ordinal(letter: str) -> int:
    """Count 1 to 9, then A as 10; freshwater classes are a, b, c from 1."""
    if letter.isdigit():
        return int(letter)
    return ord(letter) - ord("a") + 1 if letter.islower() else ord(letter) - ord("A") + 10
