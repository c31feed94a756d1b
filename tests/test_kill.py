"""kill -9 of real runs at random moments; tests/soak/test_kill.py does it hundreds of times."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.killing import torture
from tests.talkative import talkative

KILLS = 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a process that has loaded the model")
def test_runs_that_are_killed_anywhere_are_finished_by_the_next_and_can_be_taken_back(
    root: Path, quick_disk: Path, tmp_path: Path
) -> None:
    found = torture(talkative(tmp_path / "model"), root, quick_disk, KILLS, seed=4, tell=print)
    assert found.kills >= KILLS
