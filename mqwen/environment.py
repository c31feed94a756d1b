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
    # Threads that spin while they wait cost a multiple of the time on a processor that others use, too; threads that
    # sleep at once cost a third of it where nobody else does. So they spin for as long as the next layer usually takes
    # to come, some 20 us (docs/performance.md), where the library is GNU's; elsewhere they sleep.
    if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
        os.environ.update(OMP_WAIT_POLICY="PASSIVE", GOMP_SPINCOUNT="700")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # Pillow warns of pictures that it reads all the same
