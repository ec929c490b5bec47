"""One validated object that says what a run makes, assembled from each room's own settings."""

import os
import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Self

from pydantic import (
    BaseModel,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from biomap_xr.covariates.settings import CovariateSettings, PatchSettings
from biomap_xr.covariates.slots import InputSettings
from biomap_xr.errors import RecipeError
from biomap_xr.evaluation.settings import EvaluationSettings
from biomap_xr.folds.settings import FoldSettings
from biomap_xr.grid import GridSettings
from biomap_xr.habitats.settings import HabitatSettings
from biomap_xr.indicators.settings import IndicatorSettings
from biomap_xr.observations.plot_settings import PlotSettings
from biomap_xr.observations.settings import ObservationSettings
from biomap_xr.products.settings import ProductSettings
from biomap_xr.run.settings import FillSettings
from biomap_xr.settings import Settings, read_yaml
from biomap_xr.species.settings import MapSettings, SpeciesSettings
from biomap_xr.virtual.settings import VirtualSettings

VARIABLE = re.compile(r"\$\{(\w+)\}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class Recipe(Settings):
    """What a run makes, of what, and how. A key that is not known is an error."""

    name: str
    """Letters, digits, dots, dashes and underscores; the workspace is ``runs/<name>`` by
    default."""
    title: str = ""
    """One line for reports."""
    licence: str = "not stated"
    """Licence of the products, kept in their attributes."""
    citation: str = ""
    """How to cite the products, kept in their attributes."""
    root: Path | None = None
    """Folder that relative paths start from; by default the recipe's own, or the simulated
    Europe's."""
    simulate: VirtualSettings | None = None
    """Make a simulated Europe in the workspace first and map that."""
    grid: GridSettings = Field(default_factory=GridSettings)
    covariates: CovariateSettings | None = None
    """Sources of the covariates cube; without it nothing is mapped."""
    patches: PatchSettings | None = None
    """Files of each survey that a model is trained on instead of windows of the cube."""
    observations: ObservationSettings | None = None
    """Tables of species; without them no species model is trained."""
    plots: PlotSettings | None = None
    """Tables of vegetation plots; without them no habitat model is trained."""
    folds: FoldSettings = FoldSettings()
    inputs: InputSettings = InputSettings()
    """How windows and time slots are cut for the model, in training and on the map."""
    species: SpeciesSettings = SpeciesSettings()
    indicators: IndicatorSettings = IndicatorSettings()
    habitats: HabitatSettings = HabitatSettings()
    maps: MapSettings = MapSettings()
    products: ProductSettings | None = None
    """Files of habitat maps for others; none are written without it."""
    evaluation: EvaluationSettings = EvaluationSettings()
    run: FillSettings = FillSettings()

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} cannot name a folder; use letters, digits, dots, dashes and underscores"
            )
        return name

    @model_validator(mode="after")
    def _check_grid(self) -> Self:
        if self.simulate is not None and self.simulate.grid_settings() != self.grid:
            raise ValueError(
                f"grid: {self.grid} is not the simulated Europe's, "
                f"{self.simulate.grid_settings()}; leave the section grid out"
            )
        return self

    @model_validator(mode="after")
    def _check_purpose(self) -> Self:
        if self.habitats.wanted and self.plots is None:
            raise ValueError(
                "habitats: models are asked for, but there are no plots to train them on; add the "
                "section plots"
            )
        if self.observations is None and not self.habitats.wanted:
            raise ValueError(
                "observations: Field required where no habitats are asked for; name tables of "
                "species"
            )
        alone = self.observations is None or self.covariates is None
        if alone and self.habitats.by_species and self.habitats.held_out == "species_blocks":
            raise ValueError(
                "habitats.held_out: 'species_blocks' without a mapped species model; take 'folds'"
            )
        return self

    @model_validator(mode="before")
    @classmethod
    def _take_simulated_grid(cls, values: Any) -> Any:
        if isinstance(values, dict) and "grid" not in values and values.get("simulate") is not None:
            simulated = VirtualSettings.model_validate(values["simulate"])
            return {**values, "grid": simulated.grid_settings().model_dump()}
        return values

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read and validate a recipe's YAML.

        ``${NAME}`` in a text stands for an environment variable.

        Raises:
            RecipeError: The file is missing, too large, no YAML, or says something impossible.
        """
        path = Path(path)
        values = read_yaml(path, "give a recipe's path")
        values.setdefault("root", str(path.resolve().parent) if "simulate" not in values else None)
        try:
            return cls.model_validate(_expand(values, path))
        except ValidationError as error:
            raise RecipeError(f"{path} is no valid recipe:\n{explain(error)}") from error

    def anchored(self, workspace: Path) -> Self:
        """Return the recipe with every relative path made absolute.

        Args:
            workspace: Folder of the run, in which a simulated Europe lies.
        """
        root = (self.root or workspace / "virtual").resolve()
        sections = {name: _anchor(value, root) for name, value in self if name != "root"}
        return self.model_copy(update={**sections, "root": root})


def explain(error: ValidationError) -> str:
    """Say each problem of a validation on a line: where, what, and the value that was given.

    >>> try:
    ...     GridSettings(resolution=-1)
    ... except ValidationError as error:
    ...     explain(error)
    '  resolution: Input should be greater than 0 (given -1)'
    """
    return "\n".join(_line(problem) for problem in error.errors(include_url=False))


def _line(problem: Mapping[str, Any]) -> str:
    place = ".".join(map(str, problem["loc"])) or "recipe"
    message = problem["msg"].removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        return f"  {place}: unknown key (given {problem['input']!r}); remove it or mend its name"
    given = problem["input"]
    short = f" (given {given!r})" if isinstance(given, str | int | float | None) else ""
    return f"  {place}: {message}{short}"


def _expand(value: Any, path: Path) -> Any:
    """Replace ``${NAME}`` by the environment's value in all texts of nested lists and mappings."""
    if isinstance(value, str):
        return VARIABLE.sub(lambda match: _environment(match[1], path), value)
    if isinstance(value, list):
        return [_expand(item, path) for item in value]
    if isinstance(value, dict):
        return {key: _expand(item, path) for key, item in value.items()}
    return value


def _environment(name: str, path: Path) -> str:
    if name not in os.environ:
        raise RecipeError(
            f"{path} needs the environment variable {name}, which is not set; "
            f"set it to the folder of the data: export {name}=/path/to/data"
        )
    return os.environ[name]


def sections(recipe: Recipe, *names: str) -> dict[str, JsonValue]:
    """Return sections of a recipe as plain values, None where it has none."""
    values = {name: getattr(recipe, name) for name in names}
    return {
        name: value.model_dump(mode="json") if value is not None else None
        for name, value in values.items()
    }


def paths_in(value: Any) -> tuple[Path, ...]:
    """Return every path that nested settings name, each once, in order of the settings.

    >>> paths_in({"tables": [Path("a.csv"), Path("b.csv")], "again": Path("a.csv")})
    (PosixPath('a.csv'), PosixPath('b.csv'))
    """
    if isinstance(value, Path):
        return (value,)
    if isinstance(value, BaseModel):
        value = [each for _, each in value]
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list | tuple):
        return ()
    return tuple(dict.fromkeys(path for each in value for path in paths_in(each)))


def _anchor(value: Any, root: Path) -> Any:
    """Make the relative paths in nested settings absolute."""
    if isinstance(value, Path):
        return root / value
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: _anchor(item, root) for name, item in value})
    if isinstance(value, tuple):
        return tuple(_anchor(item, root) for item in value)
    if isinstance(value, dict):
        return {key: _anchor(item, root) for key, item in value.items()}
    return value
