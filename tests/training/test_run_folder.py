"""The folder of a training that runs: its log and its state, whatever happens to the process or the disk."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from mqwen.errors import DiskFullError, InputError, WriteError
from mqwen.training.run_folder import RunFolder

IDENTITY = {"seed": 1, "steps": 9, "targets": ("a", "b")}


def begun(folder: Path, **changes: Any) -> tuple[RunFolder, dict[str, Any] | None]:
    run = RunFolder(folder)
    try:
        return run, run.begin({**IDENTITY, **changes})
    except BaseException:
        run.close()
        raise


def test_lines_beyond_the_last_state_are_cut_off(tmp_path: Path) -> None:
    run, state = begun(tmp_path / "work")
    assert state is None
    for step in range(4):
        run.log({"event": "step", "step": step})
        if step == 2:
            run.save({"step": 2, "weights": torch.arange(3)})
    run.close()
    with (tmp_path / "work" / "log.jsonl").open("a") as file:
        file.write('{"event": "step", "st')  # the process was killed while it wrote
    run, state = begun(tmp_path / "work")
    assert state is not None and state["step"] == 2 and torch.equal(state["weights"], torch.arange(3))
    run.log({"event": "step", "step": 3})
    assert [line["step"] for line in run.lines()] == [0, 1, 2, 3]
    run.remove()
    assert not (tmp_path / "work").exists()


def test_another_run_is_refused_with_the_difference(tmp_path: Path) -> None:
    run, _ = begun(tmp_path / "work")
    run.close()
    with pytest.raises(InputError, match=r"seed 1, now 2; steps 9, now 8"):
        begun(tmp_path / "work", seed=2, steps=8)
    run, _ = begun(tmp_path / "work")
    run.close()


def test_one_process_at_a_time(tmp_path: Path) -> None:
    run, _ = begun(tmp_path / "work")
    code = "import sys, pathlib, mqwen.training.run_folder as r; r.RunFolder(pathlib.Path(sys.argv[1]))"
    words = [sys.executable, "-c", code, str(tmp_path / "work")]
    other = subprocess.run(words, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert other.returncode and "another run" in other.stderr
    run.close()
    again, _ = begun(tmp_path / "work")
    again.close()


@pytest.mark.parametrize("sized", [10, 100_000])
def test_a_full_disk_leaves_the_last_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sized: int) -> None:
    """Small and large: torch hides the reason of one that fails in the middle behind an error of its own."""
    run, _ = begun(tmp_path / "work")
    run.save({"step": 1, "weights": torch.zeros(3)})

    class Full:
        """A disk with room for 50 kB."""

        def __init__(self, file: Any) -> None:
            self._file, self._written = file, 0

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            self._file.close()

        def write(self, data: bytes) -> int:
            self._written += len(data)
            if self._written > 50_000:
                raise OSError(errno.ENOSPC, "No space left on device")
            return int(self._file.write(data))

        def flush(self) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda path, *options, **more: Full(opened(path, *options, **more)))
    with pytest.raises(DiskFullError) as error:
        run.save({"step": 2, "weights": torch.zeros(sized)})
    monkeypatch.undo()
    assert error.value.path == tmp_path / "work" / "state.pt"
    run.close()
    assert not (tmp_path / "work" / "state.partial").exists()
    run, state = begun(tmp_path / "work")
    assert state is not None and state["step"] == 1
    run.close()


def test_files_of_others_are_neither_taken_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("keep me")
    with pytest.raises(InputError, match="something else"):
        RunFolder(tmp_path)
    run, _ = begun(tmp_path / "work")
    (tmp_path / "work" / "letter.txt").write_text("keep me")
    run.remove()
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["letter.txt"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(WriteError):
        RunFolder(tmp_path / "work")
    tmp_path.chmod(0o700)
