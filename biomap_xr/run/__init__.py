"""Tasks, receipts and resume: every task is done once, whatever is killed in between."""

from biomap_xr.run.failures import Failure
from biomap_xr.run.fill import Session, Summary, fill
from biomap_xr.run.fingerprint import fingerprint_of
from biomap_xr.run.lock import WorkspaceLock, owner_of
from biomap_xr.run.progress import Event, Listener, silent, watch
from biomap_xr.run.receipts import Ledger, Receipt
from biomap_xr.run.settings import FillSettings
from biomap_xr.run.task import Named, Outcome, Program, Task, recorded
from biomap_xr.run.workspace import Identity, claim, identity_of

__all__ = [
    "Event",
    "Failure",
    "FillSettings",
    "Identity",
    "Ledger",
    "Listener",
    "Named",
    "Outcome",
    "Program",
    "Receipt",
    "Session",
    "Summary",
    "Task",
    "WorkspaceLock",
    "claim",
    "fill",
    "fingerprint_of",
    "identity_of",
    "owner_of",
    "recorded",
    "silent",
    "watch",
]
