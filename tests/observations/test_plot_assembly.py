from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from biomap_xr.errors import InputError
from biomap_xr.observations.plot_assembly import assemble, split_labels
from biomap_xr.observations.plot_settings import LabelTable, PlotTable
from biomap_xr.sources.vegetation.columns import FIELDS, NUMBERS, TEXT
from biomap_xr.sources.vegetation.raw import RawPlots

PLAIN = PlotTable()


def raw_of(covers, plots, absent=0, **fields):
    header = pd.DataFrame({"plot": plots, **fields}).reindex(columns=list(FIELDS))
    types = {name: "str" for name in TEXT if name != "year"}
    types |= dict.fromkeys([*NUMBERS, "year"], "float64")
    table = pd.DataFrame(covers, columns=["plot", "species", "cover"])
    table = table.astype({"plot": "str", "species": "str", "cover": "float64"})
    return RawPlots(Path("covers.csv"), table, header.astype(types), absent)


COVERS = [
    ("2", "Poa_annua", 10.0),
    ("1", "Acer campestre", 0.0),
    ("1", "Poa_annua", 3.0),
    ("2", "Poa_annua", 5.0),
    ("1", "Rosa canina", np.nan),
    ("1", "Abies alba", -1.0),
]


def test_duplicates_are_summed_and_covers_of_nothing_dropped():
    plots, (cover, duplicates) = assemble(raw_of(COVERS, ["1", "2", "3"]), PLAIN)
    assert plots.plot_id.tolist() == ["1", "2", "3"]
    assert plots.species == ("Poa_annua",)
    assert plots.cover.toarray().tolist() == [[3], [15], [0]]
    assert plots.cover.dtype == np.float32
    assert cover.examples == {"-1": 1, "0": 1, "unknown": 1}
    assert (cover.before.observations, cover.after.observations) == (6, 3)
    assert duplicates.examples == {"Poa_annua": 1}
    assert (duplicates.before.observations, duplicates.after.observations) == (3, 2)


def test_a_sum_does_not_depend_on_the_order_of_layers():
    layers = [("1", "a", value) for value in (0.1, 0.2, 0.3, 62.5, 0.7)]
    first, _ = assemble(raw_of(layers, ["1"]), PLAIN)
    second, _ = assemble(raw_of(layers[::-1], ["1"]), PLAIN)
    assert first.cover.toarray() == second.cover.toarray() == np.float32(63.8)


def test_fields_labels_and_sites_come_from_the_header():
    raw = raw_of(
        COVERS,
        ["1", "2"],
        label=["R22, R1A!", None],
        site=["meadow", None],
        year=[1999.0, np.nan],
        longitude=[10.0, np.nan],
        latitude=[47.0, np.nan],
        dataset=["own", None],
    )
    plots, _ = assemble(raw, PlotTable(prefix="at-", dataset="dikes"))
    assert plots.plot_id.tolist() == ["at-1", "at-2"]
    # A plot that shares its place with no other is its own site.
    assert plots.site.tolist() == ["at-meadow", "at-2"]
    assert plots.labels == (("R22", "R1A!"), ())
    assert plots.header["year"].tolist()[0] == 1999
    assert plots.header["dataset"].tolist() == ["own", "dikes"]
    assert plots.longitude[0] == 10
    assert np.isnan(plots.longitude[1])


def test_names_that_are_no_plots_are_left_out_of_both_tables():
    covers = [*COVERS, ("1_seeded", "Poa annua", 20.0)]
    raw = raw_of(covers, ["1", "2", "1_seeded", "2_seeded"])
    plots, steps = assemble(raw, PlotTable(not_plots="_seeded$"))
    assert plots.plot_id.tolist() == ["1", "2"]
    assert steps[0].name == "not_plots"
    assert steps[0].examples == {"1_seeded": 1, "2_seeded": 1}
    assert (steps[0].before.plots, steps[0].after.plots) == (4, 2)


def test_plots_without_header_are_an_error_or_counted():
    raw = raw_of(COVERS, ["1"])
    with pytest.raises(InputError, match=r"covers.csv: 1 of 2 plots with species .* header, 2;"):
        assemble(raw, PLAIN)
    plots, steps = assemble(raw, PLAIN, "drop")
    assert plots.plot_id.tolist() == ["1"]
    assert steps[0].name == "header"
    assert steps[0].examples == {"2": 1}
    assert steps[0].before.observations - steps[0].after.observations == 2


def test_absences_that_a_reader_left_out_are_reported():
    _, steps = assemble(raw_of(COVERS, ["1", "2"], absent=4), PLAIN)
    assert steps[0].name == "absent"
    assert (steps[0].before.observations, steps[0].after.observations) == (10, 6)


def test_a_table_of_labels_has_plots_without_species():
    raw = raw_of([], ["1", "2"], label=["R22", "T17,T18"])
    plots, _ = assemble(raw, LabelTable(header="a.csv"))
    assert plots.cover.shape == (2, 0)
    assert plots.labels == (("R22",), ("T17", "T18"))


def test_labels_are_split_at_commas():
    assert split_labels(pd.Series([" R22 ,,R22", "", np.nan])) == (("R22",), (), ())
