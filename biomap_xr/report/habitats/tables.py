"""Tables of a report about habitats, from what other rooms say of their work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from biomap_xr.evaluation.habitats.agreement import Agreement
from biomap_xr.evaluation.habitats.references import reference_classes
from biomap_xr.evaluation.habitats.scores import Judged, class_scores
from biomap_xr.evaluation.map_statistics import (
    PAPER_HABITAT_STATISTICS,
    SQUARE_METRES_PER_KM2,
    Area,
    MapStatistics,
)
from biomap_xr.evaluation.tables import Row
from biomap_xr.habitats.comparison import Compared
from biomap_xr.habitats.eunis import FORMATIONS
from biomap_xr.observations.plot_report import Counts, CurationReport, PlotStep
from biomap_xr.report.content import Cell, Table

SHOWN = 15
"""Habitats of a table that are seen at once; the others are folded."""
EXAMPLES = 4
"""Examples of what a step left out; all of them are in ``models/plots.json``."""

STEPS = {
    "absent": "absences in the table",
    "not_plots": "lines that are no plots",
    "header": "plots without a header",
    "cover": "species without cover",
    "duplicates": "species twice in a plot, summed",
    "coordinates": "plots without coordinates",
    "area_m2": "area of the plot",
    "uncertainty_m": "uncertainty of the place",
    "year": "year",
    "names": "names of species unified",
    "binomial": "names that are not of a species",
    "rare_species": "rare species",
    "lost_species": "plots that lost too many species",
    "highest_cover": "plots that lost their dominant species",
    "empty": "plots without species",
    "unused_species": "species that no plot has left",
    "labels": "codes that are no habitat",
    "rare_habitats": "rare habitats",
}
"""Steps of the curation in plain words."""


def curation_tables(report: CurationReport) -> tuple[Table, ...]:
    """Say what became of vegetation plots: one table a file, then one of all plots together."""
    files = tuple(
        _step_table(f"{PurePath(table.path).name} ({table.kind})", table.steps)
        for table in report.tables
        if table.steps
    )
    final = report.final
    kept = (
        f"{final.plots:,} plots with {final.species:,} species and {final.observations:,} "
        f"observations are left; {final.labelled:,} of them bear a habitat."
    )
    return (*files, _step_table("From tables to vegetation plots", report.steps, kept))


def _step_table(caption: str, steps: Sequence[PlotStep], note: str = "") -> Table:
    columns = ("step", "plots", "with a habitat", "species", "observations", "left out")
    before = [("before", *_counted(step.before), "") for step in steps[:1]]
    after = [
        (STEPS.get(step.name, step.name), *_counted(step.after), _examples(step.examples))
        for step in steps
    ]
    rows = (*before, *after)
    told = "Numbers are those left after the step."
    return Table(caption, columns, rows, f"{told} {note}".strip())


def _counted(counts: Counts) -> tuple[int, int, int, int]:
    return counts.plots, counts.labelled, counts.species, counts.observations


def _examples(examples: Mapping[str, int]) -> str:
    found = [f"{name or '(empty)'} ({count:,})" for name, count in examples.items()]
    more = len(found) - EXAMPLES
    return ", ".join(found[:EXAMPLES]) + (f" and {more} more" if more > 0 else "")


def class_tables(caption: str, judged: Judged, names: Mapping[str, str]) -> tuple[Table, ...]:
    """Score every habitat; those with the fewest plots are folded.

    Args:
        caption: of the table.
        judged: predictions ``(plot, habitat)`` and labels.
        names: of codes, where known.
    """
    order = sorted(class_scores(judged), key=lambda each: (-each.plots, each.code))
    columns = ("habitat", "plots", "precision", "recall", "F-score")
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            names.get(each.code, each.code),
            each.plots,
            *(round(measure, 3) for measure in (each.precision, each.recall, each.f_score)),
        )
        for each in order
    )
    rest = len(rows) - SHOWN
    if rest <= 0:
        return (Table(caption, columns, rows, decimals=3),)
    most = order[SHOWN].plots
    first = Table(
        caption,
        columns,
        rows[:SHOWN],
        f"{rest} more habitats, with at most {most} plots each, are listed below.",
        decimals=3,
    )
    others = f"{caption}: the other {rest}"
    return first, Table(others, columns, rows[SHOWN:], folded=True, decimals=3)


@dataclass(frozen=True, eq=False)
class FormationResult:
    """What an ensemble says of the plots of one set."""

    formation: str
    """Level-1 code."""
    where: str
    """The set of plots, in plain words."""
    judged: Judged


def formation_table(results: Sequence[FormationResult]) -> Table:
    """Spread class-wise scores within each formation as paper 2, table 4 does: mean, deviation."""
    columns = (
        "formation", "plots from", "plots", "habitats", "precision", "± s.d.", "recall", "± s.d.",
        "F1", "± s.d.", "top-3",
    )  # fmt: skip
    return Table(
        "Scores of single habitats within each formation: mean and standard deviation",
        columns,
        tuple(_formation_row(each) for each in results),
        "As paper 2, table 4: each habitat of level 3 counts once, however many plots it has. "
        "Paper 2 reports F-scores of 0.61 to 0.94 in spatial cross-validation and of 0.33 to 0.95 "
        "on external data sets. Top-3: share of plots whose habitat is among the three likeliest.",
        decimals=3,
    )


def _formation_row(result: FormationResult) -> tuple[Cell, ...]:
    scores = class_scores(result.judged)
    spread: list[Cell] = []
    for kind in ("precision", "recall", "f_score"):
        values = np.array([getattr(each, kind) for each in scores])
        spread += [round(float(values.mean()), 3), round(float(values.std()), 3)]
    top = round(float(result.judged.top_hits().mean()), 3)
    plots = len(result.judged.labels)
    return (entitled(result.formation), result.where, plots, len(scores), *spread, top)


def entitled(formation: str) -> str:
    """Return a formation's name and code.

    >>> entitled("Q")
    'Wetlands (Q)'
    """
    return f"{FORMATIONS.get(formation, 'Formation')} ({formation})"


def area_table(statistics: MapStatistics) -> Table:
    """Say how much of the map habitats take, beside paper 1, section 4."""
    ours, theirs = _statistics(statistics), _statistics(PAPER_HABITAT_STATISTICS)
    rows = tuple((label, value, theirs[label]) for label, value in ours.items())
    return Table(
        "Habitats on the map, beside paper 1, section 4", ("", "this run", "paper 1"), rows
    )


def widest_table(
    statistics: MapStatistics,
    names: Mapping[str, str],
    published: Sequence[Area] = (),
) -> Table:
    """Name the most widespread habitats and their areas.

    Args:
        statistics: of the map.
        names: of codes, where known.
        published: habitats of paper 1, to stand below.
    """
    named = [(names.get(each.name, each.name), each) for each in statistics.widest]
    named += [(f"{each.name} (paper 1)", each) for each in published]
    rows = tuple(
        (name, each.cells, _area(each.area_km2), _percent(each.share)) for name, each in named
    )
    rest = statistics.mapped - len(statistics.widest)
    return Table(
        "The most widespread habitats",
        ("habitat", "cells", "area (km²)", "share (%)"),
        rows,
        f"{rest} more habitats are mapped." if rest > 0 else "",
    )


def _statistics(of: MapStatistics) -> dict[str, Cell]:
    return {
        "habitats that the model knows": of.modelled,
        "habitats mapped (the likeliest somewhere)": of.mapped,
        "cells with a habitat": of.valid_cells,
        "cells of a mapped habitat, on average": round(of.mean_cells),
        "its share of the cells with a habitat (%)": _percent(of.mean_share),
        "share of the most widespread habitat (%)": _percent(
            of.widest[0].share if of.widest else float("nan")
        ),
    }


def cover_table(cells: Mapping[str, int], names: Mapping[str, str], *, resolution: float) -> Table:
    """Say how much of a map each formation and each surface without vegetation takes.

    Args:
        cells: by level-1 code or name of the surface.
        names: of codes, where known.
        resolution: side of a cell in metres.
    """
    area = resolution**2 / SQUARE_METRES_PER_KM2
    total = sum(cells.values())
    order = sorted((code for code in cells if cells[code]), key=lambda code: -cells[code])
    rows = tuple(
        (
            names.get(code, code),
            cells[code],
            _area(cells[code] * area),
            _percent(cells[code] / total),
        )
        for code in order
    )
    return Table("What covers the land", ("", "cells", "area (km²)", "share (%)"), rows)


def rule_table(cells: Mapping[str, int]) -> Table:
    """Say which rule decided how many cells; rules without a cell are left out."""
    total = sum(cells.values())
    rows = tuple((name, count, _percent(count / total)) for name, count in cells.items() if count)
    return Table("What decided", ("rule", "cells", "share (%)"), rows)


def agreement_table(maps: Mapping[str, Agreement]) -> Table:
    """Put maps beside the truth of a simulated Europe, each with what the plainest map reaches.

    Args:
        maps: by their name, in plain words.
    """
    columns = ("", "level 1", "level 2", "level 3", "among 3", "cells", "land without a habitat")
    rows: list[tuple[Cell, ...]] = []
    for name, found in maps.items():
        among = _rounded(found.share_among)
        rows.append((name, *map(_rounded, found.shares), among, found.cells, found.without))
        plainest = map(_rounded, found.share_of_most_common)
        rows.append(("its most common true class everywhere", *plainest, None, None, None))
    return Table(
        "Share of the land on which map and truth agree",
        columns,
        tuple(rows),
        "Known only in a simulated Europe. Among 3: the true habitat of level 3 is one of the "
        "three that the map has. Land without a habitat on the map does not count.",
        decimals=3,
    )


def formation_agreement_table(formations: Mapping[str, Agreement]) -> Table:
    """Put each formation's map beside the truth where the truth bears that formation."""
    columns = ("formation", "level 2", "level 3", "among 3", "cells", "without a habitat")
    rows: list[tuple[Cell, ...]] = []
    for code, found in formations.items():
        _, second, third = map(_rounded, found.shares)
        among = _rounded(found.share_among)
        rows.append((entitled(code), second, third, among, found.cells, found.without))
    return Table(
        "Share of each formation's true land on which its own map agrees with the truth",
        columns,
        tuple(rows),
        "Cells that land cover takes from their true formation count as without a habitat.",
        decimals=3,
    )


