"""Export: the captions of the selected photos in one file for other tools."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QThread, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog

from desktop.reasons import told, unexpected
from mqwen.errors import MqwenError

if TYPE_CHECKING:
    from desktop.window import MainWindow
    from mqwen.library.catalog import Catalog
    from mqwen.library.export import Exported, Format

_NAMES: dict[Format, str] = {
    "txt": "captions.txt",
    "csv": "metadata.csv",
    "jsonl": "metadata.jsonl",
    "kohya": "meta.json",
}
_IMAGEFOLDER: tuple[Format, ...] = ("csv", "jsonl")


class _Writing(QThread):
    """Looks keywords up and writes the file: 100,000 photos take a moment."""

    written = Signal(int, bool)  # how many captions; whether a tool may miss some, as their photos lie elsewhere
    failed = Signal(str)

    def __init__(
        self, photos: list[tuple[Path, str]], to: Path, form: Format, catalog: Catalog | None, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._photos, self._to, self._form, self._catalog = photos, to, form, catalog

    def run(self) -> None:
        from mqwen.library.export import export, lies_beside

        try:
            count = export(self._rows(), self._to, self._form)
            all_found = self._form not in _IMAGEFOLDER or all(lies_beside(path, self._to) for path, _ in self._photos)
            self.written.emit(count, not all_found)
        except MqwenError as error:
            self.failed.emit(told(error))
        except Exception as error:  # Qt would only print it
            self.failed.emit(unexpected(error))

    def _rows(self) -> list[Exported]:
        from mqwen.library.export import Exported

        rows = []
        for path, caption in self._photos:
            known = self._catalog.photo(path) if self._catalog is not None else None
            rows.append(Exported(path, caption, known.keywords if known is not None else ()))
        return rows


class Export(QObject):
    """The entry of the file menu and what it does."""

    done = Signal(int)  # how many captions were written
    failed = Signal(str)

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._writings: list[_Writing] = []
        self.action = QAction(self.tr("E&xport captions…"), self)
        self.action.setShortcut("Ctrl+E")
        self.action.triggered.connect(self.ask)
        menu = window.menus.file_menu
        menu.insertAction(menu.actions()[-1], self.action)

    def ask(self) -> None:
        """Ask for a file, and write the captions of the selected photos, of all where none is selected."""
        filters: dict[str, Format] = {
            self.tr("Hugging Face imagefolder (metadata.jsonl)"): "jsonl",
            self.tr("Table for spreadsheets and imagefolder (metadata.csv)"): "csv",
            self.tr("One line per photo (captions.txt)"): "txt",
            self.tr("kohya sd-scripts (meta.json)"): "kohya",
        }
        paths = self._paths()
        if not paths:
            self._window.notice.say("export", self.tr("There are no captions to export yet."))
            return
        folder = self._window.sources.paths[0] if self._window.sources.paths else paths[0][0].parent
        folder = folder if folder.is_dir() else folder.parent
        dialog = QFileDialog(self._window, self.tr("Export captions"), str(folder))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(list(filters))
        dialog.filterSelected.connect(lambda text: dialog.selectFile(_NAMES[filters[text]]))
        dialog.selectFile(_NAMES["jsonl"])
        dialog.fileSelected.connect(lambda file: self.write(Path(file), filters[dialog.selectedNameFilter()]))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def write(self, to: Path, form: Format) -> None:
        """Write the file in the background, and say in the window how it went."""
        try:
            catalog = self._window.catalog
        except MqwenError:  # captions are there without it, keywords are not
            catalog = None
        writing = _Writing(self._paths(), to, form, catalog, self)
        self._writings.append(writing)
        writing.written.connect(lambda count, missed: self._say(count, to, missed))
        writing.failed.connect(self._fail)
        writing.finished.connect(lambda: self._over(writing))
        writing.start()

    def close(self) -> None:
        """Wait for files that are being written."""
        for writing in self._writings:
            writing.wait()

    def _paths(self) -> list[tuple[Path, str]]:
        photos = self._window.photos
        chosen = self._window.grid.selected_paths() or photos.paths()
        found = [photo for photo in map(photos.photo, chosen) if photo is not None]
        return [(photo.path, photo.caption) for photo in found if photo.caption]

    def _say(self, count: int, to: Path, missed: bool) -> None:
        text = self.tr("%n caption(s) exported to {file}", "", count).format(file=to)
        if missed:
            text += ". " + self.tr(
                "Hugging Face's imagefolder finds photos only in the folder of this file or below it, and some are not."
            )
        self._window.notice.say("export", text)
        self.done.emit(count)

    def _fail(self, reason: str) -> None:
        self._window.notice.say("export", reason)
        self.failed.emit(reason)

    def _over(self, writing: _Writing) -> None:
        self._writings.remove(writing)
        writing.deleteLater()
