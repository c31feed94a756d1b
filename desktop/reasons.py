"""What the engine says of a photo that failed, in the window's language; what is not listed here stays English."""

from __future__ import annotations

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

# As mqwen.library says it; {reason} is the system's or the decoder's own words.
_WHAT = (
    QT_TRANSLATE_NOOP("Reasons", "the file ends before its picture does"),
    QT_TRANSLATE_NOOP("Reasons", "the picture is damaged ({reason})"),
    QT_TRANSLATE_NOOP("Reasons", "reading it failed ({reason})"),
    QT_TRANSLATE_NOOP("Reasons", "the file cannot be opened ({reason})"),
    QT_TRANSLATE_NOOP("Reasons", "the file is empty (0 bytes)"),
    QT_TRANSLATE_NOOP("Reasons", "the file is not there (any more)"),
    QT_TRANSLATE_NOOP("Reasons", "the link leads to no file"),
    QT_TRANSLATE_NOOP("Reasons", "the link leads back to itself"),
    QT_TRANSLATE_NOOP("Reasons", "permission denied"),
    QT_TRANSLATE_NOOP("Reasons", "its content is zeros"),
    QT_TRANSLATE_NOOP("Reasons", "it is a video"),
    QT_TRANSLATE_NOOP("Reasons", "it is a folder, not a picture"),
    QT_TRANSLATE_NOOP("Reasons", "it is a pipe or a device, not a file"),
    QT_TRANSLATE_NOOP("Reasons", "it is not a picture that MQwen can read"),
    QT_TRANSLATE_NOOP("Reasons", "it is a HEIC photo, and the decoder for them is not installed"),
    QT_TRANSLATE_NOOP("Reasons", "there is not enough memory to decode it"),
    QT_TRANSLATE_NOOP("Reasons", "it is not a regular file"),
    QT_TRANSLATE_NOOP("Reasons", "it is read-only"),
    QT_TRANSLATE_NOOP("Reasons", "its text is not UTF-8, and was left as it is"),
    QT_TRANSLATE_NOOP("Reasons", "an empty caption is not written"),
)
_HINTS = (
    QT_TRANSLATE_NOOP("Reasons", "Copy or download it again."),
    QT_TRANSLATE_NOOP("Reasons", "Convert it to JPEG or PNG, or take it out of the folder."),
    QT_TRANSLATE_NOOP("Reasons", "Check the name and the disk."),
    QT_TRANSLATE_NOOP("Reasons", "Check the name."),
    QT_TRANSLATE_NOOP("Reasons", "Check the disk."),
    QT_TRANSLATE_NOOP("Reasons", "Check its permissions."),
    QT_TRANSLATE_NOOP("Reasons", "Repair or remove the link."),
    QT_TRANSLATE_NOOP("Reasons", "Make the file readable for you."),
    QT_TRANSLATE_NOOP("Reasons", "Make it writable if it may be replaced."),
    QT_TRANSLATE_NOOP("Reasons", "Save a smaller copy, or close other programs."),
    QT_TRANSLATE_NOOP("Reasons", "Save a smaller copy."),
    QT_TRANSLATE_NOOP("Reasons", "Save it as UTF-8, or let it be overwritten."),
    QT_TRANSLATE_NOOP("Reasons", "Install it with `pip install pillow-heif`, or convert the photo to JPEG."),
    QT_TRANSLATE_NOOP("Reasons", "Free some space and start again: what was written before is kept."),
    QT_TRANSLATE_NOOP("Reasons", "Move it away."),
)
WHAT: tuple[str, ...] = tuple(map(str, _WHAT))
HINTS: tuple[str, ...] = tuple(map(str, _HINTS))
_OPEN = " ({reason})"


def shown(reason: str) -> str:
    """Return an error's clause and hint, as mqwen.outcome puts them together, in the window's language."""
    hint = next((known for known in HINTS if reason.endswith(f". {known}")), "")
    what = reason.removesuffix(f". {hint}") if hint else reason
    said = _clause(what)
    if said is None:
        return reason
    if not hint:
        return said
    return QCoreApplication.translate("Reasons", "{what}. {hint}").format(what=said, hint=_translated(hint))


def _clause(what: str) -> str | None:
    """Return a clause in the window's language, None where it is not known."""
    if what in WHAT:
        return _translated(what)
    for known in WHAT:
        start = known.removesuffix(_OPEN)
        if start != known and what.startswith(f"{start} (") and what.endswith(")"):
            return _translated(known).format(reason=what[len(start) + 2 : -1])
    return None


def _translated(text: str) -> str:
    return QCoreApplication.translate("Reasons", text)
