"""Workers that are started when the first tile needs them, and not before."""

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from biomap_xr.cluster import Profile, Session, open_session


class Workers:
    """The session of a profile for as long as the context lasts, opened at its first use.

    A run that finds everything done never starts a cluster.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._stack = ExitStack()
        self._session: Session | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def device(self) -> str:
        """What the workers compute on: ``cpu`` or ``cuda``."""
        return self.profile.device

    @property
    def training_device(self) -> str:
        """What this process computes on, where it trains a model: ``cpu`` or ``cuda``."""
        return self.profile.training_device

    def session(self) -> Session:
        """Return the workers, started now if they were not.

        Raises:
            InputError: They cannot be started or reached.
        """
        if self._session is None:
            self._session = self._stack.enter_context(open_session(self.profile))
        return self._session
