"""The filter box at work: what is typed becomes the photos that are shown; filters that are worth it are saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QObject, QSettings, Qt, QThread, QTimer, Slot
from PySide6.QtGui import QAction, QKeySequence

from desktop.filter_bar import FilterBar
from desktop.reasons import shown
from desktop.taken import TakenDates
from mqwen.errors import InputError

if TYPE_CHECKING:
    from desktop.filter_help import FilterHelp
    from desktop.finding import FilterSearch
    from desktop.window import MainWindow
    from mqwen.library.filter import Filter

_TYPING_MS = 250
_STREAMING_MS = 400  # while photos stream in, they are filtered so often


class Filtering(QObject):
    """Belongs to a window, to whose bar and view menu it enters.

    A photo that changes stays where it is until the filter is applied again, by Enter or by a change of it: nothing
    comes or goes under the user's hands while a run streams in.
    """

    def __init__(self, window: MainWindow, store: QSettings) -> None:
        super().__init__(window)
        self._window = window
        self._store = store
        self._dates = TakenDates()
        self._wanted: Filter | None = None
        self._search: FilterSearch | None = None
        self._help: FilterHelp | None = None
        self.bar = FilterBar()
        self.bar.hide()
        self._typing = QTimer(self, interval=_TYPING_MS, singleShot=True)
        self._typing.timeout.connect(self.apply)
        self._streaming = QTimer(self, interval=_STREAMING_MS, singleShot=True)
        self._streaming.timeout.connect(self._search_again)
        self.bar.text_changed.connect(lambda _: self._typing.start())
        self.bar.apply_requested.connect(self.apply)
        self.bar.left.connect(self._leave)
        self.bar.help_requested.connect(self.show_help)
        window.photos.photos_added.connect(self._photos_added)
        window.photos.arranged.connect(self._shown)
        window.sources.opened.connect(self._opened)
        window.sources.finished.connect(self._search_again)
        self.action = QAction(self.tr("&Filter…"), self)
        self.action.setShortcut(QKeySequence(QKeySequence.StandardKey.Find))
        self.action.triggered.connect(self.focus)
        self.action.setEnabled(False)
        window.menus.view_menu.addSeparator()
        window.menus.view_menu.addAction(self.action)
        self._fill_saved()

    # Applying.

    def focus(self) -> None:
        """Let the user type a filter."""
        self.bar.edit.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.bar.edit.selectAll()

    def set_text(self, text: str) -> None:
        """Filter by this text at once."""
        self.bar.edit.setText(text)
        self.apply()

    def apply(self) -> None:
        """Work out anew which photos are shown."""
        from mqwen.library.filter import parse

        self._typing.stop()
        try:
            self._wanted = parse(self.bar.edit.text())
        except InputError as error:
            self.bar.set_outcome(shown(error.what), wrong=True)  # what is shown stays
            self.bar.outcome.setToolTip(shown(error.hint or ""))
            return
        self.bar.outcome.setToolTip("")
        self._search_again()

    def searching(self) -> bool:
        """Say whether what is shown is not yet what the box says."""
        waiting = self._typing.isActive() or self._streaming.isActive()
        return waiting or self._search is not None or self._window.photos.arranging()

    def close(self) -> None:
        """End all searches, and wait for them."""
        self._typing.stop()
        self._streaming.stop()
        for search in self.findChildren(QThread):
            search.requestInterruption()
            search.wait()

    @Slot()
    def _search_again(self) -> None:
        self._streaming.stop()
        if self._search is not None:
            self._search.abandon()
            self._search = None
        if self._wanted is None:
            self.bar.set_outcome("")
            if self._window.photos.filtered():
                self._show(None)
            return
        self.bar.set_outcome(self.tr("Looking…"))
        from desktop.finding import FilterSearch

        photos = self._window.photos.listed()
        self._search = FilterSearch(self._wanted, photos, lambda: self._window.catalog, self._dates, self)
        self._search.done.connect(self._found)
        self._search.start()

    @Slot(object, object, str)
    def _found(self, search: FilterSearch, passing: set[Path], wrong: str) -> None:
        if search is not self._search:
            return
        search.finished.connect(search.deleteLater)
        self._search = None
        if wrong:
            self.bar.set_outcome(wrong, wrong=True)
            return
        self._show(passing)

    def _show(self, passing: set[Path] | None) -> None:
        """Let these through."""
        self._window.grid.commit_edit()
        self._window.photos.set_filter(passing)

    @Slot()
    def _shown(self) -> None:
        """Say how many have passed, as soon as they are shown."""
        photos, number = self._window.photos, QLocale().toString
        if photos.filtered() or not photos.scanning():
            nothing = self.tr("No photo passes the filter") if photos.filtered() else self.tr("No photos here")
            self._window.grid.set_hint(nothing)
        if photos.filtered() and self._wanted is not None and self._search is None:
            text = self.tr("{found} of {total}")
            self.bar.set_outcome(text.format(found=number(photos.rowCount()), total=number(photos.total())))

    def _photos_added(self) -> None:
        if self._wanted is not None and not self._streaming.isActive():
            self._streaming.start()

    def _opened(self) -> None:
        self.bar.show()
        self.action.setEnabled(True)
        self.bar.edit.clear()
        self._typing.stop()
        self._wanted = None
        self._window.photos.set_filter(None)
        self._search_again()

    def _leave(self) -> None:
        self._window.grid.setFocus()

    # Help.

    def show_help(self) -> None:
        if self._help is None:
            from desktop.filter_help import FilterHelp

            self._help = FilterHelp(self._window)
            self._help.example_chosen.connect(self.set_text)
        self._help.show()
        self._help.raise_()

    # Saved filters.

    def saved(self) -> list[str]:
        try:
            kept = json.loads(str(self._store.value("filters/saved", "[]")))
        except ValueError:
            return []
        return [text for text in kept if isinstance(text, str)] if isinstance(kept, list) else []

    def save(self) -> None:
        """Keep what stands in the box for another day."""
        text = " ".join(self.bar.edit.text().split())
        if text and text not in self.saved():
            self._keep([*self.saved(), text])

    def forget(self, text: str) -> None:
        self._keep([other for other in self.saved() if other != text])

    def _keep(self, filters: list[str]) -> None:
        self._store.setValue("filters/saved", json.dumps(filters, ensure_ascii=False))
        self._fill_saved()

    def _fill_saved(self) -> None:
        menu, saved = self.bar.saved_menu, self.saved()
        menu.clear()
        for text in saved:
            menu.addAction(text.replace("&", "&&")).triggered.connect(lambda _=False, text=text: self.set_text(text))
        if saved:
            menu.addSeparator()
        menu.addAction(self.tr("&Save this filter")).triggered.connect(self.save)
        if saved:
            gone = menu.addMenu(self.tr("&Remove a saved filter"))
            for text in saved:
                gone.addAction(text.replace("&", "&&")).triggered.connect(lambda _=False, text=text: self.forget(text))
