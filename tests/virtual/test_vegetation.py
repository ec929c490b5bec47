import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer
from scipy.stats import spearmanr

from biomap_xr.errors import InputError
from biomap_xr.grid import Points
from biomap_xr.virtual import Simulated, Truth, VirtualSettings, open_truth
from biomap_xr.virtual.assemblage import Assemblage
from biomap_xr.virtual.formations import code_of
from biomap_xr.virtual.habitats import HABITATS
from biomap_xr.virtual.vegetation import (
    UNKNOWN,
    Vegetation,
    header_table,
    make_vegetation,
    species_cover_table,
)


@pytest.fixture(scope="module")
def truth(simulated: Simulated) -> Truth:
    return open_truth(simulated.truth)


@pytest.fixture(scope="module")
def vegetation(truth: Truth) -> Vegetation:
    return make_vegetation(truth.assemblage, truth.capture)


def test_plots_hold_species_of_their_cell_and_its_habitat(
    truth: Truth, vegetation: Vegetation
) -> None:
    cells = truth.grid.cells_of(vegetation.points)
    assert len(vegetation.habitat) == truth.settings.plots
    assert cells.inside.all()
    stored, place = truth.open(), (cells.row, cells.column)
    presence = stored["presence"].to_numpy()[:, *place]
    assert (presence[vegetation.species, vegetation.plot] == 1).all()
    np.testing.assert_array_equal(vegetation.habitat, stored["habitat"].to_numpy()[place])
    assert np.unique(vegetation.plot).tolist() == list(range(truth.settings.plots))


def test_some_of_a_cell_s_species_are_beside_the_plot(truth: Truth, vegetation: Vegetation) -> None:
    cells = truth.grid.cells_of(vegetation.points)
    stored = truth.open()["presence"].to_numpy()[:, cells.row, cells.column]
    present = (stored == 1).sum(axis=1)
    found = np.bincount(vegetation.species, minlength=len(present))
    common = present > 200
    assert np.abs(found / np.maximum(present, 1) - truth.capture)[common].max() < 0.12


def test_likelier_species_cover_more(truth: Truth, vegetation: Vegetation) -> None:
    assert vegetation.cover.min() >= 0.1
    assert vegetation.cover.max() <= 100
    chance = truth.probability_at(truth.grid.cells_of(vegetation.points))
    expected = chance[vegetation.plot, vegetation.species]
    assert 0.3 < spearmanr(vegetation.cover, expected).statistic < 0.95


def test_the_tables_are_those_of_plantbert(simulated: Simulated, vegetation: Vegetation) -> None:
    species, header = pd.read_csv(simulated.plots), pd.read_csv(simulated.plot_header)
    assert list(species.columns) == ["PlotObservationID", "Species", "Cover"]
    assert list(header.columns[:4]) == ["PlotObservationID", "Habitat", "Longitude", "Latitude"]
    assert header["PlotObservationID"].is_unique
    assert set(species["PlotObservationID"]) == set(header["PlotObservationID"])
    known = pd.read_csv(simulated.species)["species"]
    assert set(species["Species"].str.lower()) <= set(known.str.lower())
    # Two layers together have the cover that the plot has.
    written = species.assign(Species=species["Species"].str.lower())
    summed = written[written["Cover"] > 0].groupby(["PlotObservationID", "Species"])["Cover"].sum()
    assert len(summed) == len(vegetation.cover)
    assert summed.sum() == pytest.approx(vegetation.cover.sum(), rel=1e-3)


