"""Fitting a crosswalk to the models at hand: the classes that only one of them has."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from biomap_xr.errors import InputError
from biomap_xr.habitats.eunis import FORMATIONS, NO_HABITAT, at_level, normalise, number_of
from biomap_xr.habitats.legend import NODATA, SURFACES
from biomap_xr.habitats.rules.crosswalk import Crosswalk
from biomap_xr.habitats.rules.landcover import CoverTable
from biomap_xr.habitats.rules.priority import NO_FORMATION, RULES, VEGETATED, PriorityTable
from biomap_xr.habitats.rules.settings import CrosswalkSettings

Models = Mapping[str, Sequence[str]]
"""Codes of each formation's model, in its order."""


@dataclass(frozen=True, eq=False)
class Matched:
    """Tables of steps 3 and 4 for some models."""

    covers: Mapping[str, CoverTable]
    """By formation."""
    priority: PriorityTable
    without_model: tuple[str, ...]
    """Classes of the crosswalk that no model predicts."""
    without_column: tuple[str, ...]
    """Classes of the models that the crosswalk lacks."""
    direct: tuple[str, ...]
    """Classes without a model that land cover alone maps somewhere."""

    @property
    def codes(self) -> tuple[str, ...]:
        """All classes that can be on the map, by their number."""
        modelled = [code for table in self.covers.values() for code in table.codes]
        return tuple(sorted({*modelled, *self.direct}, key=number_of))

    def __str__(self) -> str:
        return (
            f"classes of the crosswalk without a model: {_listed(self.without_model)}; of them "
            f"mapped by land cover alone: {_listed(self.direct)}; classes of the models without a "
            f"column: {_listed(self.without_column)}"
        )


def match_models(crosswalk: Crosswalk, models: Models, settings: CrosswalkSettings) -> Matched:
    """Fit a crosswalk to models by the policies of the recipe.

    Args:
        crosswalk: With priorities.
        models: Codes by formation.
        settings: What to do with classes that only one side has.

    Raises:
        InputError: A formation is unknown, or there are such classes and the policy is to stop.
    """
    strange = [
        (formation, code)
        for formation, codes in models.items()
        for code in codes
        if formation not in FORMATIONS or at_level(code, 1) != formation
    ]
    if strange:
        raise InputError(
            f"the model of formation {strange[0][0]!r} has the class {strange[0][1]!r}; expected "
            f"classes of {', '.join(FORMATIONS)}, each in its own formation's model"
        )
    modelled = {normalise(code) for codes in models.values() for code in codes}
    without_model = tuple(code for code in crosswalk.codes if code not in modelled)
    without_column = tuple(sorted(modelled - set(crosswalk.codes), key=number_of))
    _stop(without_model, settings.without_model, "crosswalk", "model", "without_model")
    _stop(without_column, settings.without_column, "models", "column", "without_column")
    missing = frozenset(settings.missing)
    related = settings.without_column == "map"
    covers = {
        formation: CoverTable(
            tuple(normalise(code) for code in codes),
            crosswalk.covers,
            np.array([_allowed(crosswalk, normalise(each), related=related) for each in codes]),
            missing,
        )
        for formation, codes in models.items()
    }
    # Others without a model are left out: a formation that was not trained must not be
    # filled with the first of its classes.
    wanted = settings.direct if settings.without_model == "map" else ()
    candidates = set(without_model) & {normalise(code) for code in wanted}
    direct = direct_classes(crosswalk, covers, sorted(candidates, key=number_of))
    used = set(direct[direct != NO_HABITAT].tolist())
    return Matched(
        covers,
        _priority_table(crosswalk, direct, missing),
        without_model,
        without_column,
        tuple(code for code in without_model if number_of(code) in used),
    )


def direct_classes(
    crosswalk: Crosswalk, covers: Mapping[str, CoverTable], candidates: Sequence[str]
) -> NDArray[np.uint16]:
    """Return the class that land cover alone maps, ``(cover, formation)`` numbers, 65535: none.

    It is the first candidate where no other class of its formation that the land cover allows has
    a model; a model's class of lower level, such as U42 below U4, is part of it and no other.

    Args:
        crosswalk: What is allowed.
        covers: By formation, the models' classes.
        candidates: Classes without a model, by their number.
    """
    direct = np.full((len(crosswalk.covers), len(FORMATIONS)), NO_HABITAT, np.uint16)
    # The first one is written last and so stays.
    for code in reversed(candidates):
        formation = at_level(code, 1)
        allowed = crosswalk.allowed[crosswalk.codes.index(code)].copy()
        if formation in covers:
            table = covers[formation]
            others = np.array([not each.startswith(code) for each in table.codes], bool)
            allowed &= ~table.allowed[others].any(axis=0)
        direct[allowed, list(FORMATIONS).index(formation)] = number_of(code)
    return direct


def _allowed(crosswalk: Crosswalk, code: str, *, related: bool) -> NDArray[np.bool_]:
    """``(cover,)`` where a class may be; one without a column as its level-2 class, if related."""
    if code in crosswalk.codes:
        return crosswalk.allowed[crosswalk.codes.index(code)]
    if not related:
        return np.zeros(len(crosswalk.covers), bool)
    above = at_level(code, 2)
    siblings = np.array([each.startswith(above) for each in crosswalk.codes], bool)
    return crosswalk.allowed[siblings].any(axis=0)


def _priority_table(
    crosswalk: Crosswalk, direct: NDArray[np.uint16], missing: frozenset[int]
) -> PriorityTable:
    order = np.full((len(crosswalk.covers), len(FORMATIONS)), NO_FORMATION, np.int8)
    for line, formations in enumerate(crosswalk.priority):
        places = [list(FORMATIONS).index(formation) for formation in formations]
        order[line, : len(places)] = places
    surfaces = [SURFACES.get(name, NO_HABITAT) for name in crosswalk.surface]
    rules = [_rule_of(name) for name in crosswalk.surface]
    return PriorityTable(
        crosswalk.covers,
        order,
        direct,
        np.array(surfaces, np.uint16),
        np.array(rules, np.uint8),
        missing,
    )


def _rule_of(surface: str) -> int:
    if not surface:
        return VEGETATED
    return RULES["nodata"] if surface == NODATA else RULES[surface.lower()]


def _stop(codes: Sequence[str], policy: str, owner: str, lacks: str, setting: str) -> None:
    if codes and policy == "error":
        raise InputError(
            f"{len(codes)} classes of the {owner} have no {lacks}: {_listed(codes)}; add it, or "
            f"choose {setting}: ignore or map in the recipe"
        )


def _listed(codes: Iterable[str]) -> str:
    return ", ".join(codes) or "none"
