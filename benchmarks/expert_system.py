"""Plots a second of the EUNIS-ESy expert system, all plots at once and one after the other.

The rules are those of a published file where ``BIOMAP_XR_DATA`` has it, else invented ones of like
number and size. Plots have 28 species each of three groups, and a complete header. The limit is the
sums of the rules' amounts alone, without any comparison, rule or choice.

    python benchmarks/expert_system.py --plots 20000
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from biomap_xr.habitats.esy import ExpertSystem
from biomap_xr.habitats.esy.covers import Covers, Plan
from biomap_xr.habitats.esy.reading import parse_rules, read_rules
from biomap_xr.observations.plots import Plots

FILE = "esy/EUNIS-ESy-2021-06-01.txt"
RICHNESS, GROUPS_A_PLOT = 28, 3
SCALE = np.array([0.1, 0.5, 2.0, 3.0, 5.0, 15.0, 37.5, 62.5])
GROUPS, MEMBERS, SPECIES = 300, 75, 9000
ALONE = 20
"""Plots that are taken one after the other."""


def main() -> None:
    """Measure and print."""
    parser = harness.arguments(__doc__, plots=20_000, rounds=3)
    options = parser.parse_args()
    harness.limit_threads(options.threads)
    system, source = rules()
    plots = draw(system, options.plots)
    singles = [plots.select(np.array([place])) for place in range(ALONE)]
    rounds = harness.interleave(
        {
            "at once": lambda: system.classify(plots),
            "one by one": lambda: [system.classify(each) for each in singles],
            "amounts alone": lambda: amounts(system, plots),
            "reading": lambda: ExpertSystem(reread(source)),
        },
        options.rounds,
    )
    per_plot = rounds["at once"].processor / options.plots
    found = system.classify(plots)
    results = {
        "rules": {"source": source, "rules": len(system.rules.rules)},
        "plots_a_second": {
            "at once": round(1 / per_plot),
            "at once, wall": round(options.plots / rounds["at once"].wall),
            "one by one": round(ALONE / rounds["one by one"].processor, 1),
            "amounts alone": round(options.plots / rounds["amounts alone"].processor),
        },
        "seconds_of_reading": round(rounds["reading"].processor, 2),
        "share_of_plots_with_a_habitat": round(float(np.mean(found.decision.rule >= 0)), 3),
        "memory_gib": round(harness.peak_memory() / harness.GIB, 2),
    }
    harness.publish(results, as_json=options.json)


def rules() -> tuple[ExpertSystem, str]:
    """Read the published rules where they are, or invent some; say which."""
    file = Path(os.environ.get("BIOMAP_XR_DATA", ""), FILE)
    source = str(file) if file.is_file() else "invented"
    return ExpertSystem(reread(source)), source


def reread(source: str) -> Any:
    """Parse the rules."""
    return parse_rules(list(invented())) if source == "invented" else read_rules(Path(source))


def invented() -> Iterator[str]:
    """Write a rule file of invented groups and species."""
    generator = np.random.default_rng(0)
    yield from ("SECTION 1: Names", "SECTION 1: End", "SECTION 2: Groups")
    for group in range(GROUPS):
        yield f"##D +{group % 3:02d} G{group}"
        yield from (f"     s {each}" for each in generator.integers(0, SPECIES, MEMBERS))
    yield from ("SECTION 2: End", "SECTION 3: Rules")
    for group in range(GROUPS):
        own, other = (f"+{each % 3:02d} G{each}" for each in (group, (group * 7 + 1) % GROUPS))
        yield f"{group % 6}          X{group:03d} name"
        yield f"(<##Q {own}> AND <#02 {own}>) NOT (<#TC {other} GR {group % 40}> OR"
        yield f"<#SC {own} GE #$$> AND <$$N Altitude (m) GR {5 * group}>)"
    yield "SECTION 3: End"


def draw(system: ExpertSystem, count: int) -> Plots:
    """Draw plots whose species come from a few groups each."""
    generator = np.random.default_rng(1)
    groups = [sorted(group.species) for group in system.rules.groups]
    species = sorted(set().union(*groups))
    place = {name: index for index, name in enumerate(species)}
    numbers = [np.array([place[name] for name in group]) for group in groups]
    columns = np.empty((count, RICHNESS), np.int64)
    for row in columns:
        chosen = generator.integers(0, len(groups), GROUPS_A_PLOT)
        row[:] = generator.choice(np.concatenate([numbers[each] for each in chosen]), RICHNESS)
    rows = np.repeat(np.arange(count), RICHNESS)
    cover = generator.choice(SCALE, count * RICHNESS).astype(np.float32)
    table = csr_array((cover, (rows, columns.ravel())), shape=(count, len(species)))
    table.data = np.minimum(table.data, 100)
    ids = np.arange(count).astype(object)
    return Plots(
        plot_id=ids,
        cover=table,
        species=tuple(species),
        labels=((),) * count,
        longitude=generator.uniform(-10, 40, count),
        latitude=generator.uniform(35, 70, count),
        site=ids,
        header=header(count, generator),
    )


def header(count: int, generator: np.random.Generator) -> pd.DataFrame:
    """Draw the fields that rules ask for."""
    fields = {
        "country": ["Germany", "France", "Spain", "Norway"],
        "coast": ["N_COAST", "ATL_COAST", "MED_COAST"],
        "dunes": ["N_DUNES", "Y_DUNES"],
        "dataset": ["benchmark"],
        "ecoregion": [686, 664, 812],
        "altitude_m": [5, 300, 900, 1800],
    }
    return pd.DataFrame({name: generator.choice(values, count) for name, values in fields.items()})


def amounts(system: ExpertSystem, plots: Plots) -> None:
    """Sum the covers of the rules' groups, and nothing else."""
    names = len(plots.species)
    plan = Plan.of(system.amounts, plots.species)
    for start in range(0, len(plots), 4096):
        cover = plots.cover[start : start + 4096]
        plan.carry_out(Covers.of(cover, np.arange(names), names))


if __name__ == "__main__":
    main()
