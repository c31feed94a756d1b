"""A regular expression that cannot hang: Python's run on for years on some texts, and hold all threads meanwhile."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import IO

from mqwen.errors import InputError

_CHILD = Path(__file__).with_name("regex_child.py")
_LIMIT_S = 2.0  # for one text; the slowest that end at all take milliseconds
_START_S = 30.0  # for the first, when the process has to start, on a busy machine


class TimedRegex:
    """Replaces the hits of an expression in a text, in another process that is ended when it takes too long.

    Args:
        flags: of the module `re`.
        by: what hits are replaced by, which may hold groups.
    """

    def __init__(self, source: str, flags: int, by: str) -> None:
        self._head = json.dumps([source, flags, by])
        self._process: subprocess.Popen[str] | None = None
        self._answers: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._turn = threading.Lock()
        self._over = False

    def __call__(self, text: str) -> str:
        """Return the text with its hits replaced.

        Raises:
            InputError: it takes too long, or it was closed.
        """
        with self._turn:
            answer = None if self._over else self._ask(text)
            if answer is None:
                self.close()
                raise InputError(
                    "the regular expression takes too long",
                    hint="Make it simpler: not one repetition inside another, as in (a+)+.",
                )
        result: str = json.loads(answer)
        return result

    def close(self) -> None:
        """End it, also from another thread while it is at work; it takes no more texts."""
        self._over = True
        if self._process is not None:
            self._process.kill()

    def _ask(self, text: str) -> str | None:
        """Return the answer, None if none comes."""
        if self._process is None:
            self._start()
            if self._over:  # closed just before there was a process to end
                return None
            self._send(self._head)
            self._send(json.dumps(""))
            if self._answer(_START_S) is None:
                return None
        self._send(json.dumps(text))
        return self._answer(_LIMIT_S)

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        weakref.finalize(self, _end, self._process)
        assert self._process.stdout is not None
        threading.Thread(target=_listen, args=(self._process.stdout, self._answers), daemon=True).start()

    def _send(self, line: str) -> None:
        assert self._process is not None and self._process.stdin is not None
        with suppress(OSError):  # it has ended: no answer comes
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _answer(self, limit_s: float) -> str | None:
        try:
            return self._answers.get(timeout=limit_s)
        except queue.Empty:
            return None


def _listen(lines: IO[str], answers: queue.SimpleQueue[str | None]) -> None:
    with lines:
        for line in lines:
            answers.put(line)
    answers.put(None)


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stdin is not None:
        with suppress(OSError):  # what was not read yet
            process.stdin.close()
