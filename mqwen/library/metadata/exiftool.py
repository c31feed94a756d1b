"""HEIC, AVIF, JPEG XL, GIF, PSD and JPEG 2000 through the user's own ExifTool, on a copy, and proved.

ExifTool only moves blocks: the XMP packet is edited here, as for every other format, and handed to it whole. IPTC and
the Exif description are set only where they are there already, and would contradict the packet otherwise.
"""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mqwen.errors import WriteError
from mqwen.library.metadata.blocks import Refusal
from mqwen.library.metadata.exiftool_process import ExifToolProcesses
from mqwen.library.metadata.fields import Edit, Metadata
from mqwen.library.metadata.held import Held, metadata_of
from mqwen.library.metadata.resolve import resolve
from mqwen.library.metadata.splice import undated, values_of
from mqwen.library.metadata.unwrite import unwrite
from mqwen.library.metadata.xmp_edit import EMPTY
from mqwen.library.metadata.xmp_fields import prove_packet, read_fields, write_fields

SUFFIXES = frozenset((".heic", ".heif", ".hif", ".avif", ".jxl", ".gif", ".psd", ".jp2"))
MINIMUM = (13, 0)  # 12.57 cannot write WebP, and what it does to the others was not tried
_CAPTION, _KEYWORDS, _WRITER = "IPTC:Caption-Abstract", "IPTC:Keywords", "IPTC:Writer-Editor"
_DESCRIPTION, _CHARSET, _DIGEST = "IFD0:ImageDescription", "IPTC:CodedCharacterSet", "Photoshop:IPTCDigest"
_OURS = (_CAPTION, _KEYWORDS, _WRITER, _DESCRIPTION, _CHARSET, _DIGEST)
# Where things lie moves when the packet grows; what they are does not. (MediaData holds HEIC's packet too; the picture
# in it is compared by its own hash.)
_PLACES = ("Offset", "Start", "MediaData", "IPTCDigest")


@dataclass(frozen=True)
class _Read:
    packet: bytes | None
    held: Held
    has_iptc: bool


