"""The legend of a habitat map: number, code, names and colour of each class.

Read from a table such as paper 2 publishes ("Data Records", ``eunis_legend_detailed.csv``) or built
by rule for the codes of a model. Numbers follow one rule everywhere (`eunis.number_of`), so that
maps of any run can be read with any legend; beside habitats a map has numbers for what land cover
decides alone.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import (
    FORMATIONS,
    LEVELS,
    NO_HABITAT,
    at_level,
    in_order,
    level_of,
    normalise,
)
from biomap_xr.habitats.eunis import number_of as number_by_rule
from biomap_xr.run import fingerprint_of
from biomap_xr.sources.tables import read_table

if TYPE_CHECKING:
    from pydantic import JsonValue

Colour = tuple[int, int, int]

SURFACES = {
    "URBAN": 0,
    "SEA": 100,
    "WATER_COURSES": 200,
    "LAKES_RESERVOIRS": 300,
    "TRANSITIONAL_WATERS": 400,
}
"""Number on a map of each land cover without vegetation."""
NODATA = "NODATA"
SPECIAL = {**SURFACES, NODATA: NO_HABITAT}

COLUMNS = (
    "Id", "Code", "Color", "EUNIS1", "EUNIS2", "EUNIS3",
    "EUNIS1_name", "EUNIS2_name", "EUNIS3_name", "hexcolor", "Label",
)  # fmt: skip
REQUIRED = ("Code", "EUNIS1", "EUNIS2", "EUNIS3", "hexcolor")
HEXADECIMAL = re.compile(r"#[0-9a-fA-F]{6}")
NAMED = 10
"""Codes that a message names at most."""

_SURFACE_COLOURS: dict[str, Colour] = {
    "URBAN": (160, 160, 160),
    "SEA": (224, 238, 247),
    "WATER_COURSES": (20, 130, 150),
    "LAKES_RESERVOIRS": (60, 150, 175),
    "TRANSITIONAL_WATERS": (110, 180, 190),
    NODATA: (255, 255, 255),
}
# One hue a formation, near to what vegetation maps use: water blue, forest dark green.
_FORMATION_COLOURS: dict[str, Colour] = {
    "MA2": (60, 70, 200),
    "N": (200, 160, 70),
    "P": (90, 190, 230),
    "Q": (40, 170, 150),
    "R": (160, 215, 60),
    "S": (165, 75, 50),
    "T": (40, 110, 45),
    "U": (150, 130, 120),
    "V": (245, 225, 90),
}
RULE = 1
"""Raised when `legend_of` gives other lines for the same codes."""
SHADES = 10
"""Steps from a formation's dark classes to its light ones."""


@dataclass(frozen=True)
class Entry:
    """One line of a legend."""

    number: int
    """On the map, 0 to 65535."""
    code: str
    """Of EUNIS, or one of `SPECIAL`."""
    names: tuple[str, str, str]
    """Of the class at levels 1, 2 and 3; empty below its own level or where none is known."""
    colour: Colour
    """Red, green and blue, 0 to 255 each."""

    @property
    def name(self) -> str:
        """Name at the class's own level, or the code."""
        own = "" if self.code in SPECIAL else self.names[level_of(self.code) - 1]
        return own or self.code

    @property
    def label(self) -> str:
        """Code and name as the published legend writes them.

        >>> Entry(7107, "T17", ("Forests", "", "Fagus forest"), (0, 0, 0)).label
        'T17 - Fagus forest'
        """
        return self.code if self.name == self.code else f"{self.code} - {self.name}"

    @property
    def hexadecimal(self) -> str:
        """Colour as ``#rrggbb``."""
        return "#{:02x}{:02x}{:02x}".format(*self.colour)


