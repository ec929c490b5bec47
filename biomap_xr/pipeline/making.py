"""A recipe being made in a workspace: what all stages share, read at its first use."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomap_xr.errors import InputError
from biomap_xr.grid import Grid
from biomap_xr.pipeline.problems import Problem, problems_of
from biomap_xr.pipeline.stage import Key, Part, Stage
from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.recipe import Recipe
from biomap_xr.run import Failure, Listener, Summary, silent
from biomap_xr.run.plan import Plan

if TYPE_CHECKING:
    from pydantic import JsonValue

    from biomap_xr.pipeline.filling import Filling
    from biomap_xr.pipeline.makers.observing import Observer
    from biomap_xr.pipeline.telling.results import HabitatResults
    from biomap_xr.pipeline.workers import Workers


@dataclass(frozen=True, eq=False)
class Making:
    """What a stage is asked with."""

    written: Recipe
    """As it was loaded: in keys, paths count as they were written, not where they lead."""
    workspace: Workspace
    stages: Sequence[Stage]
    """All there are, in the order in which they are made."""
    workers: "Workers | None" = None
    """None where nothing is to be made."""
    listener: Listener = silent
    _keys: dict[str, Key] = field(default_factory=dict)
    _results: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe with absolute paths."""
        return self.written.anchored(self.workspace.root)

    @cached_property
    def grid(self) -> Grid:
        """Of the map's cells."""
        return Grid.from_settings(self.written.grid)

    @cached_property
    def observer(self) -> "Observer":
        """Reads the tables of observations and plots, once."""
        from biomap_xr.pipeline.makers.observing import Observer

        return Observer(self.recipe, self.workspace)

    @cached_property
    def filling(self) -> "Filling":
        """Runs tasks on the workers.

        Raises:
            InputError: There are none: somebody only looks.
        """
        from biomap_xr.pipeline.filling import Filling

        if self.workers is None:
            raise InputError(
                f"{self.workspace.root}: nobody works here, expected workers; run the recipe"
            )
        return Filling(self.workspace, self.workers, self.written.run, self.listener)

    @cached_property
    def wanted(self) -> tuple[Stage, ...]:
        """The stages that the recipe asks for."""
        return tuple(stage for stage in self.stages if stage.wanted(self.written))

    def before(self, stage: Stage) -> tuple[Stage, ...]:
        """Return the wanted stages that a stage reads."""
        return tuple(each for each in self.wanted if each.name in stage.after)

    def stage(self, name: str) -> Stage:
        """Return a wanted stage.

        Raises:
            StopIteration: There is none of this name.
        """
        return next(each for each in self.wanted if each.name == name)

    def key(self, name: str) -> Key:
        """Return what a stage depends on: its own inputs, and the keys of the stages it reads.

        Raises:
            InputError: A file cannot be read.
        """
        if name not in self._keys:
            stage = self.stage(name)
            earlier: dict[str, JsonValue] = {
                each.name: self.key(each.name).name for each in self.before(stage)
            }
            self._keys[name] = Key({**stage.depends(self), **earlier})
        return self._keys[name]

    def forget_keys(self) -> None:
        """Look at all that keys are made of once more when they are asked for."""
        self._keys.clear()

    def result(self, name: str) -> Any:
        """Return what a stage made, loaded at its first use; None where the recipe has no such."""
        if name not in self._results:
            found = next((each for each in self.wanted if each.name == name), None)
            self._results[name] = found.result(self) if found else None
        return self._results[name]

    @cached_property
    def habitats(self) -> "HabitatResults":
        """What there is of habitats, for reports."""
        from biomap_xr.pipeline.telling.results import HabitatResults

        return HabitatResults(self.recipe, self.workspace)

    def has(self, name: str) -> bool:
        """Say whether a stage's result is at hand."""
        return name in self._results

    def keep(self, name: str, result: Any) -> None:
        """Remember what a stage has just made."""
        self._results[name] = result

    def problems(self, stages: Sequence[Stage] | None = None) -> Iterator[Problem]:
        """Yield all that is wrong with the inputs of some stages, by default of all wanted ones."""
        # Two stages may look at one file: it is told once.
        told: set[Problem] = set()
        for stage in self.wanted if stages is None else stages:
            for check in stage.checks(self):
                fresh = [each for each in problems_of(check) if each not in told]
                told.update(fresh)
                yield from fresh

    def contents(self, paths: Sequence[Path]) -> "list[JsonValue]":
        """Return the fingerprint of each file's content.

        Raises:
            InputError: One cannot be read.
        """
        return [*self.workspace.contents.names(paths)]

    def found_done(self, program: str) -> Summary:
        """Return what became of a program's tiles in earlier runs."""
        return Summary(program, (), self.workspace.ledger(program).tiles(), ())

    def tiles(self, program: str) -> Part:
        """Count the tiles of a program that are whole, of those that the latest run meant."""
        plan = Plan.read(self.workspace.plan(program))
        if plan is None:
            return Part(program, unit="tiles")
        ledger, root = self.workspace.ledger(program), self.workspace.root
        whole = (ledger.valid(tile, plan.fingerprint, root) for tile in ledger.tiles())
        return Part(program, sum(whole), plan.tiles, "tiles")

    def failures(self) -> tuple[Failure, ...]:
        """Return what was set aside by the programs of all wanted stages."""
        programs = (program for stage in self.wanted for program in stage.programs)
        return tuple(f for p in programs for f in self.workspace.ledger(p).failures.all())
