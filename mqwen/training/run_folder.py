"""The folder of a training that runs: what it is of, its log, and the state from which a killed one goes on.

    run.json     what makes the run this run: settings, data, model
    log.jsonl    one JSON object a line: what `report` was told
    state.pt     step, trained weights, optimizer
    checked.json the photos that were looked through, see data_check.py
    replay.jsonl the model's own answers before the training, see replay.py

A run that is killed goes on from its last state: log lines beyond it are cut off and come again, the same to the digit.
No random state is kept, because none is carried from step to step: each is seeded by its number.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any

import torch

from mqwen.errors import CheckpointError, InputError
from mqwen.library.atomic import sync_folder, write_atomic, write_error
from mqwen.library.journal_lock import hold

_RUN, _LOG, _STATE, _PARTIAL, _LOCK = "run.json", "log.jsonl", "state.pt", "state.partial", ".lock"
CHECKED, REPLAY = "checked.json", "replay.jsonl"
_OURS = {_RUN, _LOG, _STATE, _PARTIAL, _LOCK, CHECKED, REPLAY}


class RunFolder:
    """One process at a time holds it.

    Raises:
        InputError: the folder holds something else.
        WriteError: it cannot be made, or another run is at work in it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log_path = folder / _LOG
        self._log: IO[str] | None = None
        try:
            if folder.exists() and not (folder / _RUN).exists() and any(p.name not in _OURS for p in folder.iterdir()):
                raise InputError("it holds something else", path=folder, hint="Name another folder with --work.")
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise write_error(error, folder) from error
        try:
            hold(self._lock, folder)
        except BaseException:
            os.close(self._lock)
            raise

    def begin(self, identity: Mapping[str, Any]) -> dict[str, Any] | None:
        """Start this run, or go on with it: return its last state, None if there is none yet.

        Raises:
            InputError: the folder holds another run; it is told in what they differ.
            CheckpointError: the state is damaged.
            WriteError, DiskFullError: the folder cannot be written.
        """
        wanted = json.loads(json.dumps(identity))
        path = self.folder / _RUN
        if path.exists():
            before = json.loads(path.read_text(encoding="utf-8"))
            if before != wanted:
                raise InputError(
                    f"another training was begun there ({_difference(before, wanted)})",
                    path=self.folder,
                    hint="Repeat that one's command to go on with it, or remove the folder to begin anew.",
                )
        else:
            write_atomic(path, (json.dumps(wanted, indent=1, ensure_ascii=False) + "\n").encode())
        state = self._load()
        self._open_log(state["step"] if state else -1)
        return state

    def log(self, record: Mapping[str, Any]) -> None:
        """Add a line to the log; every record has a `step`."""
        assert self._log is not None
        try:
            self._log.write(json.dumps(record, ensure_ascii=False) + "\n")
            self._log.flush()
        except OSError as error:
            raise write_error(error, self.log_path) from error

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the state. Raises WriteError, DiskFullError; the old one then stays."""
        assert self._log is not None
        partial = self.folder / _PARTIAL
        try:
            os.fsync(self._log.fileno())  # a state must never be ahead of its log
            with partial.open("wb") as file:
                torch.save(dict(state), file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self.folder / _STATE)
            sync_folder(self.folder)
        except (OSError, RuntimeError) as error:
            reason = error if isinstance(error, OSError) else error.__context__  # torch's own error hides the disk's
            if not isinstance(reason, OSError):
                raise
            partial.unlink(missing_ok=True)
            raise write_error(reason, self.folder / _STATE) from error

    def lines(self) -> Iterable[dict[str, Any]]:
        """What the log holds."""
        return [json.loads(line) for line in (self.log_path).read_text(encoding="utf-8").splitlines()]

    def close(self) -> None:
        """Let another process have it."""
        if self._log is not None:
            self._log.close()
            self._log = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def remove(self) -> None:
        """Remove what a finished run needs no longer; files of others stay."""
        self.close()
        for name in _OURS:
            (self.folder / name).unlink(missing_ok=True)
        if not any(self.folder.iterdir()):
            shutil.rmtree(self.folder)

    def _load(self) -> dict[str, Any] | None:
        path = self.folder / _STATE
        if not path.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # whatever a damaged pickle makes torch stumble over
            raise CheckpointError(
                "the state of the training is damaged", path=path, hint="Remove it to begin anew."
            ) from error
        return state

    def _open_log(self, last_step: int) -> None:
        path = self.log_path
        kept = []
        try:
            if path.exists():
                for line in path.read_text(encoding="utf-8").splitlines():
                    try:
                        record = json.loads(line)
                    except ValueError:  # cut short by the end of a process
                        break
                    if record["step"] > last_step:
                        break
                    kept.append(line + "\n")
            write_atomic(path, "".join(kept).encode())
            self._log = path.open("a", encoding="utf-8")
        except OSError as error:
            raise write_error(error, path) from error


def _difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The first things that two runs differ in, in words."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    told = [
        f"other {name}"
        if max(len(str(before.get(name))), len(str(now.get(name)))) > 40
        else f"{name} {before.get(name)}, now {now.get(name)}"
        for name in names
    ]
    return "; ".join(told[:3])