@dataclass(frozen=True)
class Legend:
    """Lines by ascending number; each number and each code once.

    >>> legend = legend_of(["T17", "R22"])
    >>> legend.code_of(7107), legend.number_of("R22")
    ('T17', 5202)
    """

    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        numbers = [entry.number for entry in self.entries]
        if numbers != sorted(set(numbers)):
            twice = sorted({each for each in numbers if numbers.count(each) > 1})
            raise InputError(
                f"a legend's numbers are {'not ascending' if not twice else f'twice: {twice}'}; "
                "expected each number once, in order: mend the table"
            )

    @cached_property
    def by_code(self) -> Mapping[str, Entry]:
        """The line of each code."""
        return {entry.code: entry for entry in self.entries}

    @cached_property
    def by_number(self) -> Mapping[int, Entry]:
        """The line of each number."""
        return {entry.number: entry for entry in self.entries}

    def entry(self, code: str) -> Entry:
        """Return the line of a code in any of its spellings.

        Raises:
            InputError: The legend has none.
        """
        self.require([code])
        return self.by_code[_spelt(code)]

    def number_of(self, code: str) -> int:
        """Return the number of a code on the map.

        Raises:
            InputError: The legend has no such code.
        """
        return self.entry(code).number

    def code_of(self, number: int) -> str:
        """Return the code of a number on the map.

        Raises:
            InputError: The legend has no such number.
        """
        if number not in self.by_number:
            raise InputError(
                f"number {number} is not in the legend of {len(self.entries)} lines; add a line or "
                "name the legend that the map was made with"
            )
        return self.by_number[number].code

    def require(self, codes: Collection[str]) -> None:
        """Check that the legend has every code that a map needs.

        Raises:
            InputError: It lacks some; up to ten are named.
        """
        missing = [code for code in codes if _spelt(code) not in self.by_code]
        if missing:
            more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
            raise InputError(
                f"the legend of {len(self.entries)} lines lacks {len(missing)} of the codes that "
                f"the map needs: {', '.join(missing[:NAMED])}{more}; add their lines, or leave the "
                "legend out of the recipe to have it built by rule"
            )

    def only(self, codes: Collection[str]) -> Self:
        """Return the lines of some codes alone.

        Raises:
            InputError: The legend lacks some.
        """
        self.require(codes)
        wanted = {_spelt(code) for code in codes}
        return type(self)(tuple(entry for entry in self.entries if entry.code in wanted))

    @property
    def fingerprint(self) -> str:
        """One short name for all that a map and its files take from the legend.

        Numbers, codes, names and colours count; where the table lies and how it spells a code do
        not.

        >>> legend_of(["P3a"]).fingerprint == legend_of([" Pa"]).fingerprint
        True
        """
        return fingerprint_of({"entries": [_plain(entry) for entry in self.entries]})

    def to_csv(self) -> str:
        """Write the columns of the published legend; the last column of a class is its label."""
        rows = [_row(index, entry) for index, entry in enumerate(self.entries)]
        return pd.DataFrame(rows, columns=COLUMNS).to_csv(index=False, lineterminator="\n")


def read_legend(path: str | PathLike[str]) -> Legend:
    """Read a legend with the columns Code, EUNIS1 to EUNIS3, hexcolor and, if known, the names.

    Raises:
        InputError: The table cannot be read, or a line has an unknown code, a number that is not
            the code's, or a malformed colour.
    """
    table = read_table(path, required=REQUIRED, text=COLUMNS[3:]).fillna("")
    rows = (row for _, row in table.iterrows())
    entries = [_entry(f"{path}, line {line}", row) for line, row in enumerate(rows, 2)]
    return Legend(tuple(sorted(entries, key=lambda entry: entry.number)))


def legend_key(path: str | PathLike[str] | None) -> str:
    """Return one short name for all that the legend of a recipe's maps depends on.

    Args:
        path: Of the table; None where legends are built by rule for the codes of the models, whose
            own fingerprints name those codes.

    Raises:
        InputError: The table cannot be read.
    """
    return read_legend(path).fingerprint if path else fingerprint_of({"rule": RULE})


