import logging
import shutil


def test_a_finished_run_says_where_everything_is_and_what_to_do_next(finished, run_tiny):
    place = finished.workspace
    found = run_tiny(place)
    assert found.status == 0
    assert "tiny: finished in" in found.out
    assert f"model: {place.models / 'species'} (40 species)" in found.out
    assert f"species: {place.species}" in found.out
    assert f"indicators: {place.indicators}" in found.out
    assert "map: 4 tiles," in found.out
    assert "lost to the storage floor and rounding" in found.out
    assert f"xarray.open_zarr('{place.indicators}')" in found.out
    assert "next: biomap report" in found.out
    assert "set aside" not in found.out


def test_what_a_run_does_is_logged_in_plain_text(copied, run_tiny):
    shutil.rmtree(copied.root / "receipts" / "maps")
    found = run_tiny(copied)
    assert found.status == 0
    assert "INFO maps: 4 tiles to do, 0 done before" in found.err
    assert "INFO maps: 4 of 4 tiles in" in found.err
    # Colours and a moving bar are for terminals.
    assert "\x1b" not in found.err + found.out
    events = (copied.root / "events.jsonl").read_text()
    assert events.count('"written"') == 4
    assert logging.getLogger("biomap_xr").level == logging.INFO


def test_a_tile_that_cannot_be_mapped_is_set_aside_and_the_others_are_there(copied, run_tiny):
    for receipt in (copied.root / "receipts" / "maps").glob("*.json"):
        receipt.unlink()
    (tile,) = copied.species.glob("probability/c/0/1/1")
    tile.unlink()
    # A folder in the place of the shard: nothing can be published under its name.
    tile.mkdir()
    (tile / "in the way").touch()
    found = run_tiny(copied, {"run": {"retries": 0}})
    assert found.status == 4
    assert "set aside: 1 tiles" in found.out
    assert "2500mE40025N28000: " in found.out
    assert "mend their inputs and run the recipe again" in found.out
    assert "map: 3 tiles," in found.out
    assert run_tiny(copied, command="status").status == 4
    shutil.rmtree(tile)
    assert run_tiny(copied).status == 0
    assert run_tiny(copied, command="status").status == 0
