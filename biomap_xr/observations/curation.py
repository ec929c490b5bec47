"""Plots made ready to learn from: names, rare species, damaged plots, labels (paper 1, Pl@ntBERT).

The order is the published one: names, names of two words, species on enough plots, plots that are
still what they were, plots with species, labels, habitats on enough plots.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from biomap_xr.errors import InputError
from biomap_xr.observations.plot_names import accepted_names, is_species, read_synonyms
from biomap_xr.observations.plot_report import PlotStep, most_frequent, step_of
from biomap_xr.observations.plot_settings import CurationSettings
from biomap_xr.observations.plots import Plots
from biomap_xr.observations.report import listed
from biomap_xr.taxa import Step, parse, step_between

Normalise = Callable[[str], str]
"""Returns a habitat code in its one spelling; raises InputError where it is no code to be used.

Pass `biomap_xr.habitats.eunis.normalise` for codes of any level, or a function that raises for all
but level 3, as Pl@ntBERT has it: a label such as ``R`` is then an unknown one."""


def curate(
    plots: Plots, settings: CurationSettings, normalise: Normalise
) -> tuple[Plots, tuple[PlotStep, ...]]:
    """Curate plots as published.

    Returns:
        The curated plots, their species sorted by name where names are binomials, and one step for
        each thing that was done.

    Raises:
        InputError: No plot is left, or a policy says that a label or a plot is an error.
    """
    if not len(plots):
        raise InputError("there are 0 plots to curate; expected some: check tables and filters")
    whole, (plots, steps) = plots, curate_species(plots, settings)
    plots, emptied = drop_empty(plots, settings)
    if not len(plots):
        raise InputError(
            f"none of {len(whole)} plots is left by curation: "
            + "; ".join(f"{s.name} {s.before.plots} to {s.after.plots}" for s in (*steps, emptied))
            + "; expected some: check that the names of plots are those of the header, or curate "
            "less"
        )
    used = plots.select_species(_plots_of(plots) > 0)
    steps = (*steps, emptied, step_of("unused_species", plots, used))
    used, labelled = curate_labels(used, settings, normalise)
    return used, (*steps, *labelled)


def curate_species(plots: Plots, settings: CurationSettings) -> tuple[Plots, tuple[PlotStep, ...]]:
    """Unify names, leave out rare species, then the plots that are not what they were.

    Returns:
        The plots (fewer plots and species) and their steps.

    Raises:
        InputError: The table of synonyms cannot be read.
    """
    original, steps = plots, []
    if settings.names != "as_written":
        synonyms = {} if settings.synonyms is None else read_synonyms(settings.synonyms)
        names = accepted_names(plots.species, synonyms, species=settings.names == "species")
        merged = with_names(plots, names)
        step = step_of("names", plots, merged, _merged_names(plots.species, names))
        steps.append(replace(step, matching=_matching(plots.species, names)))
        plots, step = _keep_species(
            "binomial", merged, np.array([is_species(name) for name in merged.species], bool)
        )
        steps.append(step)
    # Counted once, as published: plots that go below may leave a species on fewer.
    rare = _plots_of(plots) < settings.minimum_plots_of_species
    plots, step = _keep_species("rare_species", plots, ~rare)
    steps.append(step)
    plots, damaged = _undamaged(original, plots, settings)
    return plots, (*steps, *damaged)


def with_names(plots: Plots, new: Sequence[str]) -> Plots:
    """Return plots with a new name for each species ``(species,)``, covers of one name summed.

    Covers of the result are ``(plot, name)`` in percent, the names sorted.
    """
    names, column = np.unique(np.array(new, object), return_inverse=True)
    rows = np.arange(len(new))
    ones = np.ones(len(rows), np.float32)
    merge = csr_array((ones, (rows, column)), shape=(len(rows), len(names)))
    cover = csr_array(plots.cover @ merge)
    cover.sort_indices()
    return replace(plots, cover=cover, species=tuple(map(str, names)))


def lost_share(before: Plots, after: Plots) -> NDArray[np.float64]:
    """Return the share of its species that each plot lost, 0 to 1, ``(plot,)``.

    Two names that became one count as a species lost, as in the published curation.
    """
    had, has = np.diff(before.cover.indptr), np.diff(after.cover.indptr)
    return (had - has) / np.maximum(had, 1)


def drop_empty(plots: Plots, settings: CurationSettings) -> tuple[Plots, PlotStep]:
    """Apply the policy for plots without species.

    Raises:
        InputError: There are some and the policy is ``error``.
    """
    empty = np.diff(plots.cover.indptr) == 0
    if settings.empty == "keep":
        empty[:] = False
    if settings.empty == "error" and empty.any():
        raise InputError(
            f"{int(empty.sum())} of {len(plots)} plots have no species, "
            f"{listed(plots.plot_id[empty])}; expected one at least: correct the tables, or set "
            "empty to drop"
        )
    kept = plots.select(~empty)
    return kept, step_of("empty", plots, kept, plots.plot_id[empty])


def curate_labels(
    plots: Plots, settings: CurationSettings, normalise: Normalise
) -> tuple[Plots, tuple[PlotStep, ...]]:
    """Bring labels into one spelling, and take those away that are unknown or rare.

    A plot whose last label goes stays, without label: masked species are learned from it.

    Returns:
        The plots and the steps ``labels``, with every unknown label, and ``rare_habitats``.

    Raises:
        InputError: A label is unknown and the policy is ``error``.
    """
    known, unknown = _spelt(plots, settings, normalise)
    frequent, taken = _frequent(known, settings.minimum_plots_of_habitat)
    return frequent, (
        step_of("labels", plots, known, unknown),
        step_of("rare_habitats", known, frequent, taken),
    )


def _spelt(
    plots: Plots, settings: CurationSettings, normalise: Normalise
) -> tuple[Plots, list[str]]:
    """Return plots with known codes alone, and the labels that are none.

    Raises:
        InputError: There are some and the policy is ``error``.
    """
    codes = _known_codes(plots, normalise)
    unknown = [label for labels in plots.labels for label in labels if codes[label] is None]
    if unknown and settings.unknown_labels == "error":
        raise InputError(
            f"{len(unknown)} labels are no habitat codes: {listed(unknown)}; expected codes such "
            "as R22 or MA221: correct them, or set unknown_labels to unlabel or drop"
        )
    known = plots.with_labels(tuple(_coded(labels, codes) for labels in plots.labels))
    if settings.unknown_labels == "drop":
        lost = [bool(old) and not new for old, new in zip(plots.labels, known.labels, strict=True)]
        known = known.select(~np.array(lost, bool))
    return known, unknown


def _frequent(plots: Plots, minimum: int) -> tuple[Plots, list[str]]:
    """Return plots without the labels of fewer plots than a minimum, and the labels taken away."""
    every = [code for labels in plots.labels for code in labels]
    count = Counter(every)
    kept = {code for code, number in count.items() if number >= minimum}
    labels = tuple(tuple(code for code in labels if code in kept) for labels in plots.labels)
    return plots.with_labels(labels), [code for code in every if code not in kept]


def _undamaged(
    original: Plots, plots: Plots, settings: CurationSettings
) -> tuple[Plots, tuple[PlotStep, PlotStep]]:
    """Return the plots that kept enough species and their highest cover, and the two steps."""
    robbed = lost_share(original, plots) > settings.maximum_lost
    changed = (_highest(original) != _highest(plots)) & ~robbed & settings.same_highest_cover
    enough, whole = plots.select(~robbed), plots.select(~robbed & ~changed)
    return whole, (
        step_of("lost_species", plots, enough, plots.plot_id[robbed]),
        step_of("highest_cover", enough, whole, plots.plot_id[changed]),
    )


def _keep_species(name: str, plots: Plots, kept: NDArray[np.bool_]) -> tuple[Plots, PlotStep]:
    """Return plots with the species kept ``(species,)``, and that step with the others' counts."""
    after = plots.select_species(kept)
    count = _plots_of(plots)
    lost = {plots.species[index]: int(count[index]) for index in np.flatnonzero(~kept)}
    step = step_of(name, plots, after)
    return after, replace(step, examples=most_frequent(lost))


