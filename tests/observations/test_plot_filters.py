from itertools import pairwise

import numpy as np
import pytest

from biomap_xr.observations.plot_filters import filter_plots
from biomap_xr.observations.plot_settings import PAPER_2, PlotFilters
from biomap_xr.observations.settings import Range


@pytest.fixture
def plots(make_plots):
    """One good plot, then one for every reason to leave it out, at both edges."""
    rows = [
        # plot, covers, scale, longitude, area, uncertainty, year, whether paper 2 takes it
        ("good", {"a": 5}, "Percentage (%)", 10.0, 25, 10, 2000, True),
        ("no cover", {}, "Percentage (%)", 10.0, 25, 10, 2000, False),
        ("presence", {"a": 1}, " presence/absence ", 10.0, 25, 10, 2000, False),
        ("no place", {"a": 5}, None, np.nan, 25, 10, 2000, False),
        ("smallest", {"a": 5}, None, 10.0, 1, 10, 2000, True),
        ("too small", {"a": 5}, None, 10.0, 0.99, 10, 2000, False),
        ("largest", {"a": 5}, None, 10.0, 1000, 10, 2000, True),
        ("too large", {"a": 5}, None, 10.0, 1001, 10, 2000, False),
        ("exact enough", {"a": 5}, None, 10.0, 25, 100, 2000, True),
        ("inexact", {"a": 5}, None, 10.0, 25, 100.5, 2000, False),
        ("first year", {"a": 5}, None, 10.0, 25, 10, 1990, True),
        ("too early", {"a": 5}, None, 10.0, 25, 10, 1989, False),
        ("last year", {"a": 5}, None, 10.0, 25, 10, 2021, True),
        ("too late", {"a": 5}, None, 10.0, 25, 10, 2022, False),
        ("nothing said", {"a": 5}, None, 10.0, np.nan, np.nan, np.nan, True),
    ]
    names, covers, scales, longitude, area, uncertainty, year, taken = zip(*rows, strict=True)
    header = {
        "cover_scale": list(scales),
        "area_m2": np.array(area, float),
        "uncertainty_m": np.array(uncertainty, float),
        "year": np.array(year, float),
    }
    made = make_plots(
        *covers, plot_id=names, longitude=longitude, latitude=[48.0] * 15, header=header
    )
    return made, [name for name, good in zip(names, taken, strict=True) if good]


def test_paper_2_takes_the_plots_that_it_says(plots):
    made, expected = plots
    taken, steps = filter_plots(made, PAPER_2)
    assert taken.plot_id.tolist() == expected
    assert [(step.name, step.before.plots - step.after.plots) for step in steps] == [
        ("cover", 2),
        ("coordinates", 1),
        ("area_m2", 2),
        ("uncertainty_m", 1),
        ("year", 2),
    ]
    assert steps[0].examples == {"no cover": 1, "presence": 1}
    assert steps[2].examples == {"0.99": 1, "1001": 1}


def test_steps_follow_from_each_other(plots):
    _, steps = filter_plots(plots[0], PAPER_2)
    for before, after in pairwise(steps):
        assert before.after == after.before


def test_no_filter_is_no_step(plots):
    taken, steps = filter_plots(plots[0], PlotFilters())
    assert len(taken) == 15
    assert steps == ()


def test_the_unknown_can_be_left_out(plots):
    strict = PlotFilters(year=Range(minimum=1990, maximum=2021, unknown="drop"))
    taken, (step,) = filter_plots(plots[0], strict)
    assert "nothing said" not in taken.plot_id
    assert step.examples == {"1989": 1, "2022": 1, "unknown": 1}
