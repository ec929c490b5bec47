"""What tests do with the tiny run: copy it, change its recipe, break its inputs."""

import os
import shutil
from pathlib import Path

import rasterio

from biomap_xr.cluster import SerialProfile
from biomap_xr.pipeline.filling import Filling
from biomap_xr.pipeline.workers import Workers
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.run import FillSettings

TINY = Path(__file__).with_name("tiny.yaml")
ENVIRONMENT = TINY.with_name("tiny_environment.yaml")
SERIAL = SerialProfile(kind="serial")
SERIAL_FILE = TINY.parents[2] / "cluster" / "serial.yaml"


def linked(workspace, root, part):
    shutil.copytree(workspace.root / part, root / part, copy_function=os.link)
    shutil.copy(workspace.root / "workspace.json", root)
    return Workspace(root)


def cloned(workspace, root):
    """A copy of a workspace; only the files of a simulated Europe are linked."""
    for path in workspace.root.iterdir():
        if path.is_dir():
            copy = os.link if path.name == "virtual" else shutil.copy2
            shutil.copytree(path, root / path.name, copy_function=copy)
    shutil.copy(workspace.root / "workspace.json", root)
    return Workspace(root)


def changed(values, changes):
    """Nested mappings and lists with some values replaced."""
    for place, value in changes.items():
        *parents, last = (int(part) if part.isdigit() else part for part in place.split("."))
        found = values
        for part in parents:
            found = found[part]
        found[last] = value
    return values


def rewrite(path, change=None, **profile):
    """Write a raster anew: other values, or another profile; the linked original stays."""
    with rasterio.open(path) as file:
        values, own, names = file.read(), file.profile, file.descriptions
    path.unlink()
    values = values if change is None else change(values)
    own = {**own, "count": len(values), "dtype": values.dtype, **profile}
    with rasterio.open(path, "w", **own) as file:
        file.write(values.astype(own["dtype"]))
        file.descriptions = names[: len(values)]


def filling_of(workspace, workers=None, **settings):
    """Work done here, in this process, where no workers are given."""
    return Filling(workspace, workers or Workers(SERIAL), FillSettings(**settings))
