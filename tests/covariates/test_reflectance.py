import numpy as np

from biomap_xr.covariates.reflectance import encode_gamma8


def test_gamma8_is_the_published_formula_on_every_value():
    reflectance = np.arange(0, 12_001, dtype=np.uint16)
    expected = 255 * (np.clip(reflectance, 0, 10_000) / 10_000) ** (1 / 2.5)
    assert encode_gamma8(reflectance).dtype == np.uint8
    assert np.abs(encode_gamma8(reflectance) - expected).max() < 1
    assert (np.diff(encode_gamma8(reflectance).astype(int)) >= 0).all()


def test_gamma8_keeps_the_shape_and_missing_as_zero():
    assert encode_gamma8(np.zeros((2, 4, 3, 3), np.uint16)).shape == (2, 4, 3, 3)
    assert encode_gamma8(np.array(0, np.uint16)) == 0
