"""The engine against a slow one that reads the rule files anew and takes plot by plot."""

import re
from collections import defaultdict
from functools import cache
from math import prod, sqrt

import numpy as np
import pandas as pd
import pytest

from biomap_xr.habitats.esy.names import match
from biomap_xr.habitats.esy.system import OURS, Conventions

SCALE = (0.1, 0.5, 2.0, 3.0, 5.0, 10.0, 15.0, 25.0, 37.5, 50.0, 62.5, 87.5, 100.0)
FIELDS = {
    "country": ["Germany", "France", "Ireland", "Spain", "Italy", None],
    "coast": ["N_COAST", "ATL_COAST", "MED_COAST", "BAL_COAST", None],
    "dunes": ["Y_DUNES", "N_DUNES", None],
    "ecoregion": [686, 664, 812, np.nan],
    "altitude_m": [0, 250, 700, 1500, np.nan],
    "dataset": ["Swedish_National_Forest_Inventory", "other"],
}
COLUMNS = {
    "Country": "country",
    "Coast_EEA": "coast",
    "Dunes_Bohn": "dunes",
    "Ecoreg": "ecoregion",
    "Altitude (m)": "altitude_m",
    "Dataset": "dataset",
    "DEG_LAT": "lat",
    "DEG_LON": "lon",
}


class Three:
    """A truth value that may be None; Python binds ``~``, ``&`` and ``|`` as R does."""

    def __init__(self, value):
        self.value = value

    def __and__(self, other):
        values = (self.value, other.value)
        return Three(False if False in values else None if None in values else True)

    def __or__(self, other):
        return ~(~self & ~other)

    def __invert__(self):
        return Three(None if self.value is None else not self.value)


class Slow:
    """The rule language, one plot and one expression at a time."""

    def __init__(self, text):
        parts = re.findall(r"SECTION (\d):.*?\n(.*?)SECTION \1: End", text, re.DOTALL)
        sections = {int(number): body for number, body in parts}
        self.members, self.rivals, self.unions = {}, defaultdict(list), {}
        for head, body in re.findall(r"^(\S.*)\n((?:[ \t].*\n|\n)*)", sections[2], re.MULTILINE):
            name = re.sub(r"^(\+\d\d)\s*", r"\1 ", head[3:].strip())
            lines = (re.sub(r"\s{2,}0$", "", line.strip()).lower() for line in body.splitlines())
            self.members[name] = {
                line.replace("ssp.", "subsp.").replace("subsubsp", "subsp")
                for line in lines
                if line
            }
            if head.startswith("##D"):
                self.rivals[name[:3]].append(name)
        self.rules = re.findall(
            r"^(\d) {5,}(.{5}).*\n((?:[^\d\n].*\n)+)", sections[3], re.MULTILINE
        )
        self.programs = [self.program(formula) for _, _, formula in self.rules]

    def group(self, name):
        return self.members[re.sub(r"^(\+\d\d)\s*", r"\1 ", name.strip())]

    def union(self, text):
        if text not in self.unions:
            self.unions[text] = self.joined(text)
        return self.unions[text]

    def joined(self, text):
        found = set()
        for part in text.split("|"):
            name = re.sub(r"^(#TC|#SC|#T\$|###|##.)\s*", "", part.strip())
            bare = name == part.strip()
            found |= {name.lower()} if bare and name not in self.members else self.group(name)
        return found

    def number(self, text, covers, left=""):
        """Return the value of one side of an expression."""
        text = text.strip()
        if re.fullmatch(r"-?[\d.]+", text):
            return float(text)
        if re.fullmatch(r"\$\d+", text):
            return total(covers.values()) * int(text[1:]) / 100
        if text == "#T$":
            inside = self.union(left) if left else set()
            return total(cover for name, cover in covers.items() if name not in inside)
        if text == "#$$":
            return max(covers.values(), default=0)
        wanted, _, less = text.partition("EXCEPT")
        if not wanted.startswith("#"):
            return covers.get(wanted.strip().lower(), 0)
        names = self.union(wanted[3:]) - (self.union(less) if less else set())
        if text.startswith("#SC") and left:
            names -= self.union(left)
        found = [cover for name, cover in covers.items() if name in names]
        return {"#TC": total, "#SC": lambda c: max(c, default=0), "###": len, "##Q": roots}[
            text[:3]
        ](found)

    def truth(self, text, covers, header):
        """Return whether an expression holds; None where the header does not tell."""
        parts = re.split(r"\s+(GR|GE|EQ)\s+", text.strip())
        if text.startswith("$$"):
            value = header[COLUMNS[parts[0][3:].strip()]]
            if value is None or value != value:
                return None
            if text.startswith("$$C"):
                return value == parts[2]
            return compare(value, parts[1], float(parts[2]))
        if len(parts) == 3:
            return compare(
                self.number(parts[0], covers), parts[1], self.number(parts[2], covers, parts[0])
            )
        name = re.sub(r"^(\+\d\d)\s*", r"\1 ", text[3:].strip())
        if re.match(r"#\d\d", text):
            return len(self.group(name) & covers.keys()) >= int(text[1:3])
        rivals = [each for each in self.rivals[name[:3]] if each != name]
        scores = [
            roots([cover for each, cover in covers.items() if each in self.members[one]])
            for one in (name, *rivals)
        ]
        return scores[0] > max(scores[1:], default=0)

    @staticmethod
    def program(formula):
        """Turn a formula into Python, its expressions into calls."""
        # Operators are only outside of the expressions.
        pieces = re.split(r"(<[^<>]*>)", " ".join(formula.split("\n")))
        for old, new in (("AND", "&"), ("NOT", "& ~"), ("OR", "|")):
            pieces[::2] = [piece.replace(old, new) for piece in pieces[::2]]
        pieces[1::2] = [f"of({piece[1:-1]!r})" for piece in pieces[1::2]]
        return compile("".join(pieces).strip(), "rule", "eval")

    def hits(self, covers, header):
        """Return whether each rule holds, one after the other."""
        of = cache(lambda text: Three(self.truth(text, covers, header)))
        return [eval(program, {"of": of}).value is True for program in self.programs]


