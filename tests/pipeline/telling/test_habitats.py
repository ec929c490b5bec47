import json
import shutil

import pytest
import xarray as xr
from made_habitats import (
    CODES,
    NUMBERS,
    make_all,
    make_by_species,
    make_curation,
    make_ensemble,
    make_species_model,
    make_wall_to_wall,
    recipe,
)

from biomap_xr.cubes import open_cube
from biomap_xr.errors import InputError
from biomap_xr.pipeline.reporting import content_of, make_report
from biomap_xr.pipeline.telling import results
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.report import gallery
from biomap_xr.report.content import Picture
from biomap_xr.report.habitats import gallery as habitat_gallery
from biomap_xr.virtual import VirtualSettings

FORMATIONS = ("R", "T")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Stand in for the drawing, which the tests of the gallery cover."""
    monkeypatch.setattr(habitat_gallery, "picture", undrawn)


def undrawn(name, alt, caption, draw):
    return Picture(name, alt, caption, b"light", b"dark")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    workspace = Workspace(tmp_path_factory.mktemp("made") / "run")
    return workspace, make_all(recipe(), workspace, FORMATIONS)


@pytest.fixture
def simulated(made, monkeypatch):
    """The recipe of a simulated Europe with the truth that the maps were made from."""
    workspace, truth = made
    layer = open_cube(workspace.habitats, "by_species")["level1"].copy(data=truth)

    class Known:
        def open(self):
            return xr.Dataset({"habitat": layer})

    monkeypatch.setattr(results, "open_truth", lambda _: Known())
    return recipe().model_copy(update={"simulate": VirtualSettings()})


def tables(section):
    return {table.caption: {row[0]: row[1:] for row in table.rows} for table in section.tables}


def test_a_recipe_without_habitats_has_no_section(tmp_path):
    make_curation(Workspace(tmp_path))
    species = {"tables": [{"path": "s.csv", "kind": "survey", "species_list": "made"}]}
    plain = recipe(observations=species, habitats={})
    assert content_of(plain, Workspace(tmp_path)).habitats == ()


def test_every_part_of_the_work_has_its_section(made):
    species, environment, wall, plots = content_of(recipe(), made[0]).habitats
    assert species.title == "Habitats from species"
    assert [board.caption for board in species.scoreboards] == [
        "Models on held-out plots",
        "Models on external data: dikes",
        "Other models and Pl@ntBERT on held-out plots",
    ]
    names = [row.name for row in species.scoreboards[0].rows]
    assert names[0] == "Pl@ntBERT"
    assert names[-1].startswith("Pl@ntBERT on predicted assemblages")
    assert species.scoreboards[0].rows[-1].note == "280 of 300 plots"
    assert [picture.name for picture in species.pictures] == [
        "habitats by species, level 1",
        "habitats by species, level 3",
        "confidence by species",
        "confidence by species, level 1",
        "confusion, level 1",
        "confusion, level 3",
    ]
    assert [board.caption for board in environment.scoreboards][:2] == [
        "The ensemble of each formation on held-out plots",
        "The ensemble of each formation on external data: Netherlands",
    ]
    assert environment.pictures[0].name == "confusion by formation"
    assert wall.pictures[-1].name == "wall to wall, rule"
    assert plots.tables[0].caption == "header.csv (plantbert)"


def test_areas_are_those_of_the_maps(made):
    species, environment, wall, _ = content_of(recipe(), made[0]).habitats
    first = open_cube(made[0].habitats, "by_species")["habitat"].to_numpy()[0]
    found = tables(species)
    widest = found["The most widespread habitats"]
    counts = {code: (first == n).sum() for code, n in zip(CODES, NUMBERS, strict=True)}
    code = max(counts, key=counts.get)
    assert widest[code][:2] == (counts[code], pytest.approx(counts[code] * 0.01))
    mapped = found["Habitats on the map, beside paper 1, section 4"]
    assert mapped["cells with a habitat"] == ((first != 65535).sum(), 5_554_000_000)
    bert = found["Pl@ntBERT of this run"]
    assert bert["different lists of species among them, by tile"] == (77,)
    assert bert["mapped species that it does not know"] == (10,)
    dominant = open_cube(made[0].habitats, "wall_to_wall")["habitat"].to_numpy()[0]
    covers = tables(wall)["What covers the land"]
    assert covers["R - Grasslands"][0] == ((dominant >= 5000) & (dominant < 6000)).sum()
    # The sea is no land.
    assert "Sea" not in covers
    assert tables(wall)["What decided"]["land cover: sea"][0] == (dominant == 100).sum()
    voters = tables(environment)["Who votes"]
    assert voters["Grasslands (R)"] == (5, 1, "wrf 0.6, wxgb 0.4", 2)


def test_maps_are_compared_with_the_truth(made, simulated):
    workspace, truth = made
    species, environment, wall, _ = content_of(simulated, workspace).habitats
    first = open_cube(workspace.habitats, "by_species")["habitat"].to_numpy()[0]
    land = truth != 65535
    found = tables(species)["Share of the land on which map and truth agree"]
    level1, level2, level3, among, cells, without = found["habitats from species"]
    assert (level3, level1) == (
        pytest.approx((first == truth)[land].mean(), abs=1e-4),
        pytest.approx((first // 1000 == truth // 1000)[land].mean(), abs=1e-4),
    )
    assert level3 <= level2 <= level1 <= 1
    assert level3 <= among
    assert (cells, without) == (land.sum(), 0)
    assert "habitats in truth, level 1" in [picture.name for picture in species.pictures]
    own = tables(environment)[
        "Share of each formation's true land on which its own map agrees with the truth"
    ]
    assert own["Grasslands (R)"][1] == 1.0
    agreement = tables(wall)["Share of the land on which map and truth agree"]
    assert set(agreement) == {
        "dominant habitat from wall to wall",
        "its most common true class everywhere",
    }
    # Names of habitats are the simulation's, where the recipe has no legend.
    names = [row[0] for row in species.tables[1].rows]
    assert any(" - " in name for name in names)


def scores_alone(workspace):
    make_species_model(workspace, 60)


def map_alone(workspace):
    make_by_species(recipe(), workspace)


def ensemble_alone(workspace):
    make_ensemble(workspace, "T", 60)


def wall_alone(workspace):
    make_wall_to_wall(recipe(), workspace)


def wall_without_receipts(workspace):
    make_wall_to_wall(recipe(), workspace)
    shutil.rmtree(workspace.root / "receipts")


PARTS = {
    "habitats-by-species": (scores_alone, map_alone),
    "habitats-by-environment": (ensemble_alone,),
    "habitats-wall-to-wall": (wall_alone, wall_without_receipts),
    "vegetation-plots": (make_curation,),
}


@pytest.mark.parametrize(
    ("name", "make"), [(name, make) for name, makes in PARTS.items() for make in makes]
)
def test_any_part_alone_makes_a_section(name, make, tmp_path):
    workspace = Workspace(tmp_path / "run")
    make(workspace)
    (section,) = content_of(recipe(), workspace).habitats
    assert section.name == name
    json.dumps(section.record(), allow_nan=False)


def test_a_workspace_before_any_training_has_no_section(tmp_path):
    assert content_of(recipe(), Workspace(tmp_path)).habitats == ()


def test_a_report_of_habitats_alone(made, simulated, monkeypatch):
    monkeypatch.setattr(habitat_gallery, "picture", gallery.picture)
    monkeypatch.setattr(gallery, "png", lambda figure: str(figure.get_facecolor()).encode())
    page = make_report(simulated, made[0]).page
    text = page.read_text()
    for title in ("Habitats from species", "Habitats from wall to wall", "Vegetation plots"):
        assert f"<h2>{title}</h2>" in text
    assert "<summary>Grasslands (R): the ensemble beside its members</summary>" in text
    metrics = json.loads((page.parent / "metrics.json").read_text())
    assert [part["name"] for part in metrics["habitats"]] == list(PARTS)
    models = metrics["habitats"][0]["scoreboards"][0]["models"]
    assert 0.5 < models[0]["measures"]["Level 3"]["value"] < 1
    assert metrics["habitats"][0]["scoreboards"][0]["published"][0]["model"] == "First 50 species"


def test_a_report_before_the_run_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match="run the recipe first"):
        make_report(recipe(), Workspace(tmp_path))
