"""What mqwen says when something goes wrong, in the window's language; what is not listed stays English.

The lists are mqwen's own texts, with a name in braces for each part that differs from one time to the next. A hint that
names a command becomes one that names a menu, in English too.
"""

from __future__ import annotations

import re
from functools import cache

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from desktop.engine_texts import ENGINE
from desktop.hub_texts import HUB
from desktop.library_texts import LIBRARY
from desktop.metadata_texts import METADATA
from desktop.model_texts import MODEL
from desktop.own_texts import OWN
from desktop.photo_texts import PHOTO
from desktop.system_texts import SYSTEM, of_system
from desktop.window_hints import IN_THE_WINDOW
from mqwen.errors import MqwenError

TEXTS = frozenset((*PHOTO, *LIBRARY, *METADATA, *ENGINE, *MODEL, *HUB, *IN_THE_WINDOW))
_KNOWN = TEXTS.union(OWN, SYSTEM)
_BOTH = str(QT_TRANSLATE_NOOP("Reasons", "{what}. {hint}"))
_GAP = re.compile(r"\{(\w+)\}")


def told(error: MqwenError) -> str:
    """Return an error as str() does, the file first, in the window's language."""
    where = f"{error.path}: " if error.path is not None else ""
    return where + reason_of(error)


def reason_of(error: MqwenError) -> str:
    """Return an error as a clause for a place that names the file beside it."""
    what = known(error.what) or error.what
    return _joined(what, known(error.hint) or error.hint) if error.hint else what


def shown(reason: str) -> str:
    """Return an error's clause and hint, as mqwen.outcome puts them together, in the window's language."""
    whole = known(reason) if reason in TEXTS else None
    if whole is not None:
        return whole
    for gap in re.finditer(re.escape(". "), reason):
        what, hint = known(reason[: gap.start()]), known(reason[gap.end() :])
        if what is not None and hint is not None:
            return _joined(what, hint)
    return known(reason) or reason


def unexpected(error: BaseException) -> str:
    """Return an error that no MqwenError stands for: the system's in plain words, another as Python tells it."""
    said = known(str(error)) if isinstance(error, OSError) else None
    return said or f"{type(error).__name__}: {error}"


def repaired(notice: str) -> str:
    """Return what a Catalog tells of its repair in the window's language."""
    return shown(notice.removesuffix("."))


def of_a_file(line: str) -> str:
    """Return a line that names a file and what is wrong with it in the window's language."""
    file, between, what = line.partition(": ")
    return f"{file}{between}{shown(what)}" if what else line


def known(text: str) -> str | None:
    """Return a clause or a hint in the window's language, None where no list has it."""
    if text in _KNOWN:
        return _translated(text)
    if system := of_system(text):
        clause, file = system
        return f"{_translated(clause)}: {file}" if file else _translated(clause)
    for pattern, listed in _patterns():
        if found := pattern.fullmatch(text):
            # What stands in a gap can be one of mqwen's own texts: the trouble that is waited out, a fault of a tensor.
            return _translated(listed).format(**{gap: known(said) or said for gap, said in found.groupdict().items()})
    return None


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the lists' texts that have gaps: mqwen's own before others', those that say most themselves first."""
    gapped = sorted(
        (text for text in _KNOWN if _GAP.search(text)),
        key=lambda text: (text not in TEXTS, -len(_GAP.sub("", text)), text),
    )
    return tuple((re.compile(_pattern(text), re.DOTALL), text) for text in gapped)


def _pattern(text: str) -> str:
    plain = _GAP.split(text)  # text, gap, text, gap, ..., text
    return "".join(re.escape(part) if at % 2 == 0 else f"(?P<{part}>.+?)" for at, part in enumerate(plain))


def _joined(what: str, hint: str) -> str:
    return _translated(_BOTH).format(what=what, hint=hint)


def _translated(text: str) -> str:
    return QCoreApplication.translate("Reasons", IN_THE_WINDOW.get(text, text))
