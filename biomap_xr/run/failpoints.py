"""Named points at which a test can kill the process, as a power cut would.

The variable ``BIOMAP_FAILPOINT=name`` kills at the first passage of the point, ``name:n`` at the
n-th of this process.
"""

import os
from collections import Counter

VARIABLE = "BIOMAP_FAILPOINT"
EXIT_STATUS = 137

_passages: Counter[str] = Counter()


def reach(name: str) -> None:
    """Pass a named point; the process ends here, without clean-up, when the environment says so.

    >>> reach("nobody_waits_here")
    """
    wanted, _, passage = os.environ.get(VARIABLE, "").partition(":")
    if wanted != name:
        return
    _passages[name] += 1
    if _passages[name] >= int(passage or 1):
        # Neither finally nor atexit runs, as with a signal 9.
        os._exit(EXIT_STATUS)
