import numpy as np
from scipy import stats

from biomap_xr.virtual.noise import (
    GOLDEN,
    generator_of,
    hashes_of,
    mix,
    mixed,
    normals,
    salt_of,
    uniforms,
)


def test_mixing_is_splitmix64() -> None:
    """The first three numbers of Vigna's reference implementation with seed 1234567."""
    steps = np.arange(1, 4, dtype=np.uint64) * np.uint64(GOLDEN)
    counters = np.uint64(1_234_567) + steps
    expected = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
    assert mixed(counters).tolist() == expected


def test_the_compiled_form_agrees() -> None:
    values = np.arange(50, dtype=np.uint64) * np.uint64(GOLDEN)
    assert [int(mix(value)) for value in values] == mixed(values).tolist()


def test_numbers_of_places_are_standard_normal_and_independent() -> None:
    rows, columns = np.arange(-100, 100)[:, None], np.arange(3_999_900, 4_000_100)[None, :]
    numbers = normals(hashes_of(salt_of(1, "test"), rows, columns))
    assert stats.kstest(numbers.ravel(), "norm").pvalue > 0.01
    for neighbour in (numbers[1:], numbers[:, 1:]):
        pair = numbers[: neighbour.shape[0], : neighbour.shape[1]]
        assert abs(np.corrcoef(pair.ravel(), neighbour.ravel())[0, 1]) < 0.02


def test_uniform_numbers_never_reach_their_bounds() -> None:
    extremes = uniforms(np.array([0, 2**64 - 1], np.uint64))
    assert 0 < extremes[0] < extremes[1] < 1


def test_generators_differ_by_purpose_only() -> None:
    first, again, other = (generator_of(2, name).random() for name in ("a", "a", "b"))
    assert first == again != other
