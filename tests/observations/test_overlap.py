import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from biomap_xr.observations.overlap import overlap_of
from biomap_xr.observations.plot_settings import OverlapSettings
from biomap_xr.observations.plots import Plots

# Metres north as degrees, near enough for distances of some hundred metres.
NORTH = 1 / 111_200


def plots(rows):
    """Plots of a name, metres north of a place, labels and species."""
    names, north, labels, found = zip(*rows, strict=True)
    species = sorted({name for each in found for name in each})
    cover = np.array([[float(name in each) for name in species] for each in found], np.float32)
    return Plots(
        plot_id=np.array(names, object),
        cover=csr_array(cover),
        species=tuple(species),
        labels=labels,
        longitude=np.full(len(rows), 10.0),
        latitude=50 + np.array(north, float) * NORTH,
        site=np.array(names, object),
        header=pd.DataFrame(index=range(len(rows))),
    )


TRAINING = plots(
    [
        ("a", 0, ("R22",), ("dactylis glomerata", "poa pratensis")),
        ("b", 5_000, ("T17",), ("fagus sylvatica",)),
        ("c", np.nan, ("Q11",), ("carex nigra",)),
    ]
)
EXTERNAL = plots(
    [
        ("x-a", 900, ("R11",), ("stipa capillata",)),
        ("x-1", 80, ("R22",), ("stipa capillata",)),
        ("x-2", 80, ("R11",), ("poa pratensis", "dactylis glomerata")),
        ("x-3", 80, ("R11",), ("poa pratensis",)),
        ("x-4", 120, ("R22",), ("stipa capillata",)),
        ("x-b", 25_000, ("R22",), ("stipa capillata",)),
        ("x-c", 0, (), ("stipa capillata",)),
        ("x-5", np.nan, ("R22",), ("poa pratensis",)),
    ]
)


def test_plots_of_a_name_or_a_place_overlap():
    found = overlap_of(EXTERNAL, TRAINING, "EPSG:3035", OverlapSettings(), "x-")
    # Of one name, but not 20 km apart; a place that nobody knows is no other place.
    assert EXTERNAL.plot_id[found.same_name].tolist() == ["x-a", "x-c"]
    # Within 100 m, of the same habitats or of the same species.
    assert EXTERNAL.plot_id[found.same_place].tolist() == ["x-1", "x-2"]
    assert found.either.sum() == 4
    assert str(found) == (
        "4 of 8 plots are among the training plots: 2 by their name, 2 within 100 m of one with "
        "the same habitats or species"
    )


def test_a_prefix_is_no_part_of_a_name():
    found = overlap_of(EXTERNAL, TRAINING, "EPSG:3035", OverlapSettings())
    assert not found.same_name.any()


@pytest.mark.parametrize(("distance", "count"), [(0, 0), (79, 0), (81, 2), (130, 3)])
def test_the_distance_is_a_setting(distance, count):
    settings = OverlapSettings(distance=distance)
    found = overlap_of(EXTERNAL, TRAINING, "EPSG:3035", settings)
    assert found.same_place.sum() == count


def test_nothing_overlaps_without_coordinates():
    nowhere = plots([("y", np.nan, ("R22",), ("poa pratensis",))])
    found = overlap_of(nowhere, TRAINING, "EPSG:3035", OverlapSettings())
    assert not found.either.any()
