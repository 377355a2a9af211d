"""Memory of what is no longer needed, given back to the machine."""

import ctypes
import gc
import sys


def give_back_memory() -> None:
    """Collect what is in cycles, and give pages that hold nothing any more back to the system.

    A graph is full of cycles. And the C library keeps what is freed: TensorFlow's threads leave gaps in the heaps of
    each of them, so that a server grows with every version although nothing is kept.
    """
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl does not
        if trim is not None:
            trim(0)
