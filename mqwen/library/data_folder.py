"""Where MQwen keeps what it knows: never in the photo folders."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def data_folder() -> Path:
    """Return the user's data folder, which need not exist: $MQWEN_DATA_DIR, else the system's usual place."""
    given = os.environ.get("MQWEN_DATA_DIR")
    return Path(os.path.abspath(given)) if given else Path(platformdirs.user_data_dir("mqwen", appauthor=False))
