"""Which maps of a workspace lack tiles: what is shown of them is not the whole."""

from biomap_xr.pipeline.workspace import Workspace
from biomap_xr.run.plan import Plan

MAPS = {
    "maps": "Maps of species and what follows from them",
    "environment": "Habitats from the environment",
    "wall_to_wall": "Habitats from wall to wall",
}
"""Programs whose tiles a report shows, in plain words."""


def unfinished(workspace: Workspace) -> tuple[str, ...]:
    """Say of each map that lacks tiles how many of how many are there.

    A tile counts that the latest run's program made; tiles of a former one may be shown beside
    them until they are made anew.
    """
    said = []
    for program, words in MAPS.items():
        plan = Plan.read(workspace.plan(program))
        if plan is None:
            continue
        receipts = workspace.ledger(program).receipts()
        done = sum(receipt.fingerprint == plan.fingerprint for receipt in receipts)
        if done < plan.tiles:
            said.append(
                f"{words}: {done:,} of {plan.tiles:,} tiles are made and shown, so these maps and "
                "their numbers are not the whole. Run the recipe again, and then this report."
            )
    return tuple(said)
