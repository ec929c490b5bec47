import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_rgba
from odc.geo.xr import xr_coords

from biomap_xr.evaluation.habitats.scores import Judged, confusion
from biomap_xr.habitats.eunis import FORMATIONS
from biomap_xr.habitats.legend import legend_of
from biomap_xr.habitats.rules.priority import RULES
from biomap_xr.report import gallery
from biomap_xr.report.habitats import gallery as habitat_gallery
from biomap_xr.report.habitats.gallery import (
    RULE_COLOURS,
    RULE_WORDS,
    Drawing,
    at_level_1,
    confusion_pictures,
    formation_confusions,
    rule_words,
    rules_of,
    species_pictures,
    truth_picture,
    uncertainty_picture,
    wall_to_wall_pictures,
)
from biomap_xr.report.palette import LIGHT
from biomap_xr.report.thinning import thin

DRAWING = Drawing(legend_of(["R22", "T17"], {"R22": "Hay meadow"}), 64)
SEA, TOWN = 100, 0


@pytest.fixture
def drawn(monkeypatch):
    """The light figures that were drawn, instead of their rendering, by name of the picture."""
    figures = {}
    whole = gallery.Picture

    def keep(name, alt, caption, light, dark):
        figures[name] = light
        return whole(name, alt, caption, b"light", b"dark")

    monkeypatch.setattr(gallery, "png", lambda figure: figure)
    monkeypatch.setattr(gallery, "Picture", keep)
    return figures


@pytest.fixture
def cube(grid):
    shape = grid.shape
    habitat = np.full((3, *shape), 65535, np.uint16)
    habitat[0, :, :20], habitat[0, :, 20:30] = 5202, 7107
    habitat[0, :, 30:40], habitat[0, :, 40:45] = SEA, TOWN
    confidence = np.where(habitat < 65535, 60, 255).astype(np.uint8)
    rule = np.full(shape, 255, np.uint8)
    rule[:, :20], rule[:, 20:30] = RULES["priority_1"], RULES["priority_4"]
    rule[:, 30:40], rule[:, 40:45] = RULES["sea"], RULES["urban"]
    described = {"flag_values": list(RULES.values()), "flag_meanings": " ".join(RULES)}
    percent = np.full(shape, 9, np.uint8)
    layers = {
        "habitat": (("rank", "y", "x"), habitat),
        "confidence": (("rank", "y", "x"), confidence),
        "level1": (("y", "x"), habitat[0] // 1000 * 1000),
        "rule": (("y", "x"), rule, described),
        **dict.fromkeys(("committee", "model_spread", "sampling_spread"), (("y", "x"), percent)),
    }
    return xr.Dataset(layers, xr_coords(grid.geobox, dims=("y", "x")))


def words(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def titles(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def colour(figure, row, column):
    picture = figure.axes[0].images[0]
    return tuple(picture.cmap(picture.norm(picture.get_array()))[row, column])


def test_habitats_from_species_have_the_legends_names(cube, drawn):
    pictures = species_pictures(cube, DRAWING)
    assert [each.name for each in pictures] == list(drawn)
    assert words(drawn["habitats by species, level 3"])[0].startswith("R22 - Hay meadow  44.4%")
    assert "How sure the habitat from species is" in titles(drawn["confidence by species"])


def test_what_level_1_is_and_how_sure_it_is_are_said(cube, drawn):
    sure = cube.assign(level1_confidence=(("y", "x"), np.full(cube["level1"].shape, 70, np.uint8)))
    first, *_, last = species_pictures(sure.assign_attrs(levels="inferred"), DRAWING)
    assert "that of its likeliest habitat" in first.caption
    assert last.name == "confidence by species, level 1"
    assert "the likeliest together" in species_pictures(cube, DRAWING)[0].caption


def test_the_sea_is_blank_from_wall_to_wall(cube, drawn):
    wall_to_wall_pictures(cube, DRAWING)
    dominant = drawn["wall to wall, dominant"]
    assert words(dominant) == [
        "R22 - Hay meadow  57.1%",
        "T17  28.6%",
        "Urban  14.3%",
        "no habitat",
    ]
    assert colour(dominant, 3, 33) == to_rgba(LIGHT.nodata)
    groups = words(drawn["wall to wall, level 1"])
    assert groups[:2] == ["R - Grasslands  57.1%", "T - Forests and other wooded land  28.6%"]


def test_rules_are_in_plain_words(cube, drawn):
    wall_to_wall_pictures(cube, DRAWING)
    figure = drawn["wall to wall, rule"]
    assert words(figure)[:3] == [
        "first formation of the land cover  57.1%",
        "fourth formation of the land cover  28.6%",
        "land cover: urban  14.3%",
    ]
    assert colour(figure, 3, 3) == to_rgba(RULE_COLOURS["priority_1"])
    assert colour(figure, 3, 33) == to_rgba(LIGHT.nodata)


def test_every_rule_has_words():
    assert set(RULES) == set(RULE_WORDS)
    assert len(RULES) == 8 + len(FORMATIONS)
    assert rule_words("something_new") == "something new"


def test_rules_come_from_the_layer(cube):
    assert rules_of(cube["rule"])[RULES["urban"]] == "urban"
    assert rules_of(xr.DataArray(np.zeros(1))) == {}


def test_a_layer_is_read_once_for_all_pictures(cube, drawn, monkeypatch):
    read = []

    def thinned(layer, **options):
        read.append(layer.name)
        return thin(layer, **options)

    monkeypatch.setattr(habitat_gallery, "thin", thinned)
    wall_to_wall_pictures(cube, DRAWING)
    assert read == ["habitat", "confidence", "rule"]


def test_the_truth_is_drawn_in_broad_groups(cube, drawn):
    truth_picture(cube["habitat"].isel(rank=0), DRAWING)
    assert words(drawn["habitats in truth, level 1"])[0].startswith("R - Grasslands")


def test_uncertainty_names_its_formation(cube, drawn):
    found = uncertainty_picture(cube, "Q", DRAWING)
    assert found.name == "uncertainty Q"
    assert "Wetlands (Q)" in titles(drawn["uncertainty Q"])


def judged():
    probability = np.array([[0.6, 0.3, 0.1], [0.4, 0.3, 0.3], [0.1, 0.2, 0.7]])
    return Judged(("R1A", "R22", "T17"), probability, (("R22",), ("T17", "R1A"), ("T17",)))


def test_broad_groups_are_those_of_the_named_habitats():
    broad = at_level_1(judged())
    assert broad.classes == ("R", "T")
    assert broad.labels == (("R",), ("T", "R"), ("T",))
    assert confusion(broad).tolist() == [[2, 0], [0, 1]]
    # Together, the grasslands are more probable than the forest that is named.
    forest = Judged(("R1A", "R22", "T17"), np.array([[0.3, 0.3, 0.4]]), (("R22",),))
    assert confusion(at_level_1(forest)).tolist() == [[0, 1], [0, 0]]


def test_confusions_are_pictures(drawn):
    confusion_pictures("Pl@ntBERT", judged())
    assert drawn["confusion, level 1"].axes[0].images[0].get_array().shape == (2, 2)
    assert drawn["confusion, level 3"].axes[0].images[0].get_array().shape == (3, 3)
    formation_confusions({"R": judged()})
    assert drawn["confusion by formation"].axes[0].get_title("left") == "Grasslands (R)"
