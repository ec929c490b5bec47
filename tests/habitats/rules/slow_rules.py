"""Paper 2's steps 2 to 4 once more, one cell at a time in plain Python, from the text alone."""

import math

from biomap_xr.habitats.eunis import FORMATIONS, number_of

SURFACE_NUMBERS = {
    "URBAN": 0,
    "SEA": 100,
    "WATER_COURSES": 200,
    "LAKES_RESERVOIRS": 300,
    "TRANSITIONAL_WATERS": 400,
    "NODATA": 65535,
}


def regional(probabilities, region, counts, minimum=1):
    """{code: p} of a cell -> {code: p}; counts = {(code, region): plots}."""
    return {
        code: p if counts.get((code, region), 0) >= minimum else 0
        for code, p in probabilities.items()
    }


def ranked(probabilities, allowed):
    """{code: p} -> [(code, percent)], at most three; allowed = codes of the cell's land cover."""
    left = [(code, p) for code, p in probabilities.items() if code in allowed and p > 0]
    total = sum(p for _, p in left)
    left.sort(key=lambda each: -each[1])
    return [(code, math.floor(100 * p / total + 0.5)) for code, p in left[:3]]


def decided(tops, line, direct):
    """One cell of the final map.

    tops = {formation: [(code, percent)]}; line = (order, allowed codes, surface) of the land cover
    or None where there is none; direct = codes that land cover alone may map.
    """
    if line is None:
        return [(65535, 255)] * 3, "nodata"
    order, allowed, surface = line
    if surface:
        rule = "nodata" if surface == "NODATA" else surface.lower()
        return [(SURFACE_NUMBERS[surface], 255), (65535, 255), (65535, 255)], rule
    for place, formation in enumerate(order, 1):
        if tops.get(formation):
            first, rule = tops[formation][0], f"priority_{place}"
            break
        alone = direct_class(allowed, formation, direct, tops)
        if alone:
            first, rule = (alone, 255), "one_to_one"
            break
    else:
        return [(65535, 255)] * 3, "nothing_left"
    others = [
        each for formation in FORMATIONS for each in tops.get(formation, []) if each[0] != first[0]
    ]
    others.sort(key=lambda each: -each[1])
    cells = [first, *others[:2]]
    numbered = [(number_of(code), percent) for code, percent in cells]
    return (numbered + [(65535, 255)] * 3)[:3], rule


def direct_class(allowed, formation, direct, modelled):
    """The class that land cover alone maps; modelled = {formation: ...} has `all_codes`."""
    mine = sorted(
        (code for code in allowed if code.startswith(formation) and code in direct), key=number_of
    )
    for code in mine:
        rivals = [
            each
            for each in modelled.all_codes.get(formation, ())
            if each in allowed and not each.startswith(code)
        ]
        if not rivals:
            return code
    return None


class Tops(dict):
    """Habitats of a cell by formation, and all classes that the formations' models know."""

    def __init__(self, found, all_codes):
        super().__init__(found)
        self.all_codes = all_codes
