"""What mqwen.library says of a photo that cannot be read or captioned, for desktop.reasons."""

from __future__ import annotations

from PySide6.QtCore import QT_TRANSLATE_NOOP

_TEXTS = (
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
    QT_TRANSLATE_NOOP("Reasons", "it is an AVIF photo, and this Pillow was built without the decoder for them"),
    QT_TRANSLATE_NOOP("Reasons", "there is not enough memory to decode it"),
    QT_TRANSLATE_NOOP("Reasons", "it is not a regular file"),
    QT_TRANSLATE_NOOP("Reasons", "it is read-only"),
    QT_TRANSLATE_NOOP("Reasons", "its text is not UTF-8, and was left as it is"),
    QT_TRANSLATE_NOOP("Reasons", "an empty caption is not written"),
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
    QT_TRANSLATE_NOOP("Reasons", "Free some space and start again: what was written before is kept."),
    QT_TRANSLATE_NOOP("Reasons", "Move it away."),
)
PHOTO: tuple[str, ...] = tuple(map(str, _TEXTS))
