"""What the user settled for all runs: language and looks of the window, where models run, how files are written."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from PySide6.QtCore import QSettings

from desktop.theme import THEMES
from mqwen.run_settings import SIDECAR_NAMING, RunSettings

UI_LANGUAGES = ("system", "en", "zh_CN")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
QUANTIZE = ("auto", "none", "int8", "nf4")
MOST_CARD_GB = 1024.0
MOST_THREADS = 1024


@dataclass(frozen=True)
class Preferences:
    """The settings dialog's fields; a change of what concerns a model holds from the next time one is loaded.

    Attributes:
        ui_language: of the window, one of UI_LANGUAGES.
        theme: one of THEMES.
        device: "auto", "cpu", "cuda" or "cuda:N".
        precision: one of PRECISIONS.
        quantize: one of QUANTIZE.
        card_gb: of the graphics card, what MQwen may use, 0 for all; layers beyond it wait in main memory.
        threads: of the processor, 0 lets torch choose.
        sidecar_naming: of new XMP sidecars, one of SIDECAR_NAMING.
        keep_mtime: a photo with embedded metadata keeps its date of change.
    """

    ui_language: str = "system"
    theme: str = "system"
    device: str = "auto"
    precision: str = "auto"
    quantize: str = "auto"
    card_gb: float = 0.0
    threads: int = 0
    sidecar_naming: str = "name"
    keep_mtime: bool = False

    def applied_to(self, settings: RunSettings) -> RunSettings:
        """Return the settings of a run with what is settled here."""
        return replace(
            settings,
            keep_mtime=self.keep_mtime,
            sidecar_naming=self.sidecar_naming,  # type: ignore[arg-type]
        )

    def model_fields(self) -> tuple[object, ...]:
        """Return what a loaded model depends on."""
        return (self.device, self.precision, self.quantize, self.card_gb, self.threads)


def read_preferences(store: QSettings) -> Preferences:
    """Return what a settings file says, and the default wherever it says nothing that makes sense."""
    found: dict[str, Any] = {}
    for field in fields(Preferences):
        text = store.value(f"preferences/{field.name}")
        value = None if text is None else _parsed(field.name, str(text))
        if value is not None:
            found[field.name] = value
    return Preferences(**found)


def write_preferences(store: QSettings, preferences: Preferences) -> None:
    for field in fields(Preferences):
        store.setValue(f"preferences/{field.name}", getattr(preferences, field.name))
    store.sync()


def is_device(text: str) -> bool:
    """Say whether a text names a device."""
    return text in ("auto", "cpu", "cuda") or (text.startswith("cuda:") and text[5:].isascii() and text[5:].isdigit())


_KNOWN = {
    "ui_language": UI_LANGUAGES,
    "theme": THEMES,
    "precision": PRECISIONS,
    "quantize": QUANTIZE,
    "sidecar_naming": SIDECAR_NAMING,
}


def _parsed(name: str, text: str) -> Any:
    """Return the value of a field, None where a text makes no sense for it."""
    try:
        if name in _KNOWN:
            return text if text in _KNOWN[name] else None
        if name == "device":
            return text if is_device(text) else None
        if name == "keep_mtime":
            return {"true": True, "false": False}.get(text.lower())
        if name == "threads":
            return threads if 0 <= (threads := int(text)) <= MOST_THREADS else None
        return gigabytes if 0 <= (gigabytes := float(text)) <= MOST_CARD_GB else None
    except ValueError:
        return None
