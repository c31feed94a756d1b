"""The grid of photos: columns that fill the width, thumbnails for what is in sight only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QItemSelectionModel, QModelIndex, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QContextMenuEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractItemDelegate, QAbstractItemView, QListView, QMenu, QPlainTextEdit, QWidget

from desktop.delegate import PhotoDelegate
from desktop.keeping_place import KeepingPlace
from desktop.photos import AnyIndex, PhotoModel
from desktop.quiet import quiet
from desktop.row_delegate import RowDelegate
from desktop.thumbnails import Thumbnails
from desktop.uniform_view import UniformView

SMALLEST, LARGEST, USUAL = 140, 420, 220


class PhotoGrid(UniformView):
    """Shows a PhotoModel; whatever happens to its rows, the current photo stays in sight and the selection as it is."""

    remove_requested = Signal()
    preview_requested = Signal()  # of the current photo
    committing = Signal()
    size_changed = Signal(int)

    def __init__(self, model: PhotoModel, thumbnails: Thumbnails, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._width = USUAL
        self._hint = ""
        self._menu_actions: list[QAction] = []
        self.setModel(model)
        self._place = KeepingPlace(self)
        self._as_grid, self._as_list = PhotoDelegate(thumbnails, self), RowDelegate(thumbnails, self)
        self._delegate = self._as_grid
        self.setItemDelegate(self._delegate)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # or columns jump when it comes
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed | QAbstractItemView.EditTrigger.DoubleClicked)
        self.setTabKeyNavigation(False)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setAccessibleName(self.tr("Photos"))
        self._settled = QTimer(self, interval=60, singleShot=True)
        self._settled.timeout.connect(self._drop_thumbnails_scrolled_past)
        self.verticalScrollBar().valueChanged.connect(lambda: self._settled.start())
        thumbnails.ready.connect(self._repaint)

    # Which photos.

    def photo_model(self) -> PhotoModel:
        model = self.model()
        assert isinstance(model, PhotoModel)
        return model

    def selected_paths(self) -> list[Path]:
        """Return the selected photos in the order shown."""
        return [photo.path for photo in self._place.selected()]

    def visible_paths(self) -> list[Path]:
        """Return the photos of which at least a part is in sight."""
        rows = self.rows_in(self.viewport().rect())
        return [photo.path for photo in self.photo_model().shown()[rows.start : rows.stop]]

    def is_selected(self, row: int) -> bool:
        return self._place.is_selected(row)

    def choose(self, ranges: Sequence[Sequence[int]], command: QItemSelectionModel.SelectionFlag) -> None:
        flags = QItemSelectionModel.SelectionFlag
        if command & flags.Clear or not self._place.change(ranges, selected=not command & flags.Deselect):
            super().choose(ranges, command)

    def arranging(self) -> bool:
        """Say whether rows or selection are not yet all as they will be."""
        return self.photo_model().arranging() or self._place.coming()

    # Sizes: the column width asked for is a minimum; columns share what is left over.

    def set_width(self, width: int) -> None:
        """Set how wide a photo is at least, in device-independent pixels."""
        self._width = max(SMALLEST, min(LARGEST, width))
        self._fit()
        self.size_changed.emit(self._width)

    def set_listed(self, listed: bool) -> None:
        """Show one photo a row, with more of its caption, instead of a grid."""
        if listed == self.listed():
            return
        self.commit_edit()
        self._delegate = self._as_list if listed else self._as_grid
        self.setItemDelegate(self._delegate)
        self._fit()

    def listed(self) -> bool:
        return self._delegate is self._as_list

    def _fit(self) -> None:
        room = self.viewport().width() - 1
        self._as_list.width = self._width
        columns = self._delegate.columns(room, self._width)
        cell = self._delegate.cell_size(room // columns, self.font())
        if cell != self.gridSize() or columns != self.columns:
            self._set_cells(cell, columns)
        self._thumbnails.set_edge(_rounded_up(self._delegate.picture_edge(cell) * self.devicePixelRatioF()))
        self.verticalScrollBar().setSingleStep(max(20, cell.height() // 4))

    def _set_cells(self, cell: QSize, columns: int) -> None:
        """Take other cells; the current photo, or else the first of those in sight, stays where it is seen."""
        seen, anchor = self.rows_in(self.viewport().rect()), self.currentIndex()
        if anchor.row() not in seen:
            anchor = self.model().index(seen.start, 0)
        before = self.visualRect(anchor).top()
        self.columns = columns
        self.setGridSize(cell)
        self.setIconSize(QSize(cell.width(), cell.width()))
        self.executeDelayedItemsLayout()
        bar = self.verticalScrollBar()
        bar.setValue(bar.value() + self.visualRect(anchor).top() - before)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    # Editing.

    def set_menu(self, actions: Sequence[QAction]) -> None:
        """Set what a right click on a photo offers."""
        self._menu_actions = list(actions)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.selectionModel().hasSelection():
            QMenu.exec(self._menu_actions, event.globalPos())

    def editor(self) -> QPlainTextEdit | None:
        """Return the caption editor that is open."""
        editors = [child for child in self.viewport().children() if isinstance(child, QPlainTextEdit)]
        return next((editor for editor in editors if editor.isVisible()), None)

    def commit_edit(self) -> None:
        """Save what is being typed, here and in the editor beside, as before anything that would close them."""
        self.committing.emit()
        self.commit_typed()

    def commit_typed(self) -> None:
        """Save what is being typed here."""
        editor = self.editor()
        if editor is not None:
            self.commitData(editor)
            self.closeEditor(editor, QAbstractItemDelegate.EndEditHint.NoHint)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        editing = self.state() == QAbstractItemView.State.EditingState
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers()
        if enter and not editing and self.currentIndex().isValid():
            self.edit(self.currentIndex())
            return
        if not editing and event.key() == Qt.Key.Key_Space and not event.modifiers():
            self.preview_requested.emit()
            return
        if not editing and event.key() == Qt.Key.Key_Delete:
            self.remove_requested.emit()
            return
        super().keyPressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        # On the picture it means to see more of it, on the words to change them.
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and self._delegate.picture_rect(self.visualRect(index)).contains(event.position().toPoint()):
            self.setCurrentIndex(index)
            self.preview_requested.emit()
            return
        super().mouseDoubleClickEvent(event)

    # Painting.

    def dataChanged(self, first: AnyIndex, last: AnyIndex, roles: Sequence[int] = ()) -> None:
        # A QListView lays out all photos anew, as a cell's size might have changed. Ours never do: 50 captions a
        # second over 100,000 photos would keep it busy with nothing else.
        QAbstractItemView.dataChanged(self, first, last, list(roles))

    def set_hint(self, text: str) -> None:
        """Set what is said in the middle while there are no photos."""
        self._hint = text
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        with quiet():
            super().paintEvent(event)
        if self.model().rowCount() == 0:
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().placeholderText().color())
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, self._hint)

    def _repaint(self, path: Path) -> None:
        index = self.photo_model().index_of(path)
        if index.isValid():
            place = self.visualRect(QModelIndex(index))
            if place.intersects(self.viewport().rect()):
                self.viewport().update(place)

    def _drop_thumbnails_scrolled_past(self) -> None:
        self._thumbnails.retain(self.visible_paths())


def _rounded_up(edge: float) -> int:
    """Round to 64 pixels, so that dragging the window's edge does not decode everything again at every step."""
    return (int(edge) + 63) // 64 * 64
