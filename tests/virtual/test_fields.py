import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

from biomap_xr.grid import Points
from biomap_xr.virtual.fields import Field, Lattice, _axis
from biomap_xr.virtual.noise import hashes_of, normals

FIELD = Field.named(7, "test", {900.0: 0.7, 130.0: 0.3})


def raster(x: float, y: float, step: float, count: int) -> Lattice:
    index = np.arange(count) + 0.5
    return Lattice(x + step * index, y - step * index)


@given(
    x=st.integers(-5_000, 4_000_000),
    y=st.integers(-5_000, 4_000_000),
    cut=st.integers(1, 19),
    step=st.sampled_from([10.0, 30.0, 50.0]),
)
@settings(max_examples=20, deadline=None)
def test_no_value_depends_on_how_the_map_is_cut(x: int, y: int, cut: int, step: float) -> None:
    whole = raster(x, y, step, 20)
    values = FIELD.at(whole)
    left = FIELD.at(Lattice(whole.x[:cut], whole.y))
    right = FIELD.at(Lattice(whole.x[cut:], whole.y))
    np.testing.assert_array_equal(np.concatenate([left, right], axis=1), values)
    places = Points(np.repeat(whole.x[None], 20, 0).ravel(), np.repeat(whole.y, 20))
    np.testing.assert_array_equal(FIELD.at(places).reshape(20, 20), values)


def test_values_are_standard_normal_everywhere() -> None:
    spread = 40_000.0 * np.arange(60)
    x, y = np.tile(spread, 60), np.repeat(spread, 60)
    for shift in (0.0, 65.0, 450.0):
        # So far apart the values are independent; the shift is a place between the nodes.
        values = FIELD.at(Points(x + shift, y + shift))
        assert abs(values.mean()) < 0.06
        assert abs(values.std() - 1) < 0.05


def test_weights_are_those_of_a_cubic_spline() -> None:
    position = np.linspace(0, 5, 41)
    axis = _axis(position * 10, 10.0)
    basis = BSpline.basis_element(np.arange(-2, 3))
    distance = position[:, None] - (axis.first[:, None] + np.arange(4))
    reference = np.where(np.abs(distance) < 2, basis(np.clip(distance, -2, 2)), 0)
    reference /= np.linalg.norm(reference, axis=1, keepdims=True)
    np.testing.assert_allclose(axis.weights, reference, atol=1e-12)


def test_an_octave_is_the_weighted_sum_of_its_nodes() -> None:
    octave = Field.named(7, "one", {100.0: 1.0}).octaves[0]
    node = normals(hashes_of(octave.salt, np.arange(2, 5)[:, None], np.arange(6, 9)[None, :]))
    line = np.array([1, 4, 1]) / np.sqrt(18)
    value = Field((octave,)).at(Points(np.array([700.0]), np.array([300.0])))
    np.testing.assert_allclose(value, line @ node @ line, rtol=1e-6)


def test_names_and_seeds_make_other_fields() -> None:
    places = raster(0, 0, 500, 10)
    values = [
        Field.named(seed, name, {200.0: 1}).at(places)
        for seed, name in ((1, "a"), (1, "b"), (2, "a"))
    ]
    assert np.abs(np.corrcoef([each.ravel() for each in values]) - np.eye(3)).max() < 0.35
