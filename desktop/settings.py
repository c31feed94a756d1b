"""What the window remembers: last choices and geometry. Values that make no sense fall back to the default."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from PySide6.QtCore import QByteArray, QLocale, QSettings

from desktop.preferences import Preferences, read_preferences, write_preferences
from mqwen.engine.prompts import LANGUAGES, STYLES
from mqwen.library.targets import TARGETS
from mqwen.run_settings import EXISTING, RunSettings

OWN_PROMPT = "own"


@dataclass(frozen=True)
class Choices:
    """What the bar over the grid says.

    Attributes:
        model: as mqwen.hub.find_model() takes it.
        style: one of STYLES, or OWN_PROMPT.
        prompt: the user's own question, used with OWN_PROMPT.
        language: one of LANGUAGES.
        write: any of TARGETS.
        existing: one of EXISTING.
    """

    model: str = "starter"
    style: str = "brief"
    prompt: str = ""
    language: str = "en"
    write: tuple[str, ...] = ("txt",)
    existing: str = "skip"

    def run_settings(self) -> RunSettings:
        """Return the settings of a run as the command line would make them of the same choices."""
        own = self.style == OWN_PROMPT
        return RunSettings(
            prompt=self.prompt if own else None,
            style="brief" if own else self.style,
            language=self.language,
            write=self.write,
            existing=self.existing,  # type: ignore[arg-type]
        )


_KNOWN = {"style": (*STYLES, OWN_PROMPT), "language": LANGUAGES, "existing": EXISTING}


class Settings:
    """Reads and writes a QSettings with types and defaults."""

    def __init__(self, store: QSettings) -> None:
        self._store = store
        self._preferences = read_preferences(store)

    @property
    def store(self) -> QSettings:
        """The file itself, for parts of the window that keep something of their own."""
        return self._store

    def preferences(self) -> Preferences:
        """Return what is settled for all runs; any thread may ask."""
        return self._preferences

    def keep_preferences(self, preferences: Preferences) -> None:
        self._preferences = preferences
        write_preferences(self._store, preferences)

    def choices(self) -> Choices:
        chinese = QLocale().language() == QLocale.Language.Chinese
        values: dict[str, Any] = {"language": "zh" if chinese else "en"}
        for field in fields(Choices):
            value = self._store.value(f"choices/{field.name}")
            if field.name == "write":
                places = tuple(name for name in str(value or "").split("+") if name in TARGETS)
                values["write"] = places or Choices.write
            elif isinstance(value, str) and (field.name not in _KNOWN or value in _KNOWN[field.name]):
                values[field.name] = value
        return Choices(**values)

    def keep_choices(self, choices: Choices) -> None:
        for field in fields(Choices):
            value = getattr(choices, field.name)
            self._store.setValue(f"choices/{field.name}", "+".join(value) if field.name == "write" else value)

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
