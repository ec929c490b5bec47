"""The crosswalk: which classes each land cover can hold, and which formation comes first there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import FORMATIONS, at_level, normalise, number_of
from biomap_xr.habitats.legend import NODATA, SURFACES
from biomap_xr.habitats.rules.settings import COVER_COLUMN

PRIORITY_COLUMN = "Priority_order"
ALIASES = {
    "WATER_COURSE": "WATER_COURSES",
    "TRANSITIONAL_WATER": "TRANSITIONAL_WATERS",
    "SEA_OCEAN": "SEA",
}
"""What the published crosswalk calls surfaces that the published legend calls otherwise."""


@dataclass(frozen=True, eq=False)
class Crosswalk:
    """Rules of one land cover product.

    Land cover without vegetation has a surface and no priority; other land cover has formations in
    the order of their priority, and classes that it allows.
    """

    covers: NDArray[np.int64]
    """``(cover,)`` codes as on the map, each once."""
    codes: tuple[str, ...]
    """``(class,)`` of EUNIS, some of level 2, by their number."""
    allowed: NDArray[np.bool_]
    """``(class, cover)``."""
    priority: tuple[tuple[str, ...], ...]
    """``(cover,)`` formations, the first one first."""
    surface: tuple[str, ...]
    """``(cover,)`` one of `SURFACES`, ``NODATA``, or empty where vegetation grows."""
    described: pd.DataFrame = field(default_factory=pd.DataFrame)
    """``(cover, column)`` names and definitions of each land cover, where the table has them."""

    def of_cover(self, cover: int) -> tuple[str, ...]:
        """Return the classes that a land cover allows.

        Raises:
            InputError: The crosswalk has no such land cover.
        """
        at = np.flatnonzero(self.covers == cover)
        if not len(at):
            raise InputError(
                f"land cover {cover} is not in the crosswalk; expected one of "
                f"{self.covers.tolist()}"
            )
        return tuple(np.array(self.codes)[self.allowed[:, at[0]]].tolist())

    def with_mask(self, mask: Self) -> Self:
        """Take the allowed classes of a mask, and the surfaces it names, with this one's order.

        Args:
            mask: From a table without priorities. Land cover that it alone has must be a surface.

        Raises:
            InputError: One of them lacks land cover that has vegetation in the other.
        """
        return type(self)(
            mask.covers,
            mask.codes,
            mask.allowed,
            tuple(
                () if surface else self._order(int(cover), classes)
                for cover, surface, classes in zip(
                    mask.covers, mask.surface, mask.allowed.T, strict=True
                )
            ),
            tuple(
                surface or self._surface(int(cover))
                for cover, surface in zip(mask.covers, mask.surface, strict=True)
            ),
            self.described,
        )

    def to_csv(self) -> str:
        """Write the rules in the form that they are documented in, which reads back the same."""
        columns = list(FORMATIONS)
        rows = [self._row(place) for place in range(len(self.covers))]
        table = pd.DataFrame(rows, columns=[PRIORITY_COLUMN, *columns])
        table.insert(0, COVER_COLUMN, self.covers)
        if len(self.described):
            # A mask may have land cover that nobody described.
            known = self.described.reindex(self.covers).reset_index(drop=True)
            table = pd.concat([table[[COVER_COLUMN]], known, table.iloc[:, 1:]], axis=1)
        return table.to_csv(index=False, lineterminator="\n")

    def _row(self, place: int) -> dict[str, str]:
        classes = np.array(self.codes)[self.allowed[:, place]].tolist()
        listed = {
            formation: ",".join(code for code in classes if at_level(code, 1) == formation)
            for formation in FORMATIONS
        }
        order = self.surface[place] or ",".join(self.priority[place])
        return {PRIORITY_COLUMN: order, **listed}

    def _at(self, cover: int) -> int:
        at = np.flatnonzero(self.covers == cover)
        return int(at[0]) if len(at) else -1

    def _surface(self, cover: int) -> str:
        at = self._at(cover)
        return self.surface[at] if at >= 0 else ""

    def _order(self, cover: int, classes: NDArray[np.bool_]) -> tuple[str, ...]:
        at = self._at(cover)
        if at < 0 and classes.any():
            raise InputError(
                f"land cover {cover} has classes in the mask and no line in the documented "
                "crosswalk; expected its order of formations there: add the line"
            )
        return self.priority[at] if at >= 0 else ()


@dataclass(frozen=True)
class Line:
    """One line of a documented crosswalk."""

    cover: int
    """Code on the map."""
    order: tuple[str, ...]
    """Formations by priority, or one surface; empty where the table says nothing."""
    prefixes: tuple[str, ...]
    """Classes of any level: each stands for all classes below it."""


def crosswalk_of(
    lines: Sequence[Line], codes: Iterable[str], described: pd.DataFrame | None = None
) -> Crosswalk:
    """Expand documented lines to the classes of some codes.

    Args:
        lines: One a land cover.
        codes: All that can be on the map: of the models, and those that land cover alone decides.
        described: Further columns, indexed by land cover.

    Raises:
        InputError: A line names what is neither a formation nor a surface, or has classes of
            several formations and no order.

    >>> forest = Line(23, ("N", "T"), ("N1D", "T1"))
    >>> crosswalk_of([forest], ["T11", "T31", "T17", "N1D"]).of_cover(23)
    ('N1D', 'T11', 'T17')
    """
    ordered = tuple(sorted({normalise(code) for code in codes}, key=number_of))
    allowed = np.zeros((len(ordered), len(lines)), bool)
    for column, line in enumerate(lines):
        allowed[:, column] = expand(line.prefixes, ordered)
    orders = [_ordered(line) for line in lines]
    return Crosswalk(
        np.array([line.cover for line in lines], np.int64),
        ordered,
        allowed,
        tuple(order for order, _ in orders),
        tuple(surface for _, surface in orders),
        pd.DataFrame() if described is None else described,
    )


def expand(prefixes: Iterable[str], codes: Sequence[str]) -> NDArray[np.bool_]:
    """Say which codes ``(class,)`` belong to classes of any level.

    >>> expand(["R1", "Pa"], ["R11", "R1A", "R22", "P3a"]).tolist()
    [True, True, False, True]
    """
    starts = tuple(normalise(prefix) for prefix in prefixes)
    # A code begins with the codes of all classes above it.
    return np.array([bool(starts) and code.startswith(starts) for code in codes], bool)


def surface_of(name: str) -> str:
    """Return the legend's name of a surface, or nothing where it is none.

    >>> surface_of("SEA_OCEAN"), surface_of("R")
    ('SEA', '')
    """
    # Legend and crosswalk come from the same authors and spell four surfaces differently.
    plain = ALIASES.get(name, name)
    return plain if plain in SURFACES or plain == NODATA else ""


def _ordered(line: Line) -> tuple[tuple[str, ...], str]:
    """Return a line's formations in order, or its surface."""
    surfaces = [surface for name in line.order if (surface := surface_of(name))]
    if surfaces:
        return (), surfaces[0]
    unknown = [name for name in line.order if name not in FORMATIONS]
    if unknown:
        raise InputError(
            f"land cover {line.cover}: {unknown} in {PRIORITY_COLUMN} is neither a formation "
            f"({', '.join(FORMATIONS)}) nor a surface ({', '.join(SURFACES)}): mend the line"
        )
    # Formations that are not in the order can be ranks 2 and 3, but never rank 1.
    if line.order:
        return line.order, ""
    formations = sorted({at_level(code, 1) for code in line.prefixes}, key=list(FORMATIONS).index)
    if len(formations) > 1:
        raise InputError(
            f"land cover {line.cover} has classes of {', '.join(formations)} and no "
            f"{PRIORITY_COLUMN}; expected their order: add it"
        )
    # Of one formation alone, no order is needed; without classes there is nothing to map.
    return tuple(formations), "" if formations else NODATA
