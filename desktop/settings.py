"""What the window remembers: last choices and geometry. Values that make no sense fall back to the default."""

from __future__ import annotations

from dataclasses import dataclass, fields

from PySide6.QtCore import QByteArray, QLocale, QSettings

from mqwen.engine.prompts import LANGUAGES, STYLES
from mqwen.run import EXISTING, RunSettings

OWN_PROMPT = "own"
WRITE = ("txt", "caption", "jsonl", "none")


@dataclass(frozen=True)
class Choices:
    """What the bar over the grid says.

    Attributes:
        model: as mqwen.hub.find_model() takes it.
        style: one of STYLES, or OWN_PROMPT.
        prompt: the user's own question, used with OWN_PROMPT.
        language: one of LANGUAGES.
        write: one of WRITE.
        existing: one of EXISTING.
    """

    model: str = "starter"
    style: str = "brief"
    prompt: str = ""
    language: str = "en"
    write: str = "txt"
    existing: str = "skip"

    def run_settings(self) -> RunSettings:
        """Return the settings of a run as the command line would make them of the same choices."""
        own = self.style == OWN_PROMPT
        return RunSettings(
            prompt=self.prompt if own else None,
            style="brief" if own else self.style,
            language=self.language,
            write=(self.write,),
            existing=self.existing,  # type: ignore[arg-type]
        )


_KNOWN = {"style": (*STYLES, OWN_PROMPT), "language": LANGUAGES, "write": WRITE, "existing": EXISTING}


class Settings:
    """Reads and writes a QSettings with types and defaults."""

    def __init__(self, store: QSettings) -> None:
        self._store = store

    def choices(self) -> Choices:
        chinese = QLocale.system().language() == QLocale.Language.Chinese
        values = {"language": "zh" if chinese else "en"}
        for field in fields(Choices):
            value = self._store.value(f"choices/{field.name}")
            if isinstance(value, str) and (field.name not in _KNOWN or value in _KNOWN[field.name]):
                values[field.name] = value
        return Choices(**values)

    def keep_choices(self, choices: Choices) -> None:
        for field in fields(Choices):
            self._store.setValue(f"choices/{field.name}", getattr(choices, field.name))

    def column_width(self, default: int) -> int:
        try:
            return int(str(self._store.value("grid/width", default)))
        except ValueError:
            return default

    def keep_column_width(self, width: int) -> None:
        self._store.setValue("grid/width", width)

    def layout(self) -> tuple[QByteArray, QByteArray]:
        """Return the window's geometry and the state of its docks, empty at first."""
        values = (self._store.value("window/geometry"), self._store.value("window/state"))
        geometry, state = (value if isinstance(value, QByteArray) else QByteArray() for value in values)
        return geometry, state

    def keep_layout(self, geometry: QByteArray, state: QByteArray) -> None:
        self._store.setValue("window/geometry", geometry)
        self._store.setValue("window/state", state)

    def starter_hint_seen(self) -> bool:
        return self._store.value("hints/starter") in (True, "true")

    def keep_starter_hint_seen(self) -> None:
        self._store.setValue("hints/starter", True)

    def last_folder(self) -> str:
        return str(self._store.value("open/last", ""))

    def keep_last_folder(self, folder: str) -> None:
        self._store.setValue("open/last", folder)
