"""What a process of MQwen's own starts with, before torch or transformers is imported: command line and window."""

from __future__ import annotations

import os
import sys
import warnings


def prepare_process() -> None:
    """Keep the libraries off the network, off the screen, and off processors that others use."""
    # Nothing but an explicit download may ask the network for anything.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    _let_threads_wait()
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # Pillow warns of pictures that it reads all the same


def _let_threads_wait() -> None:
    """Have OpenMP's threads wait for the next piece of work in a way that suits a machine that others use, too.

    Long spinning costs a multiple of the time beside a busy process; sleeping at once costs a third of it where there
    is none. GNU's library spins for GOMP_SPINCOUNT, with 700 for about as long as the next piece usually takes to come
    (docs/performance.md); but with PASSIVE not at all once there are more threads than processors, and every thread
    that computes has a team of its own. For LLVM's (conda's on Linux) ACTIVE would mean for good without KMP_BLOCKTIME.
    """
    if {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"} & os.environ.keys():
        return  # the user's own
    if sys.platform == "linux":
        os.environ.update(OMP_WAIT_POLICY="ACTIVE", GOMP_SPINCOUNT="700", KMP_BLOCKTIME="0")
    else:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
