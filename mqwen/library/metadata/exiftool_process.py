"""One ExifTool per thread, kept running: arguments in, what it printed out (`-stay_open`, exiftool's own protocol)."""

from __future__ import annotations

import queue
import re
import shutil
import subprocess
import threading
from types import TracebackType
from typing import IO

from mqwen.errors import InputError
from mqwen.library.metadata.blocks import Refusal

_LONGEST = 120.0  # seconds that one command may take
_COMMON = ("-charset", "filename=utf8", "-charset", "utf8", "-charset", "exif=utf8", "-charset", "iptc=utf8")


class ExifToolProcesses:
    """The user's ExifTool, one process for each thread that uses it; thread-safe. Close it, or use it in a `with`.

    Args:
        command: its name or path.
        minimum: the oldest version that will do.

    Raises:
        InputError: it is not there, does not start, or is older.
    """

    def __init__(self, command: str, minimum: tuple[int, int]) -> None:
        found = shutil.which(command)
        if found is None:
            raise InputError(
                "ExifTool is not installed", hint="Install it from exiftool.org, or do without --exiftool."
            )
        self._command = found
        self._own = threading.local()
        self._all: list[_Process] = []
        self._lock = threading.Lock()
        self.version = self._version()
        wanted = ".".join(map(str, minimum))
        numbers = re.match(r"(\d+)\.(\d+)", self.version)
        if numbers is None or (int(numbers[1]), int(numbers[2])) < minimum:
            raise InputError(
                f"ExifTool {self.version or '(unknown version)'} at {found} is too old: {wanted} or newer is needed",
                hint="Install a newer one from exiftool.org, or do without --exiftool: sidecars are written then.",
            )

    def _version(self) -> str:
        try:
            return subprocess.run(
                [self._command, "-config", "", "-ver"], capture_output=True, text=True, timeout=_LONGEST, check=True
            ).stdout.strip()
        except (OSError, subprocess.SubprocessError) as error:
            raise InputError(f"ExifTool does not start ({error})", hint="Do without --exiftool.") from error

    def __enter__(self) -> ExifToolProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(self, *arguments: str) -> tuple[bytes, str]:
        """Run one command; return its output and its messages.

        Raises:
            Refusal: ExifTool died or took too long.
        """
        process: _Process | None = getattr(self._own, "process", None)
        if process is None or not process.alive():
            process = self._own.process = _Process(self._command)
            with self._lock:
                self._all = [other for other in self._all if other.alive()] + [process]
        return process.run((*_COMMON, *arguments))

    def close(self) -> None:
        """End all processes; a later `run` starts new ones."""
        with self._lock:
            processes, self._all = self._all, []
        for process in processes:
            process.close()


class _Process:
    def __init__(self, command: str) -> None:
        # An empty -config: what the user has defined for himself does not count here.
        self._process = subprocess.Popen(
            [command, "-config", "", "-stay_open", "True", "-@", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._count = 0
        self._messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=self._collect, args=(self._process.stderr,), daemon=True).start()

    def alive(self) -> bool:
        return self._process.poll() is None

    def run(self, arguments: tuple[str, ...]) -> tuple[bytes, str]:
        self._count += 1
        ready = f"{{ready{self._count}}}"
        # -echo4 prints to stderr behind the command's own messages.
        lines = [*map(_line, arguments), "-echo4", ready, f"-execute{self._count}", ""]
        watch = threading.Timer(_LONGEST, self._process.kill)
        watch.start()
        try:
            assert self._process.stdin and self._process.stdout
            self._process.stdin.write("\n".join(lines).encode())
            self._process.stdin.flush()
            return self._until(self._process.stdout, ready.encode()), self._told(ready)
        except OSError as error:
            raise Refusal(f"ExifTool stopped working ({error})") from error
        finally:
            watch.cancel()

    def _until(self, stream: IO[bytes], ready: bytes) -> bytes:
        output = bytearray()
        while line := stream.readline():
            output += line
            if output.rstrip(b"\r\n").endswith(ready):
                return bytes(output.rstrip(b"\r\n")[: -len(ready)])
        raise Refusal("ExifTool stopped working, or took too long")

    def _told(self, ready: str) -> str:
        told = ""
        while line := self._messages.get():
            told += line.decode("utf-8", "replace")
            if told.rstrip().endswith(ready):
                return told.rstrip()[: -len(ready)].strip()
        raise Refusal("ExifTool stopped working")

    def _collect(self, stream: IO[bytes]) -> None:
        for line in stream:
            self._messages.put(line)
        self._messages.put(b"")

    def close(self) -> None:
        try:
            self._process.communicate(b"-stay_open\nFalse\n", timeout=10)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()


def _line(argument: str) -> str:
    """Return an argument for the list that ExifTool reads line by line; a line end in it is escaped."""
    if "\n" not in argument and "\r" not in argument and not argument.startswith(("#", " ", "\t")):
        return argument
    escaped = argument.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace('"', '\\"')
    return f"#[CSTR]{escaped}"