def _plots_of(plots: Plots) -> NDArray[np.int64]:
    """Return how many plots have each species, ``(species,)``."""
    return np.bincount(plots.cover.indices, minlength=len(plots.species))


def _highest(plots: Plots) -> NDArray[np.float32]:
    """Return the highest cover of each plot, percent, ``(plot,)``; 0 without species."""
    count = np.diff(plots.cover.indptr)
    highest = np.zeros(len(plots), np.float32)
    # Written row by row: sparse matrices have no maximum where there is no column.
    np.maximum.at(highest, np.repeat(np.arange(len(plots)), count), plots.cover.data)
    return highest


def _merged_names(names: Sequence[str], new: Sequence[str]) -> list[str]:
    """Return the names as written that another name of the plots became one with."""
    count = Counter(new)
    return [name for name, accepted in zip(names, new, strict=True) if count[accepted] > 1]


def _matching(names: Sequence[str], new: Sequence[str]) -> dict[str, int]:
    """Return how many names became species at which step, or did not and why."""
    steps = Counter(
        step_between(name, species) if is_species(species) else parse(name).unfound
        for name, species in zip(names, new, strict=True)
    )
    return {step.value: steps[step] for step in Step if steps[step]}


def _known_codes(plots: Plots, normalise: Normalise) -> dict[str, str | None]:
    """Return the one spelling of every label, None where it is no code."""
    codes: dict[str, str | None] = {}
    for label in {label for labels in plots.labels for label in labels}:
        try:
            codes[label] = normalise(label)
        except InputError:
            codes[label] = None
    return codes


def _coded(labels: tuple[str, ...], codes: Mapping[str, str | None]) -> tuple[str, ...]:
    known = (codes[label] for label in labels)
    return tuple(dict.fromkeys(code for code in known if code is not None))
