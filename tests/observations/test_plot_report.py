import json

from biomap_xr.observations.plot_report import (
    EXAMPLES,
    Counts,
    CurationReport,
    TableSteps,
    counts_of,
    examples_of,
    step_of,
)


def test_counts_are_of_what_is_there(make_plots):
    plots = make_plots({"a": 1, "b": 2}, {"b": 3}, {}, labels=[["R"], ["R", "T"], []])
    assert counts_of(plots) == Counts(plots=3, species=2, observations=3, labelled=2)
    # A column that no plot has any more is no species.
    assert counts_of(plots.select([1])) == Counts(1, 1, 1, 1)


def test_the_most_frequent_examples_are_shown():
    shown = examples_of([*range(100), 7, 7, 3])
    assert len(shown) == EXAMPLES
    assert list(shown.items())[:3] == [("7", 3), ("3", 2), ("0", 1)]


def test_a_report_is_plain_values(make_plots):
    plots = make_plots({"a": 1}, {"b": 3})
    step = step_of("empty", plots, plots.select([0]), ["p1"])
    report = CurationReport((TableSteps("a.csv", "long", (step,)),), (step,), step.after)
    assert json.loads(json.dumps(report.as_dict()))["steps"][0]["examples"] == {"p1": 1}
    first, second = report.rows()
    assert (first["table"], second["table"]) == ("a.csv", "")
    assert first["plots_before"] == 2
    assert first["plots_after"] == 1
    assert first["examples"] == "p1"