def total(covers):
    return round(100 * (1 - prod(1 - cover / 100 for cover in covers)), 10)


def roots(covers):
    return round(sum(map(sqrt, covers)), 5)


def compare(left, operator, right):
    return {"GR": left > right, "GE": left >= right, "EQ": left == right}[operator]


def drawn(slow, count, seed):
    """Draw plots whose species come from a few groups, so that rules have something to say."""
    generator = np.random.default_rng(seed)
    names = list(slow.members)
    covers, header = {}, defaultdict(list)
    for plot in range(count):
        chosen = generator.choice(len(names), generator.integers(1, 4), replace=False)
        pool = sorted(set().union(*(slow.members[names[each]] for each in chosen)))
        species = generator.choice(pool, min(len(pool), generator.integers(2, 22)), replace=False)
        covers[str(plot)] = {str(name): float(generator.choice(SCALE)) for name in species}
        for field, values in FIELDS.items():
            header[field].append(values[generator.integers(len(values))])
        for field, low, high in (("lat", 30, 70), ("lon", -20, 40)):
            header[field].append(
                np.nan if generator.random() < 0.1 else generator.uniform(low, high)
            )
    return covers, dict(header)


@pytest.mark.parametrize(("release", "count"), [("2020-06-08", 50), ("2021-06-01", 30)])
def test_random_plots_hit_the_same_rules(request, data, plots_of, release, count):
    slow = Slow((data / "esy" / f"EUNIS-ESy-{release}.txt").read_text())
    system = request.getfixturevalue(f"release_{release[:4]}")
    assert len(slow.rules) == len(system.rules.rules)
    covers, header = drawn(slow, count, seed=11)
    # Some members of groups are renamed by section 1 and so never found by either.
    renamed = {
        name: system.rules.aggregation.get(name, name) for plot in covers.values() for name in plot
    }
    plots = plots_of(covers, **header)
    found = system.classify(plots, keep_hits=True)
    for row, (name, species) in enumerate(covers.items()):
        merged = {renamed[each]: cover for each, cover in species.items()}
        assert len(merged) == len(species)
        fields = {field: values[row] for field, values in header.items()}
        assert found.hits[row].tolist() == slow.hits(merged, fields), name
    assert found.hits.any(axis=0).sum() > 20
    assert found.unknown.any()


def test_example_plots_hit_the_same_rules(data, release_2020, plots_of):
    slow = Slow((data / "esy" / "EUNIS-ESy-2020-06-08.txt").read_text())
    table = pd.read_csv(data / "esy" / "data_example_species.csv")
    sites = pd.read_csv(data / "esy" / "data_example_sites.csv").set_index("PlotObservationID")
    covers = {
        plot: rows.groupby("species").cover.max().to_dict()
        for plot, rows in table.groupby("PlotObservationID")
    }
    where = sites.loc[list(covers)]
    header = {"country": "Italy", "coast": "N_COAST", "dunes": "N_DUNES", "dataset": "example"}
    header |= {"altitude_m": 900.0, "ecoregion": 644.0}
    plots = plots_of(
        covers, lat=where.Latitude.to_numpy(), lon=where.Longitude.to_numpy(), **header
    )
    assert len(plots) == 200
    names = match(plots.species, release_2020.rules.aggregation, release_2020.names)
    key = dict(zip(plots.species, names.keys, strict=True))
    found = release_2020.classify(plots, conventions=OURS, keep_hits=True)
    apart = release_2020.classify(plots, conventions=Conventions(merge=False))
    assert (found.code == apart.code).mean() > 0.95
    for row, plot in list(enumerate(plots.plot_id))[::8]:
        joint = defaultdict(list)
        for name, cover in covers[plot].items():
            joint[key[name]].append(cover)
        merged = {name: total(each) for name, each in joint.items()}
        fields = header | {"lat": plots.latitude[row], "lon": plots.longitude[row]}
        assert found.hits[row].tolist() == slow.hits(merged, fields), plot
    # The names carry authors and are those of an Italian list.
    assert len(names.unmatched) < 0.3 * len(plots.species)
