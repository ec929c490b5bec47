"""Curation of plots, against a slow one in pandas that follows the published steps."""

from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomap_xr.errors import InputError
from biomap_xr.observations.curation import curate, curate_labels, lost_share, with_names
from biomap_xr.observations.plot_settings import CurationSettings

NOTHING = {
    "names": "as_written",
    "minimum_plots_of_species": 0,
    "maximum_lost": 1.0,
    "same_highest_cover": False,
    "minimum_plots_of_habitat": 0,
}
KNOWN = ("R22", "R1A", "T17", "MA221")


def only(**chosen):
    """Return settings of which nothing but what is chosen is done."""
    return CurationSettings(**NOTHING | chosen)


def normalise(code):
    """Know a few codes of level 3."""
    plain = code.replace("!", "")
    if plain not in KNOWN:
        raise InputError(code)
    return plain


def of(step, steps):
    return next(each for each in steps if each.name == step)


def test_names_become_lower_case_binomials(make_plots):
    plots = make_plots(
        {"Acer_campestre": 5, "acer campestre": 2, "Poaceae": 1},
        {"Vicia_sativa_ssp_nigra": 5, "Poa_annua": 4},
    )
    curated, steps = curate(plots, only(names="binomial"), normalise)
    assert curated.species == ("acer campestre", "poa annua")
    assert curated.cover.toarray().tolist() == [[7, 0], [0, 4]]
    assert of("names", steps).examples == {"Acer_campestre": 1, "acer campestre": 1}
    assert of("binomial", steps).examples == {"poaceae": 1, "vicia sativa ssp nigra": 1}


def test_subspecies_and_authors_are_of_their_species(make_plots):
    plots = make_plots(
        {"Vicia sativa subsp. nigra": 5, "Vicia sativa L.": 2, "Vicia": 1},
        {"Vicia_angustifolia": 3},
    )
    curated, steps = curate(plots, only(names="species"), normalise)
    assert curated.species == ("vicia angustifolia", "vicia sativa")
    assert curated.cover.toarray().tolist() == [[0, 7], [3, 0]]
    assert of("names", steps).examples == {"Vicia sativa L.": 1, "Vicia sativa subsp. nigra": 1}
    assert of("binomial", steps).examples == {"vicia": 1}


def test_synonyms_are_merged(make_plots, tmp_path):
    table = tmp_path / "synonyms.csv"
    table.write_text("synonym,accepted\nBromus erectus,Bromopsis erecta\n")
    plots = make_plots({"Bromus_erectus": 5, "Bromopsis erecta": 2}, {"Bromus_erectus": 1})
    curated, _ = curate(plots, only(names="binomial", synonyms=table), normalise)
    assert curated.species == ("bromopsis erecta",)
    assert curated.cover.toarray().ravel().tolist() == [7, 1]


def test_species_on_few_plots_are_left_out(make_plots):
    plots = make_plots(*[{"common": 5}] * 7, {"common": 5, "rare": 1}, {"rare": 1, "common": 5})
    for least, species in ((2, ("common", "rare")), (3, ("common",)), (10, ())):
        settings = only(minimum_plots_of_species=least, empty="keep")
        assert curate(plots, settings, normalise)[0].species == species


def test_plots_that_lost_too_much_are_left_out(make_plots):
    usual = {"a": 9, "b": 5, "c": 5}
    plots = make_plots(usual, usual, usual | {"x": 1}, usual | {"x": 1, "y": 1})
    curated, steps = curate(plots, only(minimum_plots_of_species=3, maximum_lost=0.25), normalise)
    # A quarter of four species may go, two of five are too many.
    assert curated.plot_id.tolist() == ["p0", "p1", "p2"]
    assert of("lost_species", steps).examples == {"p3": 1}


def test_plots_whose_highest_cover_changed_are_left_out(make_plots):
    usual = {"a": 9, "b": 5, "c": 5, "d": 1}
    plots = make_plots(usual, usual | {"x": 9}, usual | {"x": 10})
    curated, steps = curate(
        plots, only(minimum_plots_of_species=3, same_highest_cover=True), normalise
    )
    assert curated.plot_id.tolist() == ["p0", "p1"]
    assert of("highest_cover", steps).examples == {"p2": 1}


def test_a_name_merged_with_another_counts_as_lost(make_plots):
    plots = make_plots({"Acer_campestre": 1, "acer campestre": 1, "Poa annua": 5})
    merged = with_names(plots, ["acer campestre", "poa annua", "acer campestre"])
    assert lost_share(plots, merged).tolist() == [pytest.approx(1 / 3)]


@pytest.mark.parametrize(("policy", "left"), [("drop", ["p0"]), ("keep", ["p0", "p1"])])
def test_plots_without_species_are_dropped_or_kept(make_plots, policy, left):
    plots = make_plots({"a": 1}, {}, labels=[["R22"], ["T17"]])
    curated, steps = curate(plots, only(empty=policy), normalise)
    assert curated.plot_id.tolist() == left
    assert of("empty", steps).examples == ({"p1": 1} if policy == "drop" else {})


def test_plots_without_species_can_be_an_error(make_plots):
    with pytest.raises(InputError, match="1 of 2 plots have no species, p1"):
        curate(make_plots({"a": 1}, {}), only(empty="error"), normalise)