def reference_table(references: Mapping[str, Mapping[int, Compared]]) -> Table:
    """Put the map beside habitat maps of others, by level.

    Args:
        references: by name and level.
    """
    columns = (
        "map of others", "level", "cells", "agree", "among 3", "precision", "recall", "F1",
        "without a habitat here", "too mixed there",
    )  # fmt: skip
    rows: list[tuple[Cell, ...]] = []
    for name, levels in references.items():
        for level, found in levels.items():
            scores = reference_classes(found)
            means = (
                round(float(np.mean([getattr(each, kind) for each in scores] or [np.nan])), 3)
                for kind in ("precision", "recall", "f_score")
            )
            agree, among = _rounded(found.accuracy), _rounded(found.accuracy_among)
            counts = found.without, found.mixed
            rows.append((name, level, found.cells, agree, among, *means, *counts))
    return Table(
        "The map over all formations beside habitat maps of others",
        columns,
        tuple(rows),
        "Each cell of the map takes the class that most finer pixels of the other map have there; "
        "cells where no class has the share that the recipe asks for are too mixed, and left out. "
        "Classes of a coarser level count up to their own. Precision, recall and F1 are means over "
        "classes; land without a habitat on this map counts as wrong.",
        decimals=3,
    )


def reference_class_table(name: str, found: Compared, names: Mapping[str, str]) -> Table:
    """Score each class of a level against a map of others; the most frequent ones come first.

    Args:
        name: of the other map.
        found: of one level.
        names: of codes, where known.
    """
    order = sorted(reference_classes(found), key=lambda each: (-each.plots, each.code))
    return Table(
        f"Habitats beside {name}",
        ("habitat", "cells there", "precision", "recall", "F1"),
        tuple(
            (
                names.get(each.code, each.code),
                each.plots,
                *(round(measure, 3) for measure in (each.precision, each.recall, each.f_score)),
            )
            for each in order
        ),
        folded=len(order) > SHOWN,
        decimals=3,
    )


def map_score_table(rows: Sequence[Row], overlap: Mapping[str, str]) -> Table:
    """Put the scores of the map itself at external plots beside one another.

    Args:
        rows: of `evaluate_map`, one a set of plots.
        overlap: what is said of training plots among them, by set.
    """
    columns = ("plots from", *(each.name for each in rows[0].measures), "plots") if rows else ()
    lines = tuple(
        (row.name, *(_rounded(each.value) for each in row.measures), row.measures[0].used)
        for row in rows
    )
    notes = [f"{row.name}: {row.note}." for row in rows if row.note]
    notes += [f"{name}: {said}." for name, said in overlap.items() if said]
    told = "The map over all formations, in the cells of plots of other sources: after regional "
    told += "filter, land cover and priority of formations. Top-3: one of the map's three habitats."
    return Table("The map at external plots", columns, lines, " ".join([told, *notes]), decimals=3)


def _area(km2: float) -> float | int:
    # Three digits of a large area would need an exponent.
    return round(km2) if km2 >= 100 else round(km2, 3)


def _percent(share: float) -> float:
    return round(100 * share, 3)


def _rounded(share: float) -> float:
    return round(share, 4)
