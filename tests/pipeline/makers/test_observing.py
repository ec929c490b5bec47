import pytest

from biomap_xr.errors import RecipeError
from biomap_xr.pipeline.makers.observing import Observer


def test_sections_that_are_missing_are_named(tiny, finished):
    recipe = tiny.model_copy(update={"observations": None, "plots": None})
    observer = Observer(recipe, finished.workspace)
    with pytest.raises(RecipeError, match="has no section observations"):
        _ = observer.sites
    with pytest.raises(RecipeError, match="has no section plots"):
        _ = observer.plots


def test_plots_are_read_once_and_reported_on(tiny, finished):
    recipe = tiny.anchored(finished.workspace.root)
    observer = Observer(recipe, finished.workspace)
    assert observer.plots is observer.plots
    assert (finished.workspace.models / "plots.json").is_file()
