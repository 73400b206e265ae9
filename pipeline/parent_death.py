"""No process of ours outlives the one that started it. The one place that asks Linux for it."""

import ctypes
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(by: signal.Signals = signal.SIGKILL) -> None:
    """Let the kernel end this process when the thread that started it ends; elsewhere than on Linux do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, by)
