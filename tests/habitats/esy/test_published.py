"""Labels that the authors of two data sets published, against ours.

Both sets were labelled with the R scripts of Bruelheide et al. (2021) and the rules of 2020-06-08;
the preparation scripts of the data (markus1bauer/2022_danube_dike_survey and
2023_danube_dike_experiment, R/_prepare_data_vegetation.R) say how: the header, a few names written
anew, and the labels that were then changed by hand. In the
experiment the species come from a wide table with zeros, all of which stayed in; so the scripts
counted every species of the table in every plot. Their header calls the coordinates otherwise than
the rules, which the scripts read as 0 degrees.
"""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from biomap_xr.habitats.esy.labels import ExpertClassifier, labelled
from biomap_xr.habitats.esy.system import SCRIPTS
from biomap_xr.observations.plots import Plots

NAMES = {
    "Cerastium_fontanum_ssp_vulgare": "Cerastium fontanum",
    "Silene_latifolia_ssp_alba": "Silene latifolia",
}
FURTHER_NAMES = {
    "Acinos_arvensis": "Clinopodium acinos",
    "Carex_praecox_ssp_curvata": "Carex praecox",
    "Ranunculus_serpens_ssp_nemorosus": "Ranunculus polyanthemos",
    "Vicia_villosa_ssp_varia": "Vicia villosa",
}
HEADER = {
    "altitude_m": 313,
    "country": "Germany",
    "coast": "N_COAST",
    "dunes": "N_DUNES",
    "ecoregion": 686,
    "dataset": "Danube",
}
BY_HAND = set(
    re.findall(
        r"\S+",
        """L2_07_2018 L2_12_2019 L2_12_2020 L2_14_seeded L3_12_2018 L4_03_2018 L5_06_2018 L5_09_2019
    L6_01_2018 L6_04_2018 L6_13_2021 L6_18_2018 W1_18_2019 W1_18_2021 W1_21_2018 W2_11_2019
    W3_03_2018 W3_06_2019 W3_07_seeded W3_24_2019 W4_11_2018 W4_17_2019 W4_24_2018 W5_06_2019
    W5_24_2019 W6_12_2019""",
    )
)
"""Plots of the experiment whose label its authors changed afterwards, to R or V."""
BY_COUNT = {"L4_07_2021", "L6_15_2021", "W1_09_2019"}
"""Plots whose label tells that one more species of the steppe stood in the table at that time."""


def plots_from(table: pd.DataFrame, degrees: tuple[float, float]) -> Plots:
    """Make plots of a table of covers (plot, species)."""
    count = len(table)
    ids = table.index.to_numpy(object)
    return Plots(
        plot_id=ids,
        cover=csr_array(table.to_numpy(np.float32)),
        species=tuple(table.columns),
        labels=((),) * count,
        longitude=np.full(count, degrees[0]),
        latitude=np.full(count, degrees[1]),
        site=ids,
        header=pd.DataFrame(HEADER, index=range(count)),
    )


@pytest.fixture(scope="module")
def dikes(data):
    folder = data / "plots" / "danube_dikes"
    labels = pd.read_csv(folder / "sites_esy.csv").set_index("id").esy
    rows = pd.read_csv(folder / "species_cover_long.csv")
    table = rows.pivot(index="id", columns="name", values="cover").reindex(labels.index)
    return table.fillna(0.0).rename(columns=NAMES | FURTHER_NAMES), labels


@pytest.fixture(scope="module")
def experiment(data):
    folder = data / "plots" / "danube_dike_experiment" / "data" / "processed"
    labels = pd.read_csv(folder / "data_processed_sites_spatial.csv").set_index("id").esy
    table = pd.read_csv(folder / "data_processed_species.csv").set_index("name").T
    return table.loc[labels.index].rename(columns=NAMES), labels


def differing(found, labels) -> set[str]:
    return set(labels.index[found.code != labels.to_numpy()])


def test_all_labels_of_the_dikes(release_2020, dikes):
    table, labels = dikes
    assert len(labels) == 140
    found = release_2020.classify(plots_from(table, (12.6, 48.9)))
    assert differing(found, labels) == set()
    # Six surveys whose species are not in the table are between five habitats at 0 >= 0 percent.
    assert set(labels.index[found.code == "+"]) == set(table.index[table.sum(axis=1) == 0])
    assert found.missing == {}
    assert not found.unknown.any()
    assert len(found.names.unmatched) < 0.07 * table.shape[1]


def test_all_labels_of_the_experiment_but_those_made_by_hand(release_2020, experiment):
    table, labels = experiment
    assert len(labels) == 1440
    plots = plots_from(table, (0.0, 0.0))
    assert differing(release_2020.classify(plots, conventions=SCRIPTS), labels) == (
        BY_HAND | BY_COUNT
    )
    # One more of the group of R1B, such as this species of their raw table, and R1P is ruled out.
    more = plots_from(table.assign(Salvia_nemorosa=0.0), (0.0, 0.0))
    assert differing(release_2020.classify(more, conventions=SCRIPTS), labels) == BY_HAND


def test_what_sound_counts_and_coordinates_change_in_the_experiment(release_2020, experiment):
    table, labels = experiment
    at_zero = differing(release_2020.classify(plots_from(table, (0.0, 0.0))), labels)
    found = release_2020.classify(plots_from(table, (12.6, 48.9)))
    here = differing(found, labels)
    assert (len(labels) - len(at_zero), len(labels) - len(here)) == (1384, 1375)
    assert len(at_zero & BY_HAND) == 24
    # Where the plots lie, rocky grassland of Central Europe (R16) is possible, not so at 0 degrees.
    moved = sorted(here - at_zero)
    assert Counter(found.code[labels.index.get_indexer(moved)]) == {"R16": 9}
    assert at_zero < here


def test_labels_and_probabilities_follow(release_2020, experiment):
    table, labels = experiment
    plots = plots_from(table, (12.6, 48.9))
    found = labelled(plots, release_2020.classify(plots))
    assert {len(each) for each in found.labels} == {0, 1}
    assert {code for each in found.labels for code in each} >= {"R22", "R1A", "V37", "V38"}
    habitats = ("R1A", "R22", "V37", "V38")
    probability = ExpertClassifier.of(release_2020, habitats).predict_proba(plots)
    assert set(np.unique(probability.sum(axis=1))) == {0, 1}
    chosen = labels.isin(habitats).to_numpy()
    right = np.array(habitats)[probability.argmax(axis=1)] == labels.to_numpy()
    assert right[chosen].mean() > 0.98


def test_release_of_2021_takes_the_same_plots(release_2021, dikes):
    table, labels = dikes
    found = release_2021.classify(plots_from(table, (12.6, 48.9)))
    assert (found.code == labels.to_numpy()).mean() > 0.9
