"""What two dialogs have in common that change many photos at once: scope, fields, and the preview of every hit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QObject, Qt, QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QRadioButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
)

from desktop.diff_label import DiffLabel
from desktop.reasons import told
from mqwen.errors import InputError
from mqwen.library.edited_files import Words
from mqwen.library.text_changes import FIELDS, Field, TextChange, changed, lines_of
from mqwen.library.timed_regex import TimedRegex

if TYPE_CHECKING:
    from desktop.window import MainWindow

_TYPING_MS = 250
_ROWS = 1000  # hits that are listed; all are counted, and changed
_PATH = Qt.ItemDataRole.UserRole


@dataclass(frozen=True)
class Hit:
    """One photo that would change."""

    path: Path
    old: Words
    new: Words


class Numbers(QObject):
    """Texts with a number: PySide finds their translation only in a class that nothing is derived from."""

    def would_change(self, count: int) -> str:
        return self.tr("%n photo(s) would change", "", count)

    def change(self, count: int) -> str:
        return self.tr("C&hange %n photo(s)", "", count)


class ChangeDialog(QDialog):
    """Shows what a change would do to each photo before it does it. A subclass has the form and makes the change."""

    def __init__(self, window: MainWindow, title: str, label: str) -> None:
        super().__init__(window)
        self._window = window
        self._label = label
        self._paths: tuple[Path, ...] = ()
        self._words: list[Words] = []
        self._hits: list[Hit] = []
        self._left_out: set[Path] = set()
        self._at_work: TextChange | None = None  # whose hits are looked for
        self._asked = 0  # the last change whose hits were asked for
        self._question = 0  # the last look at the words
        self._numbers = Numbers(self)
        self.setWindowTitle(title)
        self.resize(860, 620)
        self.form = QFormLayout()
        self.form.setHorizontalSpacing(12)
        self.fill_form()
        self._build()
        self._typing = QTimer(self, interval=_TYPING_MS, singleShot=True)
        self._typing.timeout.connect(self.preview)
        self.finished.connect(self._stop_looking)
        window.editing.words_read.connect(self._take_words)
        window.editing.previewed.connect(self._take_hits)
        window.editing.edited.connect(lambda _: self.look())

    # For a subclass.

    def fill_form(self) -> None:
        """Add the rows that say what is to be changed."""
        raise NotImplementedError

    def change(self) -> TextChange:
        """Return the change that the form says. Raises InputError while it says none."""
        raise NotImplementedError

    def begin(self) -> None:
        """Put the cursor where typing begins."""
        raise NotImplementedError

    # Building.

    def _build(self) -> None:
        names = {
            "caption": self.tr("&Captions"),
            "keywords": self.tr("&Keywords"),
            "alt_text": self.tr("Alt te&xts"),
        }
        fields = QHBoxLayout()
        self.fields: dict[Field, QCheckBox] = {}
        for name in FIELDS:
            box = self.fields[name] = QCheckBox(names[name])
            box.setChecked(name == "caption")
            box.toggled.connect(self.typed)
            fields.addWidget(box)
        fields.addStretch()
        self.form.addRow(self.tr("In"), fields)
        scope = QHBoxLayout()
        self.selected, self.all = QRadioButton(), QRadioButton()
        for button in (self.selected, self.all):
            scope.addWidget(button)
        self.selected.toggled.connect(self.look)
        scope.addStretch()
        self.form.addRow(self.tr("Of"), scope)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.table = QTreeWidget()
        self.table.setAccessibleName(self.tr("What would change"))
        self.table.setHeaderLabels([self.tr("Photo"), self.tr("Now"), self.tr("Then")])
        self.table.header().setAccessibleName(self.tr("Columns"))
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setToolTip(self.tr("Photos without a tick are left as they are"))
        self.table.header().resizeSection(0, 180)
        self.table.header().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.table.header().setSectionResizeMode(2, QHeaderView.ResizeMode.Stretch)
        self.table.currentItemChanged.connect(self._show_diff)
        self.table.itemChanged.connect(self._ticked)
        self.diff = DiffLabel()
        self.diff.setMinimumHeight(3 * self.fontMetrics().lineSpacing() + 8)
        close = QPushButton(self.tr("C&lose"))
        close.clicked.connect(self.reject)
        self.apply = QPushButton()
        self.apply.setObjectName("primary")
        self.apply.setDefault(True)
        self.apply.clicked.connect(self.make)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(close)
        buttons.addWidget(self.apply)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(10)
        column.addLayout(self.form)
        column.addWidget(self.status)
        column.addWidget(self.table, 1)
        column.addWidget(self.diff)
        column.addLayout(buttons)
        self._show_hits([])

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        number = QLocale().toString
        selected = len(self._window.grid.selected_paths())
        self.selected.setText(self.tr("&Selected photos ({count})").format(count=number(selected)))
        self.all.setText(self.tr("All photos s&hown ({count})").format(count=number(self._window.photos.rowCount())))
        self.selected.setEnabled(selected > 0)
        (self.selected if selected > 1 else self.all).setChecked(True)
        self.begin()
        self.look()

    # Looking.

    def look(self) -> None:
        """Look up the words of the photos again, then what would change."""
        if not self.isVisible():
            return
        grid, photos = self._window.grid, self._window.photos
        self._paths = tuple(grid.selected_paths() if self.selected.isChecked() else photos.paths())
        self._words = []
        self._question = self._window.editing.read(self._paths)

    def typed(self) -> None:
        """Something about the change is another now: show what it does in a moment."""
        self._typing.start()

    def preview(self) -> None:
        """Work out what would change."""
        fields = [name for name, box in self.fields.items() if box.isChecked()]
        self._asked += 1
        self._left_out = set()
        self._stop_looking()
        self.apply.setEnabled(False)
        try:
            change = self.change()
        except InputError as error:
            self._show_hits([])
            self.status.setText(told(error))
            return
        asked, paths, words = self._asked, self._paths, self._words

        self._at_work = change

        def hits() -> tuple[int, list[Hit] | None]:
            try:
                news = [changed(old, change, fields) for old in words]
            except InputError:  # no end of it is in sight, or it was stopped
                return asked, None
            pairs = zip(paths, words, news, strict=True)
            return asked, [Hit(path, old, new) for path, old, new in pairs if new != old]

        if words:
            self._window.editing.preview(hits)

    def _stop_looking(self) -> None:
        if isinstance(self._at_work, TimedRegex):
            self._at_work.close()
        self._at_work = None

    def _take_words(self, number: int, words: list[Words]) -> None:
        if self.isVisible() and number == self._question:
            self._words = words
            self.preview()

    def _take_hits(self, found: tuple[int, list[Hit] | None]) -> None:
        asked, hits = found
        if asked != self._asked or not self.isVisible():
            return
        self._stop_looking()
        self._show_hits(hits or [])
        if hits is None:
            self.status.setText(
                self.tr(
                    "This regular expression takes too long. Make it simpler: "
                    "not one repetition inside another, as in (a+)+"
                )
            )

    def _show_hits(self, hits: list[Hit]) -> None:
        self._hits = hits
        self.table.blockSignals(True)
        self.table.clear()
        fields = [name for name, box in self.fields.items() if box.isChecked()]
        items: list[QTreeWidgetItem] = []
        for hit in hits[:_ROWS]:
            old, new = _changed_lines(hit, fields)
            item = QTreeWidgetItem([hit.path.name, old, new])
            item.setCheckState(0, Qt.CheckState.Checked)
            item.setData(0, _PATH, hit)
            item.setToolTip(0, str(hit.path))
            items.append(item)
        self.table.addTopLevelItems(items)
        self.table.blockSignals(False)
        self.diff.show_diff("", "")
        if (first := self.table.topLevelItem(0)) is not None:
            self.table.setCurrentItem(first)
        self._count()

    def _count(self) -> None:
        count = len(self._hits) - len(self._left_out)
        text = self._numbers.would_change(len(self._hits))
        if len(self._hits) > _ROWS:
            text += " · " + self.tr("the first {count} are listed").format(count=QLocale().toString(_ROWS))
        self.status.setText(text)
        self.apply.setText(self._numbers.change(count))
        self.apply.setEnabled(count > 0)

    def _ticked(self, item: QTreeWidgetItem) -> None:
        path = item.data(0, _PATH).path
        if item.checkState(0) is Qt.CheckState.Checked:
            self._left_out.discard(path)
        else:
            self._left_out.add(path)
        self._count()

    def _show_diff(self, item: QTreeWidgetItem | None) -> None:
        if item is not None:
            self.diff.show_diff(item.text(1), item.text(2))

    # Doing it.

    def make(self) -> None:
        """Make the change in all photos that are ticked, as one step."""
        fields = [name for name, box in self.fields.items() if box.isChecked()]
        paths = [hit.path for hit in self._hits if hit.path not in self._left_out]
        try:
            change = self.change()
        except InputError as error:
            self.status.setText(told(error))
            return
        self.apply.setEnabled(False)
        self._window.editing.apply(paths, lambda _, words: changed(words, change, fields), self._label)


def _changed_lines(hit: Hit, fields: list[Field]) -> tuple[str, str]:
    """Return the texts of a photo that change, before and after."""
    parts: list[tuple[str, str]] = []
    if "caption" in fields:
        parts += [(text, hit.new.captions.get(language, "")) for language, text in hit.old.captions.items()]
    parts += [
        (", ".join(lines_of(hit.old, [name])), ", ".join(lines_of(hit.new, [name])))
        for name in fields
        if name != "caption"
    ]
    pairs = [(" ".join(old.split()), new) for old, new in parts if old != new]
    return " / ".join(old for old, _ in pairs), " / ".join(new for _, new in pairs)
