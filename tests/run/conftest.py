"""The toy program can be imported by the processes that the tests start, and kill."""

import sys
from pathlib import Path

# Processes started by the tests import the toy program by its name.
sys.path.insert(0, str(Path(__file__).parent))
