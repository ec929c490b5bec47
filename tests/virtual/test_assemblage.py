import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from biomap_xr.grid import Points
from biomap_xr.virtual.assemblage import TABLES, Assemblage, Drawn, look_up
from biomap_xr.virtual.drivers import chosen_of
from biomap_xr.virtual.fields import Lattice


@pytest.fixture(scope="module")
def centres(assemblage: Assemblage) -> Points:
    """The land cells of a larger map: some 35,000 draws a species."""
    axis = 25 + 50.0 * np.arange(200)
    places = Points(4_000_000 + np.tile(axis, 200), 2_800_000 + np.repeat(axis, 200))
    return chosen_of(places, assemblage.world.terrain.at(places).land)


@pytest.fixture(scope="module")
def drawn(assemblage: Assemblage, centres: Points) -> Drawn:
    return assemblage.draw(centres, assemblage.features(centres))


def test_tables_follow_their_functions() -> None:
    logit = np.linspace(-15, 15, 997).astype(np.float32)
    chance = np.array([look_up(TABLES.expit, each, 18) for each in logit])
    np.testing.assert_allclose(chance, expit(logit), rtol=1e-4)
    quantile = np.array([look_up(TABLES.probit, each, 18) for each in logit])
    np.testing.assert_allclose(norm.cdf(quantile), expit(logit), rtol=1e-3, atol=1e-7)
    assert look_up(TABLES.normal, np.float32(99), 8) == 1


def test_probability_is_the_logistic_of_offset_and_parts(
    assemblage: Assemblage, centres: Points, drawn: Drawn
) -> None:
    features = assemblage.features(centres)
    logit = assemblage.niches.weights @ features + assemblage.niches.offset[:, None]
    np.testing.assert_allclose(drawn.probability, expit(logit), rtol=1e-3, atol=1e-6)


def test_presences_have_exactly_the_chance(drawn: Drawn) -> None:
    order = np.argsort(drawn.probability.ravel())
    chance = np.array_split(drawn.probability.ravel()[order], 12)
    present = np.array_split(drawn.present.ravel()[order], 12)
    for expected, found in zip(chance, present, strict=True):
        # Neighbours share factors, so that the error is larger than that of independent draws.
        error = np.sqrt(expected.mean() / len(expected)) + 1e-6
        assert abs(found.mean() - expected.mean()) < 0.04 * expected.mean() + 5 * error


def test_species_are_correlated_beyond_their_niches(assemblage: Assemblage, drawn: Drawn) -> None:
    common = np.argsort(-assemblage.niches.prevalence)[:12]
    chance, present = drawn.probability[common], drawn.present[common]
    residual = (present - chance) / np.sqrt(chance * (1 - chance) + 1e-9)
    upper = np.triu_indices(len(common), 1)
    found = np.corrcoef(residual)[upper]
    loadings = assemblage.niches.loadings[common]
    assert np.corrcoef(found, (loadings @ loadings.T)[upper])[0, 1] > 0.8
    assert np.abs(found).max() > 0.05


def test_a_raster_and_its_cells_agree(assemblage: Assemblage) -> None:
    x, y = 4_000_025 + 50.0 * np.arange(7), 2_800_975 - 50.0 * np.arange(5)
    raster, cells = Lattice(x, y), Points(np.tile(x, 5), np.repeat(y, 7))
    one = assemblage.draw(raster, assemblage.features(raster))
    other = assemblage.draw(cells, assemblage.features(cells))
    np.testing.assert_array_equal(one.probability, other.probability)
    np.testing.assert_array_equal(one.present, other.present)


def test_blocks_of_species_are_rows_of_the_whole(
    assemblage: Assemblage, centres: Points, drawn: Drawn
) -> None:
    some = Points(centres.x[:50], centres.y[:50])
    into = Drawn.empty(7, 50)
    block = assemblage.draw(some, assemblage.features(some), slice(10, 17), into)
    assert block is into
    np.testing.assert_array_equal(block.present, drawn.present[10:17, :50])


def test_a_part_alone_leaves_the_others_at_their_means(
    assemblage: Assemblage, centres: Points
) -> None:
    features = assemblage.features(centres)
    still = np.zeros_like(features)
    np.testing.assert_allclose(
        assemblage.part(still, "landsat")[:, 0], expit(assemblage.niches.offset), rtol=1e-5
    )
    changed = features.copy()
    changed[0] += 1
    np.testing.assert_array_equal(
        assemblage.part(features, "sentinel2"), assemblage.part(changed, "sentinel2")
    )
