from .failures import Failure as Failure
from .fill import Session as Session, Summary as Summary, fill as fill
from .fingerprint import fingerprint_of as fingerprint_of
from .lock import WorkspaceLock as WorkspaceLock, owner_of as owner_of
from .progress import Event as Event, Listener as Listener, silent as silent, watch as watch
from .receipts import Ledger as Ledger, Receipt as Receipt
from .settings import FillSettings as FillSettings
from .task import (
    Named as Named,
    Outcome as Outcome,
    Program as Program,
    Task as Task,
    recorded as recorded,
)
from .workspace import Identity as Identity, claim as claim, identity_of as identity_of
