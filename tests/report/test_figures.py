from typing import Any

import numpy as np
import pytest
import xarray as xr

from biomap_xr.errors import InputError
from biomap_xr.indicators.declared import STATUS_CODES
from biomap_xr.report.drawing import png
from biomap_xr.report.figures import (
    STATUS_COLOURS,
    STATUS_WORDS,
    indicator_map,
    interval_maps,
    species_map,
    status_map,
)
from biomap_xr.report.palette import DARK

HOSTILE = "<script>alert('x')</script> $\\bad{ 樅"


def words(figure: Any) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_a_species_map_shows_probabilities_where_they_are_valid(species: xr.Dataset) -> None:
    figure = species_map(species, "Betula pendula")
    drawn = figure.axes[0].images[0].get_array()
    expected = species["probability"].isel(species=1).to_numpy() / 250
    valid = species["valid"].to_numpy() != 0
    np.testing.assert_allclose(np.ma.getdata(drawn)[valid], expected[valid])
    np.testing.assert_array_equal(np.ma.getmaskarray(np.ma.masked_invalid(drawn)), ~valid)
    assert words(figure)[:2] == [
        "Betula pendula",
        "probability of presence per 1000 m cell; "
        "counts as present from 0.20 on (line on the scale)",
    ]
    assert png(figure).startswith(b"\x89PNG")


def test_a_threshold_beyond_the_scale_draws_no_line(species: xr.Dataset) -> None:
    weak = species.assign(probability=species["probability"] // 10)
    for name in weak.data_vars:
        weak[name].encoding["grid_mapping"] = "spatial_ref"
    figure = species_map(weak, "Carex flava")
    assert not figure.axes[1].lines
    assert words(figure)[1].endswith("counts as present from 0.80 on")


def test_the_marked_threshold_is_the_one_that_the_cube_names(species: xr.Dataset) -> None:
    one = species.assign_attrs(presence="f_score_global", threshold_f_global=0.31)
    assert "counts as present from 0.31 on" in words(species_map(one, "Betula pendula"))[1]
    own = species.assign_attrs(presence="conformal").assign_coords(
        threshold_conformal=("species", [0.5, 0.07, 0.5, 0.5])
    )
    assert "counts as present from 0.07 on" in words(species_map(own, "Betula pendula"))[1]


def test_names_are_data(species: xr.Dataset) -> None:
    renamed = species.assign_coords(species=np.array([HOSTILE, "b", "c", "d"], object))
    figure = species_map(renamed, HOSTILE)
    assert words(figure)[0] == "<script>alert('x')</script> $\\bad{ ?"
    assert png(figure).startswith(b"\x89PNG")


def test_an_indicator_map_is_titled_in_words(indicators: xr.Dataset) -> None:
    figure = indicator_map(indicators, "threatened", theme=DARK)
    assert words(figure)[:2] == ["Threatened species", "expected number per 1000 m cell"]
    np.testing.assert_array_equal(
        np.ma.getdata(figure.axes[0].images[0].get_array()),
        indicators["expected"].isel(indicator=2).to_numpy(),
    )


def test_the_three_maps_of_an_interval_share_one_scale(indicators: xr.Dataset) -> None:
    figure = interval_maps(indicators, "richness")
    limits = {axes.images[0].get_clim() for axes in figure.axes[:3]}
    assert len(limits) == 1
    assert limits.pop()[1] >= np.nanquantile(indicators["high"].isel(indicator=0), 0.999)
    titles = [text for text in words(figure) if text.startswith("Species richness")]
    assert titles == [
        f"Species richness: {part}" for part in ("lower end", "expected", "upper end")
    ]


def test_every_status_has_its_colour_and_its_share(indicators: xr.Dataset) -> None:
    figure = status_map(indicators)
    legend = figure.axes[0].get_legend()
    labels = [text.get_text() for text in legend.get_texts()]
    codes = indicators["most_threatened"].to_numpy()
    share = (codes == STATUS_CODES["CR"]).sum() / (codes > 0).sum()
    assert labels[0] == f"critically endangered (CR)  {share:.0%}"
    assert labels[-1] == "sea, no prediction"
    assert list(STATUS_COLOURS) == list(STATUS_WORDS) == list(STATUS_CODES)
    assert png(figure).startswith(b"\x89PNG")


def test_a_map_without_any_prediction_is_drawn_all_the_same(
    species: xr.Dataset, indicators: xr.Dataset
) -> None:
    species["valid"][:] = 0
    indicators["most_threatened"][:] = 0
    indicators["expected"][:] = np.nan
    for figure in (
        species_map(species, "Abies alba"),
        status_map(indicators),
        indicator_map(indicators, "trees"),
    ):
        assert png(figure).startswith(b"\x89PNG")


def test_what_the_cube_does_not_hold_is_named(species: xr.Dataset, indicators: xr.Dataset) -> None:
    with pytest.raises(
        InputError, match=r"species 'Quercus' is not among the 4 .*evaluation\.species"
    ):
        species_map(species, "Quercus")
    with pytest.raises(InputError, match="indicator 'beauty' is not among the 6"):
        indicator_map(indicators, "beauty")
