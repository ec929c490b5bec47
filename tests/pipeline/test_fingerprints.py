import shutil

import pytest

from biomap_xr.errors import InputError
from biomap_xr.pipeline.fingerprints import contents, habitat_training, sections, species_training


@pytest.fixture
def anchored(tiny, finished):
    return tiny.anchored(finished.workspace.root)


def test_a_section_that_a_model_reads_changes_its_name(tiny, anchored):
    before = species_training(tiny, anchored, None)
    folds = tiny.folds.model_copy(update={"seed": 9})
    assert species_training(tiny.model_copy(update={"folds": folds}), anchored, None) != before
    maps = tiny.maps.model_copy(update={"floor": 0.1})
    assert species_training(tiny.model_copy(update={"maps": maps}), anchored, None) == before


def test_habitats_depend_on_plots_and_species_model(tiny, anchored, tmp_path):
    path = tmp_path / "species.csv"
    shutil.copy(anchored.plots.tables[0].species, path)
    before = habitat_training(tiny, anchored, "a", [path])
    assert habitat_training(tiny, anchored, "b", [path]) != before
    assert habitat_training(tiny, anchored, "a", [path]) == before
    path.write_text(path.read_text() + "\n")
    assert habitat_training(tiny, anchored, "a", [path]) != before


def test_what_does_not_touch_the_model_keeps_its_name(tiny, anchored):
    on_map = tiny.habitats.on_map.model_copy(update={"probabilities": False})
    habitats = tiny.habitats.model_copy(update={"on_map": on_map})
    other = tiny.model_copy(update={"habitats": habitats})
    assert habitat_training(other, anchored, "", []) == habitat_training(tiny, anchored, "", [])


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.csv cannot be read"):
        contents([tmp_path / "gone.csv"])


def test_sections_that_are_not_given_are_none(tiny):
    assert sections(tiny, "patches") == {"patches": None}
