"""How threads of one process wait for each other: asleep, so that they take nothing from others.

Threads that spin at a barrier burn the very processors that those they wait for could use. On a
machine with other work a step of training is then ten times slower (``benchmarks/threads.py``).
"""

import os

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
"""OpenMP's own word for it, and those of the libraries of GNU and of LLVM and Intel."""


def wait_passively() -> None:
    """Set the policy in this process and those it starts, where the user has set none.

    It is read when an OpenMP library is loaded, so this comes before Torch and scikit-learn.

    >>> wait_passively()
    >>> "OMP_WAIT_POLICY" in os.environ
    True
    """
    for name, value in PASSIVE.items():
        os.environ.setdefault(name, value)