class ExifTool:
    """The user's ExifTool; thread-safe, one process for each thread. Close it at the end.

    Args:
        command: its name or path; by default what MQWEN_EXIFTOOL names, else "exiftool".
        minimum: the oldest version that will do.

    Raises:
        InputError: it is not there, or older than 13.
    """

    def __init__(self, command: str | None = None, *, minimum: tuple[int, int] = MINIMUM) -> None:
        self._processes = ExifToolProcesses(command or os.environ.get("MQWEN_EXIFTOOL") or "exiftool", minimum)
        self.version = self._processes.version

    def close(self) -> None:
        """End its processes."""
        self._processes.close()

    def writes(self, path: Path) -> bool:
        """Tell whether a photo of this name is for ExifTool."""
        return path.suffix.lower() in SUFFIXES

    def read(self, path: Path) -> Metadata:
        """Return what a photo says. Raises Refusal where ExifTool cannot read it."""
        return metadata_of(self._hold(path).held)

    def edit(self, path: Path, edit: Edit) -> tuple[bytes, bytes]:
        """Return a photo's bytes as they are and with the edit in them, the same where all of it stands there.

        Raises:
            Refusal: ExifTool refuses, or the outcome does not prove right. The photo itself is never written here.
            WriteError: it cannot be read.
        """
        return self._changed(path, lambda held: resolve(held, edit))

    def strip(self, path: Path) -> tuple[bytes, bytes]:
        """Return a photo's bytes as they are and without what MQwen wrote; raises as `edit`."""
        return self._changed(path, unwrite)

    def _changed(self, path: Path, change: Callable[[Held], Held]) -> tuple[bytes, bytes]:
        try:
            before = path.read_bytes()
        except OSError as error:
            raise WriteError(f"it cannot be read ({error.strerror})", path=path) from error
        with tempfile.TemporaryDirectory(prefix="mqwen-") as folder:
            old, new = (Path(folder, name + path.suffix.lower()) for name in ("old", "new"))
            old.write_bytes(before)
            was = self._hold(old)
            wanted = change(was.held)
            if wanted == was.held:
                return before, before
            if was.held.iptc_stale:
                raise Refusal("its IPTC was changed without its XMP, which ExifTool is not asked to mend")
            packet = write_fields(was.packet, wanted.xmp)
            if packet is None and path.suffix.lower() == ".psd":
                packet = EMPTY  # 13.59 fails to remove the only block of a PSD
            arguments = list(_tags(was.held, wanted))
            if packet is None:
                arguments.append("-XMP:all=")
            elif packet != was.packet:
                block = Path(folder, "packet.xmp")
                block.write_bytes(packet)
                arguments.append(f"-XMP<={block}")
            output, messages = self._processes.run(*arguments, "-o", str(new), str(old))
            if b"1 image files created" not in output or "Error" in messages or not new.is_file():
                raise Refusal(f"ExifTool does not write it ({_clause(messages or output.decode('utf-8', 'replace'))})")
            after = new.read_bytes()
            self._prove(old, new, was, wanted)
            if self._image_hash(old) != self._image_hash(new):
                raise Refusal("its picture would change")
        return before, after

    def _prove(self, old: Path, new: Path, was: _Read, wanted: Held) -> None:
        now = self._hold(new)
        prove_packet(was.packet, now.packet, wanted.xmp)
        if values_of(undated(now.held)) != values_of(undated(wanted)):
            raise Refusal("it would not be read back as written")
        if self._foreign(old) != self._foreign(new):
            raise Refusal("something else in it would change")

    def _hold(self, path: Path) -> _Read:
        packet, messages = self._processes.run("-b", "-XMP", str(path))
        if "Error" in messages:
            raise Refusal(f"ExifTool does not read it ({_clause(messages)})")
        tags = self._tags("-G1", "-a", *(f"-{name}" for name in _OURS), "-File:CurrentIPTCDigest", str(path))
        keywords = tags.get(_KEYWORDS, ())
        has_iptc = any(name.startswith("IPTC:") for name in tags) or "File:CurrentIPTCDigest" in tags
        digest, current = tags.get(_DIGEST), tags.get("File:CurrentIPTCDigest")
        held = Held(
            xmp=read_fields(packet or None),
            iptc_caption=tags.get(_CAPTION),
            iptc_keywords=(keywords,) if isinstance(keywords, str) else tuple(keywords),
            iptc_writer=tags.get(_WRITER),
            exif=tags.get(_DESCRIPTION) or None,
            iptc_stale=has_iptc and digest not in (None, current),
            supports_iptc=has_iptc,
            exif_room=1 << 20 if _DESCRIPTION in tags else -1,
        )
        return _Read(packet or None, held, has_iptc)

    def _foreign(self, path: Path) -> dict[str, Any]:
        without = ("--XMP:all", "--File:all", "--System:all", "--ExifTool:all", "--Composite:all")
        tags = self._tags("-G1:4", "-a", "-u", "-n", "-b", "-struct", *without, str(path))
        ours = tuple(name.partition(":")[2] for name in _OURS)
        return {
            name: value
            for name, value in tags.items()
            if name != "SourceFile" and not name.endswith(ours) and not any(place in name for place in _PLACES)
        }

    def _tags(self, *arguments: str) -> dict[str, Any]:
        output, messages = self._processes.run("-j", *arguments)
        try:
            # Numbers as they are written: a keyword may be 007.
            found = json.loads(output or b"[{}]", parse_int=str, parse_float=str, parse_constant=str)[0]
        except (ValueError, LookupError) as error:
            raise Refusal(f"ExifTool does not read it ({_clause(messages)})") from error
        return {name: _as_text(value) for name, value in found.items()}

    def _image_hash(self, path: Path) -> object:
        """Return what tells two pictures apart: ExifTool's hash of the image data, or the pixels where it has none."""
        output, _ = self._processes.run("-s3", "-api", "ImageHashType=SHA256", "-ImageDataHash", str(path))
        return output.strip() or list(_pixels(path))


def _tags(was: Held, wanted: Held) -> Iterable[str]:
    """Yield the arguments that set what stands outside of XMP."""
    iptc = [(_CAPTION, was.iptc_caption, wanted.iptc_caption), (_WRITER, was.iptc_writer, wanted.iptc_writer)]
    changed = [(name, now) for name, before, now in iptc if before != now]
    for name, now in changed:
        yield f"-{name}={now or ''}"
    if was.iptc_keywords != wanted.iptc_keywords:
        yield from (f"-{_KEYWORDS}={keyword}" for keyword in wanted.iptc_keywords or ("",))
    if changed or was.iptc_keywords != wanted.iptc_keywords:
        yield f"-{_CHARSET}=UTF8"
        yield f"-{_DIGEST}=new"
    if was.exif != wanted.exif:
        yield f"-{_DESCRIPTION}={wanted.exif or ''}"


def _as_text(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else value


def _pixels(path: Path) -> Iterable[bytes]:
    from PIL import Image, ImageSequence

    try:
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            for frame in ImageSequence.Iterator(image):
                yield frame.convert("RGBA").tobytes()
    except Exception as error:  # whatever a decoder raises
        raise Refusal(f"its picture cannot be compared ({_clause(str(error))})") from error


def _clause(text: str) -> str:
    text = re.sub(r" - \S*mqwen-\S*", "", text.replace("Error: ", ""))  # the copy's name says nothing to anyone
    return " ".join(text.split())[:160] or "no reason given"
