from biomap_xr.products.rasters import (
    final_rasters,
    formation_rasters,
    formations_in,
    ranked,
    species_rasters,
)


def test_a_formation_has_the_papers_three_files():
    files = {raster.path: raster for raster in formation_rasters("MA2", ["MA211", "MA221"])}
    assert list(files) == [
        "habitat_probability/MA2.tif",
        "topk_habitats/MA2_topk.tif",
        "topk_habitats/MA2_topk_confidence.tif",
    ]
    probability, top, confidence = files.values()
    assert (probability.dtype, probability.nodata) == ("uint8", 255)
    assert (top.dtype, top.nodata) == ("uint16", 65_535)
    assert probability.bands == ("MA211", "MA221")
    assert confidence.bands == ranked("confidence")
    assert len(confidence.bands) == 3


def test_the_final_map_has_a_file_a_rank():
    files = list(final_rasters())
    assert [raster.path for raster in files] == [
        "wall_to_wall/eunis_dominant.tif",
        "wall_to_wall/eunis_top2.tif",
        "wall_to_wall/eunis_top3.tif",
    ]
    assert [(raster.first, raster.bands) for raster in files] == [
        (rank, (f"rank {rank + 1} habitat",)) for rank in range(3)
    ]


def test_species_have_four_files():
    assert [(raster.variable, raster.kind) for raster in species_rasters()] == [
        ("habitat", "codes"),
        ("confidence", "percent"),
        ("level2", "codes"),
        ("level1", "codes"),
    ]


def test_formations_are_found_in_the_store(store, tmp_path):
    assert formations_in(store) == ("R", "T")
    assert formations_in(tmp_path) == ()
