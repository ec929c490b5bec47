import json

import numpy as np
import pandas as pd

from biomap_xr.observations.report import Report, Step, TableReport, counted, listed


def test_counts_show_the_most_frequent_values_first():
    values = [1.0, 2.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.0, 6.0]
    assert list(counted(values).items()) == [("6", 3), ("2", 2), ("1", 1), ("3", 1), ("4", 1)]


def test_every_kind_of_empty_is_unknown():
    assert counted([None, np.nan, pd.NA, np.float32("nan")]) == {"unknown": 4}


def test_lists_are_distinct_sorted_and_cut():
    assert listed([10, 9, 9]) == "9, 10"
    assert listed(range(7)) == "0, 1, 2, 3, 4 and 2 more"


def test_a_report_is_plain_values():
    step = Step("year", 10, 7, {"1999": 3})
    table = TableReport("a.csv", "survey", 10, (step,))
    report = Report((table,), 7, 0, 0, 0, 4, 4, 0, 2, 5)
    back = json.loads(json.dumps(report.as_dict()))
    assert back["tables"][0]["steps"][0]["failed"] == {"1999": 3}
    assert table.taken == 7
    assert TableReport("a.csv", "survey", 10, ()).taken == 10
