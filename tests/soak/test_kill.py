"""Hundreds of kill -9 of real runs, on a real disk. Run by `make soak`; the log goes to $MQWEN_KILL_LOG, if set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.killing import torture
from tests.talkative import talkative

KILLS = int(os.environ.get("MQWEN_SOAK_KILLS", "200"))


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a process that has loaded the model")
def test_two_hundred_kills(root: Path, tmp_path: Path) -> None:
    log = Path(os.environ.get("MQWEN_KILL_LOG", tmp_path / "kill.log"))
    with open(log, "w", encoding="utf-8") as file:

        def tell(line: str) -> None:
            print(line, file=file, flush=True)

        found = torture(talkative(tmp_path / "model"), root, tmp_path, KILLS, seed=int(time_seed()), tell=tell)
        met = ", ".join(f"{number} left {what}" for what, number in found.at.most_common())
        tell(f"{found.kills} kills in {found.rounds} rounds: {met}")
    print(f"\n{found.kills} kills in {found.rounds} rounds: {met}; log: {log}")
    assert found.kills >= KILLS


def time_seed() -> str:
    """Another one each time, unless told: what fails once is found again with it."""
    return os.environ.get("MQWEN_KILL_SEED", str(int.from_bytes(os.urandom(4), "big")))
