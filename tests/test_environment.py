"""What a process of MQwen's own sets before torch is there, and what it leaves to the user."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

OURS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
SAY_ALL = "from mqwen.environment import prepare_process; prepare_process(); import torch; torch.ones(1)"


def openmp_settings(**own: str) -> str:
    """What torch's OpenMP library says that it goes by."""
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    environment |= {"OMP_DISPLAY_ENV": "VERBOSE"} | own
    done = subprocess.run([sys.executable, "-c", SAY_ALL], env=environment, capture_output=True, text=True, check=True)
    if "GOMP_SPINCOUNT" not in done.stderr:
        pytest.skip("torch's OpenMP library here is not GNU's")
    return done.stderr


def test_waiting_threads_spin_for_a_moment() -> None:
    said = openmp_settings()
    assert "GOMP_SPINCOUNT = '700'" in said and "OMP_WAIT_POLICY = 'ACTIVE'" in said


def test_how_threads_wait_is_the_users_own_choice() -> None:
    said = openmp_settings(OMP_WAIT_POLICY="PASSIVE")
    assert "GOMP_SPINCOUNT = '0'" in said and "OMP_WAIT_POLICY = 'PASSIVE'" in said
