"""How a run treats tiles that fail, hang or wait."""

from typing import Annotated

from pydantic import Field

from biomap_xr.settings import Settings


class FillSettings(Settings):
    """Patience of a run; none of it changes a result, so none of it enters a fingerprint."""

    retries: Annotated[int, Field(ge=0)] = 2
    """How often a tile that failed, or whose worker died, is tried again before it is set aside."""
    window: Annotated[int, Field(ge=1)] | None = None
    """Tiles submitted at one time; twice what the workers can run at once where not given."""
    tile_timeout: Annotated[float, Field(gt=0)] | None = 3600.0
    """Seconds after which a tile that still runs is ended together with its worker process."""
    patience: Annotated[float, Field(ge=0)] = 60.0
    """Seconds that a run without hope, as on a full disk, waits for tiles in flight, and a new one
    for those of a killed run. One that is asked to stop ends within ten seconds."""
