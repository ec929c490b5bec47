"""The root of all settings: frozen, an unknown key is an error; and the files that hold them."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from biomap_xr.errors import RecipeError

LARGEST_FILE = 1_000_000
"""Bytes of the largest file of settings that is read: YAML can be made to swell."""


class Settings(BaseModel):
    """Settings of one room, as a section of a recipe holds them.

    >>> class Speed(Settings):
    ...     limit: float = 50.0
    >>> Speed(limit=30)
    Speed(limit=30.0)
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=()
    )


def read_yaml(path: Path, advice: str) -> dict[str, Any]:
    """Read a small YAML file that holds one mapping.

    Args:
        path: Of the file.
        advice: What to do where it cannot be read.

    Raises:
        RecipeError: The file is missing, larger than a megabyte, no YAML, or no mapping.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise RecipeError(
                f"{path} has {path.stat().st_size} bytes, expected at most {LARGEST_FILE}; "
                "settings name data, they do not hold them"
            )
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{path} cannot be read: {error.strerror}; {advice}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path} is no YAML: {error}; mend it there") from error
    if not isinstance(values, dict):
        held = "nothing" if values is None else f"a {type(values).__name__}"
        raise RecipeError(f"{path} holds {held}, expected a mapping such as 'name: demo'")
    return values


def refuse_device(values: Any) -> Any:
    """Refuse the key ``device``, which recipes once had.

    Args:
        values: What is given for a section of a recipe, before it is validated.

    Raises:
        ValueError: The key is there.

    >>> refuse_device({"seed": 1})
    {'seed': 1}
    """
    if isinstance(values, dict) and "device" in values:
        raise ValueError(
            f"device: {values['device']!r} stands in the recipe, expected it in the profile of the "
            "machines, since a recipe is the same on all of them; remove the key and choose a "
            "profile by --cluster, such as cluster/local-cuda.yaml"
        )
    return values