def test_no_plot_at_all_is_an_error(make_plots):
    with pytest.raises(InputError, match=r"none of 2 plots is left .* empty 2 to 0"):
        curate(make_plots({}, {}), only(), normalise)
    with pytest.raises(InputError, match=r"none of 1 plots .* lost_species 1 to 0"):
        curate(make_plots({"a": 1}), CurationSettings(), normalise)
    with pytest.raises(InputError, match="there are 0 plots to curate"):
        curate(make_plots({"a": 1}).select([]), only(), normalise)


def test_labels_get_one_spelling_and_unknown_ones_are_counted(make_plots):
    labels = [["R1A!", "R1A"], ["~"], ["Forest", "T17"], ["MAa"], ["~"], []]
    plots = make_plots(*[{"a": 1}] * 6, labels=labels)
    curated, (step, _) = curate_labels(plots, only(), normalise)
    assert curated.labels == (("R1A",), (), ("T17",), (), (), ())
    assert step.examples == {"~": 2, "Forest": 1, "MAa": 1}
    assert (step.before.labelled, step.after.labelled) == (5, 2)
    assert step.after.plots == 6


def test_plots_with_unknown_labels_can_be_dropped_or_an_error(make_plots):
    plots = make_plots(*[{"a": 1}] * 4, labels=[["R22"], ["~"], ["?", "T17"], []])
    curated, _ = curate_labels(plots, only(unknown_labels="drop"), normalise)
    # A plot that never had a label is no plot with an unknown one.
    assert curated.plot_id.tolist() == ["p0", "p2", "p3"]
    with pytest.raises(InputError, match=r"2 labels are no habitat codes: \?, ~; expected codes"):
        curate_labels(plots, only(unknown_labels="error"), normalise)


def test_rare_habitats_lose_their_label_but_not_their_plots(make_plots):
    labels = [["R22"], ["R22"], ["R22", "T17"], ["T17"]]
    plots = make_plots(*[{"a": 1}] * 4, labels=labels)
    curated, (_, step) = curate_labels(plots, only(minimum_plots_of_habitat=3), normalise)
    assert curated.labels == (("R22",), ("R22",), ("R22",), ())
    assert step.examples == {"T17": 2}
    assert len(curated) == 4


def test_every_step_begins_where_the_one_before_ended(make_plots):
    random = np.random.default_rng(1)
    names = [f"Genus {first}{second}us" for first in "abcdef" for second in "lmnrt"]
    plots = make_plots(
        *[{names[random.zipf(1.5) % 30]: 5 for _ in range(6)} for _ in range(80)],
        labels=[[str(random.choice([*KNOWN, "~"]))] for _ in range(80)],
    )
    curated, steps = curate(plots, CurationSettings(), normalise)
    for before, after in pairwise(steps):
        assert before.after == after.before
    assert [step.name for step in steps] == [
        "names",
        "binomial",
        "rare_species",
        "lost_species",
        "highest_cover",
        "empty",
        "unused_species",
        "labels",
        "rare_habitats",
    ]
    assert steps[-1].after.plots == len(curated)


def published(table, least):
    """Curate a long table as paper 1's code does, in pandas."""
    table = table[table["cover"] > 0].groupby(["plot", "species"], as_index=False).sum()
    before = table.groupby("plot")["cover"].agg(["size", "max"])
    table["species"] = table["species"].str.replace("_", " ").str.lower()
    table = table.groupby(["plot", "species"], as_index=False).sum()
    table = table[table["species"].str.split().str.len() == 2]
    table = table[table.groupby("species")["plot"].transform("size") >= least]
    after = table.groupby("plot")["cover"].agg(["size", "max"]).reindex(before.index)
    lost = (before["size"] - after["size"]) / before["size"]
    good = (lost <= 0.25) & (before["max"] == after["max"])
    return table[table["plot"].isin(good.index[good])]


NAMES = [
    "Acer_one",
    "acer one",
    "Poa two",
    "Poa three",
    "Abies four",
    "Genus",
    "A b c",
    "Rosa alba",
]


@given(
    st.lists(
        st.dictionaries(st.sampled_from(NAMES), st.sampled_from([0.5, 1, 3, 15, 38]), min_size=1),
        min_size=1,
        max_size=12,
    ),
    st.integers(1, 4),
)
def test_the_result_is_that_of_the_published_steps(make_plots, covers, least):
    rows = [(f"p{i}", *pair) for i, plot in enumerate(covers) for pair in plot.items()]
    expected = published(pd.DataFrame(rows, columns=["plot", "species", "cover"]), least)
    settings = CurationSettings(names="binomial", minimum_plots_of_species=least)
    run = partial(curate, make_plots(*covers), settings, normalise)
    if expected.empty:
        with pytest.raises(InputError, match="is left by curation"):
            run()
        return
    plots, _ = run()
    row, column = plots.cover.nonzero()
    found = set(
        zip(
            plots.plot_id[row].tolist(),
            np.array(plots.species, object)[column].tolist(),
            plots.cover.toarray()[row, column].tolist(),
            strict=True,
        )
    )
    assert found == set(expected[["plot", "species", "cover"]].itertuples(index=False, name=None))
