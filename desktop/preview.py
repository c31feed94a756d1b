"""The preview: one photo as large as the window, with its caption as it stands or as it is being written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QLocale, QPointF, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QToolButton, QVBoxLayout, QWidget

from desktop.icon import symbol
from desktop.photos import PHOTO_ROLE, State
from desktop.picture_view import PictureView
from desktop.pictures import Picture, Pictures
from desktop.theme import TEXT_WIDTH

if TYPE_CHECKING:
    from desktop.window import MainWindow

_CAPTION_LINES = 4
_PAN = 80


class Preview(QWidget):
    """A page of the window's stack. It shows the grid's current photo, and moves it: other parts follow the grid."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        # Another theme comes with several changes of the palette, and all icons at once would hold it up.
        self._draw_soon = QTimer(self, interval=20, singleShot=True)
        self._draw_soon.timeout.connect(self._draw)
        self._window = window
        self._path: Path | None = None
        self._row = 0
        self.pictures = Pictures(self)
        self.view = PictureView()
        self.view.setAccessibleName(self.tr("Picture"))
        self.back = self._button(self.tr("Back to the photos (Esc)"), self.leave)
        self.previous = self._button(self.tr("Previous photo (Left)"), lambda: self.step(-1))
        self.next = self._button(self.tr("Next photo (Right)"), lambda: self.step(1))
        self.name = QLabel()
        self.place = QLabel()
        self.place.setObjectName("quiet")
        self.zoom = QToolButton()
        self.zoom.setAutoRaise(True)
        self.zoom.setAccessibleName(self.tr("Zoom"))
        self.zoom.setToolTip(self.tr("Whole picture or its pixels (0, 1, +, -)"))
        self.zoom.clicked.connect(lambda: self.view.toggle())
        self.state = QLabel()
        self.state.setObjectName("quiet")
        self.caption = QPlainTextEdit()
        self.caption.setReadOnly(True)
        self.caption.setAccessibleName(self.tr("Caption"))
        self.caption.setPlaceholderText(self.tr("No caption yet"))
        self.caption.setFrameShape(QPlainTextEdit.Shape.NoFrame)
        self.caption.setObjectName("shownCaption")
        self.caption.setMaximumWidth(TEXT_WIDTH)
        self.caption.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.caption.setFixedHeight(_CAPTION_LINES * self.fontMetrics().lineSpacing() + 16)
        self._lay_out()
        self.view.zoom_changed.connect(self._show_zoom)
        self.view.detail_wanted.connect(self._want_whole)
        self.pictures.ready.connect(self._take)
        self.pictures.whole_ready.connect(self._take_whole)

        window.stack.addWidget(self)
        window.grid.preview_requested.connect(self.open)
        window.grid.selectionModel().currentChanged.connect(lambda: self._follow())
        window.photos.dataChanged.connect(lambda first, last: self._refresh(first.row(), last.row()))
        window.photos.modelAboutToBeReset.connect(self.pictures.clear)
        window.captioning.caption_streamed.connect(self._stream)
        self.action = QAction(self.tr("&Preview"), self)
        self.action.setShortcut("Ctrl+3")
        self.action.triggered.connect(self._toggle)
        menu = window.menus.view_menu
        menu.insertAction(menu.actions()[2], self.action)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(8, 5, 10, 5)
        top.setSpacing(4)
        for widget in (self.back, self.previous, self.next):
            top.addWidget(widget)
        top.addSpacing(6)
        top.addWidget(self.name)
        top.addSpacing(8)
        top.addWidget(self.place)
        top.addStretch()
        top.addWidget(self.state)
        top.addSpacing(8)
        top.addWidget(self.zoom)
        below = QHBoxLayout()
        below.setContentsMargins(14, 4, 14, 6)
        below.addWidget(self.caption, 1000)
        below.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self.view, 1)
        column.addLayout(below)
        self._draw()

    # Coming, going, stepping.

    def open(self) -> None:
        """Show the grid's current photo, or its first."""
        grid = self._window.grid
        if not self._window.photos.rowCount():
            return
        grid.commit_edit()
        if not grid.currentIndex().isValid():
            grid.setCurrentIndex(self._window.photos.index(0))
        self._window.stack.setCurrentWidget(self)
        self.view.setFocus()
        self._follow()

    def leave(self) -> None:
        """Go back to the photos, where this one is current."""
        if self.isVisible():
            self._window.stack.setCurrentWidget(self._window.grid)
            self._window.grid.scrollTo(self._window.grid.currentIndex())
            self._window.grid.setFocus()

    def step(self, by: int) -> None:
        """Go to another photo; from one that was removed or filtered out, to what stands in its place."""
        photos = self._window.photos
        here = photos.index_of(self._path) if self._path is not None else None
        if here is not None and here.isValid():
            row = here.row() + by
        else:
            row = self._row + (by if by < 0 else by - 1)
        row = max(0, min(photos.rowCount() - 1, row))
        if photos.rowCount():
            self._window.grid.setCurrentIndex(photos.index(row))

    def path(self) -> Path | None:
        """Return the photo that is shown."""
        return self._path if self.isVisible() else None

    def _toggle(self) -> None:
        self.leave() if self.isVisible() else self.open()

    def _follow(self) -> None:
        """Show what is current in the grid; nothing changes where nothing is."""
        index = self._window.grid.currentIndex()
        if self._window.stack.currentWidget() is not self or not index.isValid():
            return
        path: Path = index.data(PHOTO_ROLE).path
        self._row = index.row()
        if path != self._path or not self.view.has_picture():
            self._path = path
            self._show_picture()
        self._show_words()

    # The picture.

    def _show_picture(self) -> None:
        assert self._path is not None
        photos = self._window.photos
        kept = self.pictures.kept(self._path)
        if kept is not None:
            self._take(kept)
        else:
            self.view.set_message(self.tr("Opening…"))
        around = [self._row, self._row + 1, self._row - 1]
        rows = [row for row in around if 0 <= row < photos.rowCount()]
        longest = max(self.view.width(), self.view.height()) * self.devicePixelRatioF()
        edge = (int(longest) + 255) // 256 * 256
        self.pictures.want([photos.index(row).data(PHOTO_ROLE).path for row in rows], edge)

    def _take(self, picture: Picture) -> None:
        if picture.path != self._path:
            return
        if picture.image.isNull():
            self.view.set_message(self.tr("This picture cannot be shown"))
        else:
            self.view.set_picture(picture.image, picture.size)

    def _take_whole(self, picture: Picture) -> None:
        if picture.path == self._path:
            self.view.add_detail(picture.image)

    def _want_whole(self) -> None:
        if self._path is not None:
            self.pictures.want_whole(self._path)

    def _show_zoom(self, zoom: float) -> None:
        percent = self.tr("{zoom} %").format(zoom=QLocale().toString(round(zoom * 100)))
        self.zoom.setText(percent if self.view.has_picture() else "")

    # The words.

    def _refresh(self, first: int, last: int) -> None:
        if self.isVisible() and self._path is not None:
            index = self._window.photos.index_of(self._path)
            if first <= index.row() <= last:
                self._show_words()

    def _show_words(self) -> None:
        photos = self._window.photos
        photo = photos.photo(self._path) if self._path is not None else None
        if photo is None:
            return
        number = QLocale().toString
        where = self.tr("{number} of {total}").format(number=number(self._row + 1), total=number(photos.rowCount()))
        self.name.setText(photo.path.name)
        self.name.setToolTip(str(photo.path))
        self.place.setText(where)
        state = photos.state(photo)
        self.state.setText(photos.state_name(state))
        text = photo.caption or (photo.reason if state is State.FAILED else "")
        if self.caption.toPlainText() != text and state is not State.RUNNING:
            self.caption.setPlainText(text)
        self.previous.setEnabled(self._row > 0)
        self.next.setEnabled(self._row + 1 < photos.rowCount())

    def _stream(self, path: Path, text: str) -> None:
        """Show a caption as it is being written."""
        photo = self._window.photos.photo(path)
        if path == self._path and photo is not None and self._window.photos.state(photo) is State.RUNNING:
            self.caption.setPlainText(text)

    # Keys and looks.

    def keyPressEvent(self, event: QKeyEvent) -> None:
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        match event.key():
            case Qt.Key.Key_Escape | Qt.Key.Key_Space | Qt.Key.Key_Return | Qt.Key.Key_Enter | Qt.Key.Key_Backspace:
                self.leave()
            case Qt.Key.Key_Left if not shift:
                self.step(-1)
            case Qt.Key.Key_Right if not shift:
                self.step(1)
            case Qt.Key.Key_PageUp:
                self.step(-1)
            case Qt.Key.Key_PageDown:
                self.step(1)
            case Qt.Key.Key_Home:
                self.step(-self._window.photos.rowCount())
            case Qt.Key.Key_End:
                self.step(self._window.photos.rowCount())
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.view.zoom_by(1)
            case Qt.Key.Key_Minus:
                self.view.zoom_by(-1)
            case Qt.Key.Key_0:
                self.view.fit()
            case Qt.Key.Key_1:
                self.view.zoom_to(1.0)
            case Qt.Key.Key_Left | Qt.Key.Key_Right | Qt.Key.Key_Up | Qt.Key.Key_Down:
                self.view.pan(_DIRECTIONS[Qt.Key(event.key())] * _PAN)
            case _:
                super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self._draw_soon.start()

    def _button(self, name: str, act: object) -> QToolButton:
        button = QToolButton()
        button.setAccessibleName(name)
        button.setToolTip(name)
        button.setAutoRaise(True)
        button.setIconSize(QSize(20, 20))
        button.clicked.connect(act)
        return button

    def _draw(self) -> None:
        for button, name in ((self.back, "back"), (self.previous, "previous"), (self.next, "next")):
            button.setIcon(symbol(name, self.palette()))


_DIRECTIONS = {
    Qt.Key.Key_Left: QPointF(1, 0),
    Qt.Key.Key_Right: QPointF(-1, 0),
    Qt.Key.Key_Up: QPointF(0, 1),
    Qt.Key.Key_Down: QPointF(0, -1),
}