def test_tables_are_as_untidy_as_real_ones(simulated: Simulated) -> None:
    species, header = pd.read_csv(simulated.plots), pd.read_csv(simulated.plot_header)
    assert (species["Cover"] == 0).mean() == pytest.approx(0.003, abs=0.001)
    assert species.duplicated(["PlotObservationID", "Species"]).any()
    lower = species["Species"].str.islower().groupby(species["PlotObservationID"]).all().mean()
    assert 0.05 < lower < 0.2
    assert species["Species"].str.isupper().any()
    assert (header["Habitat"] == UNKNOWN).mean() == pytest.approx(0.03, abs=0.01)
    lengths = header["Habitat"].str.len().value_counts(normalize=True)
    assert lengths[3] > 0.9
    assert 0.01 < lengths[2] < 0.04
    assert set(header["Habitat"][header["Habitat"].str.len() == 3]) <= {
        one.code for one in HABITATS
    }


def test_headers_have_plots_that_a_filter_drops(simulated: Simulated) -> None:
    header = pd.read_csv(simulated.plot_header)
    assert header["Year"].between(1955, 2021).all()
    assert (header["Year"] < 1990).mean() == pytest.approx(0.04, abs=0.02)
    assert (header["Area_m2"] > 1_000).any()
    assert (header["Area_m2"] < 1).any()
    assert header["Area_m2"].isna().any()
    assert (header["Uncertainty_m"] > 100).mean() == pytest.approx(0.03, abs=0.015)


def test_degrees_lead_back_to_the_plot_s_cell(
    simulated: Simulated, truth: Truth, vegetation: Vegetation
) -> None:
    header = pd.read_csv(simulated.plot_header)
    to_metres = Transformer.from_crs("EPSG:4326", "EPSG:3035", always_xy=True)
    x, y = to_metres.transform(header["Longitude"].to_numpy(), header["Latitude"].to_numpy())
    written, made = truth.grid.cells_of(Points(x, y)), truth.grid.cells_of(vegetation.points)
    np.testing.assert_array_equal(written.row, made.row)
    np.testing.assert_array_equal(written.column, made.column)
    full = header["Habitat"].str.len().to_numpy() == 3
    codes = np.array([code_of(number) for number in vegetation.habitat])
    assert (header["Habitat"].to_numpy()[full] == codes[full]).all()


def test_the_same_seed_gives_the_same_tables(
    assemblage: Assemblage, truth: Truth, vegetation: Vegetation
) -> None:
    again = make_vegetation(assemblage, truth.capture)
    names = truth.table["species"].to_numpy(str)
    first, second = (species_cover_table(each, names, 3) for each in (vegetation, again))
    pd.testing.assert_frame_equal(first, second)
    pd.testing.assert_frame_equal(
        header_table(assemblage, vegetation), header_table(assemblage, again)
    )


def test_a_world_of_few_species_says_so(settings: VirtualSettings) -> None:
    few = Assemblage.of(settings.model_copy(update={"plots": 5}))
    with pytest.raises(InputError, match=r"only 0 of 5 vegetation plots hold a species"):
        make_vegetation(few, np.zeros(40, np.float32))


def test_headers_name_the_coast(simulated: Simulated) -> None:
    header = pd.read_csv(simulated.plot_header)
    assert set(header["Coast"]) <= {"ATL_COAST", "MED_COAST", "N_COAST"}
    assert set(header["Dunes"]) <= {"Y_DUNES", "N_DUNES"}
    assert (header["Dunes"][header["Coast"] == "N_COAST"] == "N_DUNES").all()


def test_rare_habitats_are_sought_after(everything: Simulated, all_formations: Truth) -> None:
    habitat = all_formations.open()["habitat"].to_numpy()
    numbers, cells = np.unique(habitat[habitat != 65_535], return_counts=True)
    header = pd.read_csv(everything.plot_header)
    plots = header["Habitat"].value_counts()
    rare, common = (
        [code_of(number) for number in numbers[order]]
        for order in (np.argsort(cells)[3:10], np.argsort(cells)[-7:])
    )
    share = [plots.reindex(codes).fillna(0).sum() / len(header) for codes in (rare, common)]
    land = [np.sort(cells)[which].sum() / cells.sum() for which in (slice(3, 10), slice(-7, None))]
    assert share[0] > 1.3 * land[0]
    assert share[1] < land[1]
