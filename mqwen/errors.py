"""What can go wrong, one class per thing that a user can act on.

An error is raised with data and shown in one place (the CLI's or the window's); its text says what happened, to which
file, and what to do.
"""

from __future__ import annotations

from pathlib import Path


class MqwenError(Exception):
    """Base of all errors meant for the user.

    Args:
        what: what happened, without the file's name and without a full stop.
        path: the file or folder it happened to.
        hint: what the user can do, a whole sentence.
    """

    def __init__(self, what: str, *, path: Path | str | None = None, hint: str | None = None) -> None:
        super().__init__(what, path, hint)
        self.what = what
        self.path = Path(path) if path is not None else None
        self.hint = hint

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path is not None else ""
        advice = f". {self.hint}" if self.hint else ""
        return f"{where}{self.what}{advice}"


class ImageError(MqwenError):
    """One picture cannot be read; the run goes on without it."""


class TruncatedImageError(ImageError):
    """The file ends before its picture does: a broken copy or download."""


class CheckpointError(MqwenError):
    """A model folder is incomplete, damaged or of a kind that MQwen does not know.

    Args:
        tensor: the tensor concerned, by its name in the file.
    """

    def __init__(
        self, what: str, *, path: Path | str | None = None, tensor: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(f"tensor {tensor}: {what}" if tensor else what, path=path, hint=hint)
        self.tensor = tensor


class DownloadError(MqwenError):
    """A model cannot be had from the hub; what has arrived is kept, and the same download goes on from there."""


class InputError(MqwenError, ValueError):
    """What was handed over does not fit together: markers and pictures, options, a prompt."""


class WriteError(MqwenError):
    """A caption could not be written; the file that stood there before is untouched."""


class DiskFullError(WriteError):
    """No space left: the run stops, and everything before it is kept."""


class CatalogError(MqwenError):
    """The catalog of photos cannot be opened, or takes no more."""


class DeviceError(MqwenError):
    """The device asked for is not there or does not work."""


class Cancelled(MqwenError):
    """The user stopped it."""
