"""The root of all settings: frozen, and an unknown key is an error."""

from pydantic import BaseModel, ConfigDict


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
