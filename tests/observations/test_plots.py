import re

import numpy as np
import pytest
from scipy.sparse import csr_array

from biomap_xr.errors import InputError
from biomap_xr.observations.plots import Plots, joined


def test_plots_are_selected_by_mask_and_by_index(make_plots):
    plots = make_plots(
        {"a": 1, "b": 2}, {"b": 3}, {"a": 4}, labels=[["R22"], [], ["T17"]], longitude=[1, 2, 3]
    )
    by_mask, by_index = plots.select(np.array([True, False, True])), plots.select(np.array([0, 2]))
    for chosen in (by_mask, by_index):
        assert chosen.plot_id.tolist() == ["p0", "p2"]
        assert chosen.cover.toarray().tolist() == [[1, 2], [4, 0]]
        assert chosen.labels == (("R22",), ("T17",))
        assert chosen.longitude.tolist() == [1, 3]
        assert list(chosen.header.index) == [0, 1]


def test_species_are_selected_for_all_plots(make_plots):
    plots = make_plots({"a": 1, "b": 2, "c": 3}, {"b": 3})
    chosen = plots.select_species(np.array([2, 0]))
    assert chosen.species == ("c", "a")
    assert chosen.cover.toarray().tolist() == [[3, 1], [0, 0]]
    assert chosen.cover.has_sorted_indices


def test_fields_of_other_lengths_are_refused(make_plots):
    plots = make_plots({"a": 1}, {"a": 2})
    fields = {name: getattr(plots, name) for name in plots.__dataclass_fields__}
    with pytest.raises(InputError, match=r"2 plots of 1 species .* 'labels': 1"):
        Plots(**fields | {"labels": ((),)})
    with pytest.raises(InputError, match=re.escape("2 plots of 1 species have covers (2, 3)")):
        Plots(**fields | {"cover": csr_array((2, 3), dtype=np.float32)})


def test_tables_are_joined_with_the_species_of_any(make_plots):
    first = make_plots({"a": 1, "c": 2}, labels=[["R"]], header={"country": "Austria"})
    second = make_plots({"b": 5}, {"c": 7}, plot_id=["q0", "q1"], header={"year": [1999.0, 2001.0]})
    both = joined([first, second])
    assert both.species == ("a", "c", "b")
    assert both.cover.toarray().tolist() == [[1, 2, 0], [0, 0, 5], [0, 7, 0]]
    assert both.plot_id.tolist() == ["p0", "q0", "q1"]
    assert both.labels == (("R",), (), ())
    assert both.header["country"].tolist()[0] == "Austria"
    assert both.header["year"].tolist()[1:] == [1999, 2001]
    assert joined([first]) is first


def test_two_plots_of_one_name_are_not_joined(make_plots):
    with pytest.raises(InputError, match=r"1 plots have the name of another table's: p0; .*prefix"):
        joined([make_plots({"a": 1}), make_plots({"b": 1})])
