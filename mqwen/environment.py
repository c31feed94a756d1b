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
    # Threads that spin while they wait cost up to three times the time on a processor that others use, too (measured:
    # 100 captions of a small model beside one busy process, 2.5 s instead of 1.0 s).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # Pillow warns of pictures that it reads all the same