def legend_of(codes: Iterable[str], names: Mapping[str, str] | None = None) -> Legend:
    """Build a legend by rule: the codes, the classes above them, what is no habitat, no data.

    Args:
        codes: Of any level, in any spelling.
        names: Of codes, where known; formations have names of their own.

    Raises:
        InputError: One is no code, or two have one number.

    >>> [entry.code for entry in legend_of(["T17"]).entries][-4:]
    ['T', 'T1', 'T17', 'NODATA']
    """
    wanted = {normalise(code) for code in codes}
    above = {at_level(code, level) for code in wanted for level in LEVELS[: level_of(code)]}
    known = {**FORMATIONS, **{_spelt(code): name for code, name in (names or {}).items()}}
    habitats = [
        Entry(number_by_rule(code), code, _names_of(code, known), _colour_of(code))
        for code in in_order(above)
    ]
    others = [
        Entry(number, code, ("", "", ""), _SURFACE_COLOURS[code])
        for code, number in SPECIAL.items()
    ]
    return Legend(tuple(sorted((*habitats, *others), key=lambda entry: entry.number)))


def _spelt(code: str) -> str:
    """Return a code as legends spell it; what no legend can have stays as it is."""
    # "SEA" would pass for a class of heathlands.
    if code in SPECIAL:
        return code
    try:
        return normalise(code)
    except InputError:
        return code


def _names_of(code: str, known: Mapping[str, str]) -> tuple[str, str, str]:
    found = [known.get(at_level(code, level), "") for level in LEVELS[: level_of(code)]]
    first, second, third = [*found, "", ""][:3]
    return first, second, third


def _colour_of(code: str) -> Colour:
    """A shade of the formation's colour for each level-2 class, as the published legend has it."""
    base = np.array(_FORMATION_COLOURS[at_level(code, 1)], float)
    if level_of(code) == 1:
        return _colour(base)
    step = (number_by_rule(at_level(code, 2)) // 100 % 10) % SHADES
    towards = 255.0 if step % 2 else 0.0
    return _colour(base + (towards - base) * 0.45 * step / SHADES)


def _colour(values: NDArray[np.float64]) -> Colour:
    red, green, blue = (round(value) for value in values.tolist())
    return red, green, blue


def _entry(place: str, row: "pd.Series[str]") -> Entry:
    codes = [str(row[f"EUNIS{level}"]).strip() for level in LEVELS]
    code = _checked_code(place, next((each for each in reversed(codes) if each), ""))
    number = _checked_number(place, row["Code"], code)
    hexadecimal = str(row["hexcolor"]).strip()
    if not HEXADECIMAL.fullmatch(hexadecimal):
        raise InputError(f"{place}: colour {hexadecimal!r}; expected #rrggbb: mend the column")
    red, green, blue = (int(hexadecimal[at : at + 2], 16) for at in (1, 3, 5))
    first, second, third = (
        str(row.get(f"EUNIS{level}_name", "")).strip() if codes[level - 1] else ""
        for level in LEVELS
    )
    return Entry(number, code, (first, second, third), (red, green, blue))


def _checked_code(place: str, code: str) -> str:
    if code in SPECIAL:
        return code
    try:
        return normalise(code)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


def _checked_number(place: str, given: object, code: str) -> int:
    expected = SPECIAL[code] if code in SPECIAL else number_by_rule(code)
    if str(given).strip() not in (str(expected), f"{expected}.0"):
        raise InputError(
            f"{place}: number {given} for {code}; expected {expected}, so that the maps of all "
            "runs share their numbers: mend the column Code"
        )
    return expected


def _plain(entry: Entry) -> "JsonValue":
    return [entry.number, entry.code, *entry.names, entry.hexadecimal]


def _row(index: int, entry: Entry) -> dict[str, object]:
    special = entry.code in SPECIAL
    depth = 1 if special else level_of(entry.code)
    codes = [entry.code] if special else [at_level(entry.code, at) for at in LEVELS[:depth]]
    red, green, blue = entry.colour
    return {
        "Id": index,
        "Code": entry.number,
        "Color": f"({red}, {green}, {blue})",
        **{f"EUNIS{level}": code for level, code in zip(LEVELS, codes, strict=False)},
        **{f"EUNIS{level}_name": name for level, name in zip(LEVELS, entry.names, strict=True)},
        "hexcolor": entry.hexadecimal,
        "Label": entry.label,
    }
