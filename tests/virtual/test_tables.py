import numpy as np
import pandas as pd
import rasterio

from biomap_xr.habitats.legend import read_legend
from biomap_xr.habitats.rules.coast import read_coast_codes, read_coast_table
from biomap_xr.habitats.rules.regional import read_association
from biomap_xr.habitats.rules.tables import read_documented
from biomap_xr.virtual import Simulated, Truth
from biomap_xr.virtual.formations import COASTS, EVERY_HABITAT
from biomap_xr.virtual.ground import ECOREGIONS
from biomap_xr.virtual.habitats import NO_HABITAT
from biomap_xr.virtual.rasters import pixels_of
from biomap_xr.virtual.shore import regions_at
from biomap_xr.virtual.tables import counts_of, legend_table

CODES = [one.code for one in EVERY_HABITAT]


def test_the_project_s_reader_takes_the_crosswalk(everything: Simulated) -> None:
    crosswalk = read_documented(everything.tables / "crosswalk.csv", CODES)
    assert crosswalk.of_cover(27) == ("N1A", "S22", "S35", "S42", "S91")
    assert crosswalk.of_cover(37) == ("MA222", "MA224", "MA252", "MA253")
    assert set(CODES) == {
        code for cover in crosswalk.covers for code in crosswalk.of_cover(int(cover))
    }


def test_the_project_s_reader_takes_the_legend(everything: Simulated) -> None:
    legend = read_legend(everything.tables / "eunis_legend.csv")
    assert [legend.number_of(code) for code in CODES] == [one.number for one in EVERY_HABITAT]
    table = pd.read_csv(everything.tables / "eunis_legend.csv")
    assert table["Code"].iloc[[0, 1, -1]].tolist() == [0, 100, NO_HABITAT]
    assert {"MA25", "T", "V38"} <= {label.split(" - ")[0] for label in table["Label"]}


def test_legend_colours_differ_between_second_levels() -> None:
    table = legend_table(EVERY_HABITAT)
    second = table[(table["EUNIS3"] == "") & (table["EUNIS2"] != "")]
    assert second["hexcolor"].is_unique


def test_the_project_s_readers_take_the_coasts(everything: Simulated) -> None:
    codes = read_coast_codes(everything.tables / "coastline_codes.json")
    assert codes == COASTS
    for formation in ("N", "MA2"):
        table = read_coast_table(everything.tables / f"coast_habitat_{formation}.csv", codes)
        wanted = [one for one in EVERY_HABITAT if one.code.startswith(formation)]
        allowed = table.allowed([one.code for one in wanted])
        for row, one in zip(allowed, wanted, strict=True):
            assert set(table.regions[row]) == set(one.regions)


def test_ecoregions_have_the_plots_that_the_truth_has(
    everything: Simulated, all_formations: Truth
) -> None:
    names = {name: code for code, (name, _) in ECOREGIONS.items()}
    table = read_association(everything.tables / "ecoregion_habitat.csv", names)
    counts = counts_of(all_formations)
    habitat = all_formations.open()["habitat"].to_numpy()
    assert counts.sum() == (habitat != NO_HABITAT).sum()
    one = EVERY_HABITAT.index(next(each for each in EVERY_HABITAT if each.code == "R35"))
    assert counts[one].sum() == (habitat == 5305).sum()
    order = [list(ECOREGIONS).index(code) for code in table.regions]
    np.testing.assert_array_equal(table.count > 0, counts[:, order] > 0)


def test_coastal_habitats_lie_on_the_raster_of_coasts(
    everything: Simulated, all_formations: Truth
) -> None:
    with rasterio.open(everything.coasts) as file:
        coast = file.read(1)
        assert file.nodata == 255
    habitat = all_formations.open()["habitat"].to_numpy()
    for one in EVERY_HABITAT:
        if one.place in ("coast", "littoral"):
            assert set(coast[habitat == one.number]) <= set(one.regions), one.code


def test_habitats_lie_in_their_ecoregions_polygons(all_formations: Truth) -> None:
    habitat = all_formations.open()["habitat"]
    rows, columns = habitat.shape
    pixels = pixels_of(all_formations.grid.geobox, slice(0, rows), slice(0, columns))
    region = regions_at(all_formations.assemblage.world, pixels).reshape(rows, columns)
    for one in EVERY_HABITAT:
        if one.regions and one.place == "inland":
            assert set(region[habitat.to_numpy() == one.number]) <= set(one.regions)
