import subprocess
import sys
from pathlib import Path

import pytest

from biomap_xr.__main__ import main

TINY = Path(__file__).with_name("pipeline") / "tiny.yaml"
HEAVY = ("torch", "rasterio", "xarray", "numpy", "dask", "distributed", "pandas")


@pytest.fixture
def biomap(monkeypatch, capsys):
    """Call the command line; return its exit status, and what it said on both streams."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["biomap", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        found = capsys.readouterr()
        assert "Traceback" not in found.err
        return left.value.code, found.out, found.err

    return call


def test_help_says_what_there_is_and_where_to_start(biomap):
    status, said, _ = biomap("--help")
    assert status == 0
    for word in ("run", "status", "report", "simulate", "recipes/demo.yaml", "Exit status"):
        assert word in said


def test_without_arguments_the_help_is_shown(biomap):
    status, said, wrong = biomap()
    assert status == 2
    assert "Start with: biomap run recipes/demo.yaml" in said + wrong


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("run", ("RECIPE", "--cluster", "--workspace", "go on where it stopped")),
        ("status", ("RECIPE", "--workspace")),
        ("report", ("RECIPE", "--workspace", "HTML")),
        ("simulate", ("OUT", "--seed", "--tiles")),
    ],
)
def test_each_command_explains_itself(biomap, command, words):
    status, said, _ = biomap(command, "--help")
    assert status == 0
    assert all(word in said for word in words)


@pytest.mark.parametrize(
    "arguments", [["bogus"], ["run"], ["run", "--bogus", "x"], ["simulate", "out", "--seed", "-1"]]
)
def test_arguments_that_mean_nothing(biomap, arguments):
    status, _, wrong = biomap(*arguments)
    assert status == 2
    assert "Usage" in wrong


@pytest.mark.parametrize("command", ["run", "status", "report"])
def test_a_missing_recipe(biomap, command):
    status, _, wrong = biomap(command, "nowhere.yaml")
    assert status == 2
    assert wrong.startswith("biomap: nowhere.yaml cannot be read")
    assert "give a recipe's path" in wrong


def test_a_missing_profile(biomap, tmp_path):
    status, _, wrong = biomap("run", TINY, "--cluster", "no.yaml", "--workspace", tmp_path)
    assert status == 2
    assert "no.yaml cannot be read" in wrong
    assert not any(tmp_path.iterdir())


def test_a_folder_that_holds_something_else(biomap, tmp_path):
    (tmp_path / "thesis.tex").touch()
    status, _, wrong = biomap("run", TINY, "--workspace", tmp_path)
    assert status == 3
    assert "it holds thesis.tex" in wrong
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_run_that_is_not_finished(biomap, tmp_path):
    assert biomap("status", TINY, "--workspace", tmp_path)[0] == 4


def test_a_workspace_that_is_corrupt(biomap, tmp_path):
    (tmp_path / "workspace.json").write_text("{")
    status, _, wrong = biomap("run", TINY, "--workspace", tmp_path)
    assert status == 5
    assert "restore that file from a copy" in wrong


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from biomap_xr.__main__ import main\n"
        "sys.argv = ['biomap', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        f"    sys.exit(' '.join(set({HEAVY!r}) & set(sys.modules)) or 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage" in done.stdout


def test_it_runs_as_a_module():
    command = [sys.executable, "-m", "biomap_xr", "bogus"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "No such command" in done.stderr
