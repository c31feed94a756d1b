"""The language of the window: Qt's own texts and ours, chosen by the system or by the settings."""

from __future__ import annotations

from PySide6.QtCore import QT_TRANSLATE_NOOP, QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from mqwen.resources import resources_path

_OURS = "translator"  # object name of the translators that this module installed
# Of Qt's own file dialog, which a desktop without one shows: Qt 6.11 has changed them, but not its translations.
_OF_QT = (QT_TRANSLATE_NOOP("QFileDialog", "&Look in:"), QT_TRANSLATE_NOOP("QFileDialog", "Files of &type:"))


def locale_of(language: str) -> QLocale:
    """Return the locale of one of UI_LANGUAGES."""
    return QLocale.system() if language == "system" else QLocale(language)


def set_language(app: QApplication, language: str) -> QLocale:
    """Speak a language from now on, in what is built after this; return its locale.

    English has a translation too: it knows the plurals.
    """
    for old in app.findChildren(QTranslator, _OURS):
        app.removeTranslator(old)
        old.deleteLater()
        old.setObjectName("")
    locale = locale_of(language)
    QLocale.setDefault(locale)
    ours = str(resources_path() / "translations")
    qt = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    for name, folder in (("qtbase", qt), ("mqwen", ours)):
        translator = QTranslator(app)
        translator.setObjectName(_OURS)
        found = translator.load(locale, name, "_", folder)
        if not found and name == "mqwen":
            found = translator.load(f"{name}_en", folder)
        if found:
            app.installTranslator(translator)
        else:
            translator.deleteLater()
    return locale
