"""How many cores there are to share work out to."""

import os


def available_cores() -> int:
    """Return the number of cores that this process may use; a scheduler may allow fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
