import numpy as np

from biomap_xr.grid import Cells, Points
from biomap_xr.virtual import Simulated, Truth, open_truth
from biomap_xr.virtual.assemblage import Assemblage
from biomap_xr.virtual.assignment import group_numbers, habitats_at, weights_of
from biomap_xr.virtual.eligibility import allowed_at
from biomap_xr.virtual.habitats import HABITATS, NO_HABITAT


def test_the_map_holds_the_habitat_of_every_cell(simulated: Simulated) -> None:
    truth = open_truth(simulated.truth)
    stored = truth.open()["habitat"].to_numpy()
    cells = Cells(*(each.ravel() for each in np.indices(stored.shape)))
    land = truth.open()["land"].to_numpy().ravel() == 1
    assert (stored.ravel()[~land] == NO_HABITAT).all()
    centres = truth.grid.centres_of(cells[np.flatnonzero(land)])
    drawn = truth.assemblage.draw(centres, truth.assemblage.features(centres))
    found = habitats_at(truth.assemblage, centres, drawn.probability)
    np.testing.assert_array_equal(found, stored.ravel()[land])


def test_the_most_over_represented_assemblage_gives_the_habitat(assemblage: Assemblage) -> None:
    """By the definition: the mean over an assemblage's species against its mean over the land."""
    niches, random = assemblage.niches, np.random.default_rng(0)
    probability = random.random((40, 7)).astype(np.float32)
    centres = Points(4_000_025.0 + 50 * np.arange(7), np.full(7, 2_800_025.0))
    groups = np.unique(niches.group)
    excess = [
        probability[niches.group == each].sum(axis=0)
        / niches.prevalence[niches.group == each].sum()
        for each in groups
    ]
    expected = group_numbers(assemblage)[groups[np.argmax(excess, axis=0)]]
    np.testing.assert_array_equal(habitats_at(assemblage, centres, probability), expected)


def test_every_assemblage_makes_a_habitat_of_its_own(assemblage: Assemblage) -> None:
    assert sorted(group_numbers(assemblage)) == sorted(one.number for one in HABITATS)


def test_weights_are_the_same_within_an_assemblage(assemblage: Assemblage) -> None:
    niches = assemblage.niches
    weights = weights_of(assemblage)
    for each in np.unique(niches.group):
        mine = niches.group == each
        np.testing.assert_allclose(weights[mine], 1 / niches.prevalence[mine].sum(), rtol=1e-5)


def test_all_formations_keep_to_their_places(all_formations: Truth) -> None:
    """The map holds no habitat where it cannot be, and the best of those that can."""
    stored = all_formations.open()["habitat"].to_numpy()
    cells = Cells(*(each.ravel() for each in np.indices(stored.shape)))
    assemblage, centres = all_formations.assemblage, all_formations.grid.centres_of(cells)
    allowed = allowed_at(assemblage.world, assemblage.shore, assemblage.habitats, centres)
    for one, possible in zip(assemblage.habitats, allowed, strict=True):
        assert possible[stored.ravel() == one.number].all()
    assert len(np.unique(stored)) > 25
