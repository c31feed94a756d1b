"""The list of runs, and under it what the chosen one changed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PySide6.QtCore import QDateTime, QLocale, Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QProgressBar,
    QPushButton,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from desktop.choice_words import ChoiceWords, own_prompt
from desktop.listed import listed
from mqwen.library.records import Change, Run
from mqwen.library.scan import is_photo_name

_RUN = Qt.ItemDataRole.UserRole


class HistoryDialog(QDialog):
    """Shows runs; what is done about them is its owner's."""

    run_chosen = Signal(int)
    revert_requested = Signal(int)
    stop_requested = Signal()
    photo_opened = Signal(object)  # path

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("History of runs"))
        self.resize(980, 620)
        self._runs: dict[int, Run] = {}
        self._words = ChoiceWords(self)
        self.runs = self._tree(
            self.tr("Runs"),
            [
                self.tr("When"),
                self.tr("How it ended"),
                self.tr("Captioned"),
                self.tr("Failed"),
                self.tr("Files changed"),
                self.tr("Taken back"),
                self.tr("Model"),
                self.tr("Folders"),
            ],
        )
        for column, width in enumerate((150, 110, 80, 60, 100, 85, 110)):
            header = self.runs.header()
            header.resizeSection(column, max(width, header.sectionSizeHint(column)))
        self.runs.currentItemChanged.connect(self._chosen)
        self.about = QLabel()
        self.about.setObjectName("quiet")
        self.about.setWordWrap(True)
        self.about.setTextFormat(Qt.TextFormat.PlainText)
        self.changes = self._tree(
            self.tr("Files that the run changed"), [self.tr("File"), self.tr("What"), self.tr("Now"), self.tr("Folder")]
        )
        for column, width in enumerate((240, 150, 150)):
            self.changes.header().resizeSection(column, width)
        self.changes.itemActivated.connect(lambda item: self.photo_opened.emit(item.data(0, _RUN)))
        lower = QWidget()
        below = QVBoxLayout(lower)
        below.setContentsMargins(0, 6, 0, 0)
        below.addWidget(self.about)
        below.addWidget(self.changes, 1)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setChildrenCollapsible(False)
        split.addWidget(self.runs)
        split.addWidget(lower)
        split.setSizes([280, 300])

        self.revert = QPushButton(self.tr("&Take the run back…"))
        self.revert.setToolTip(self.tr("Put every file back as it was before the run, if nobody has changed it since"))
        self.revert.clicked.connect(self._revert)
        self.stop = QPushButton(self.tr("&Stop"))
        self.stop.clicked.connect(self.stop_requested)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setFixedWidth(140)
        self.progress.setAccessibleName(self.tr("Progress of taking back"))
        close = QPushButton(self.tr("&Close"))
        close.clicked.connect(self.reject)
        foot = QHBoxLayout()
        foot.addWidget(self.revert)
        foot.addWidget(self.progress)
        foot.addWidget(self.stop)
        foot.addWidget(self.status, 1)
        foot.addWidget(close)
        rows = QVBoxLayout(self)
        rows.setContentsMargins(16, 16, 16, 16)
        rows.addWidget(split, 1)
        rows.addLayout(foot)
        self.set_working(False, "")

    def show_runs(self, runs: Sequence[Run]) -> None:
        """Show runs, the newest first; the one that was chosen stays chosen."""
        before = self.chosen()
        self._runs = {run.id: run for run in runs}
        self.runs.clear()
        for run in runs:
            item = QTreeWidgetItem(self._row(run))
            item.setData(0, _RUN, run.id)
            item.setToolTip(7, "\n".join(map(str, run.roots)))
            self.runs.addTopLevelItem(item)
            if run.id == before:
                self.runs.setCurrentItem(item)
        first = self.runs.topLevelItem(0)
        if self.runs.currentItem() is None and first is not None:
            self.runs.setCurrentItem(first)
        if not runs:
            self.status.setText(self.tr("No run has written anything yet."))
        self._update()

    def chosen(self) -> int | None:
        """Return the number of the chosen run."""
        item = self.runs.currentItem()
        return None if item is None else item.data(0, _RUN)

    def show_changes(self, run: int, changes: Sequence[Change], *, most: int) -> None:
        """Show what a run changed, unless another one was chosen meanwhile."""
        if run != self.chosen():
            return
        states = {
            "confirmed": self.tr("as the run left it"),
            "reverted": self.tr("taken back"),
            "intended": self.tr("not finished"),
        }
        targets = {
            "txt": self.tr(".txt"),
            "caption": self.tr(".caption"),
            "xmp": self.tr("XMP sidecar"),
            "embed": self.tr("the photo's metadata"),
            "jsonl": self.tr("metadata.jsonl"),
        }
        self.changes.clear()
        for change in changes:
            what = targets.get(change.target, change.target)
            item = QTreeWidgetItem([change.file.name, what, states[change.state], str(change.file.parent)])
            item.setData(0, _RUN, change.file)
            self.changes.addTopLevelItem(item)
        more = self._runs[run].changes - len(changes)
        if len(changes) >= most and more > 0:
            item = QTreeWidgetItem([self.tr("… and %Ln more", "", more)])
            item.setDisabled(True)  # no photo to go to
            self.changes.addTopLevelItem(item)

    def set_working(self, working: bool, text: str) -> None:
        """Say what goes on; while it does, nothing else can be begun."""
        self.progress.setRange(0, 0 if working else 1)
        self.progress.setVisible(working)
        self.stop.setVisible(working)
        self.runs.setEnabled(not working)
        self.status.setText(text)
        self._update(working=working)

    def show_progress(self, files: int) -> None:
        run = self._runs.get(self.chosen() or -1)
        if run is not None and run.changes:
            self.progress.setRange(0, run.changes)
            self.progress.setValue(files)

    def _row(self, run: Run) -> list[str]:
        status = {
            "running": self.tr("still running"),
            "interrupted": self.tr("interrupted"),
            "done": self.tr("done"),
            "stopped": self.tr("stopped"),
            "failed": self.tr("failed"),
        }
        number = QLocale().toString
        when = QDateTime.fromSecsSinceEpoch(int(run.started))
        return [
            QLocale().toString(when, QLocale.FormatType.ShortFormat),
            status[run.status],
            number(run.counts.get("captioned", 0)) if run.counts else "",
            number(run.counts.get("failed", 0)) if run.counts else "",
            number(run.changes),
            number(run.reverted) if run.reverted else "",
            str(run.settings.get("model") or ""),
            _folders(run.roots),
        ]

    def _chosen(self) -> None:
        run = self.chosen()
        self.changes.clear()
        self.about.setText(self._about(self._runs[run]) if run in self._runs else "")
        own = own_prompt(self._runs[run].settings) if run in self._runs else ""
        self.about.setToolTip(f"<p>{escape(own)}</p>" if own else "")
        self._update()
        if run is not None:
            self.run_chosen.emit(run)

    def _about(self, run: Run) -> str:
        line = self._words.of_run(run.id, run.settings)
        if run.pruned is not None:
            day = time.strftime("%Y-%m-%d", time.localtime(run.pruned))
            line += "\n" + self.tr(
                "It can no longer be taken back: what was kept for that was given up on {day}"
            ).format(day=day)
        return line

    def _update(self, *, working: bool = False) -> None:
        run = self._runs.get(self.chosen() or -1)
        able = run is not None and run.status != "running" and run.pruned is None and run.changes > 0
        self.revert.setEnabled(able and not working)

    def _revert(self) -> None:
        run = self.chosen()
        if run is not None:
            self.revert_requested.emit(run)

    @staticmethod
    def _tree(name: str, columns: list[str]) -> QTreeWidget:
        tree = QTreeWidget()
        tree.setAccessibleName(name)
        tree.setHeaderLabels(columns)
        tree.setRootIsDecorated(False)
        tree.setUniformRowHeights(True)
        tree.setAllColumnsShowFocus(True)
        tree.header().setAccessibleName(name)
        tree.header().setSectionResizeMode(len(columns) - 1, QHeaderView.ResizeMode.Stretch)
        return tree


def _folders(roots: Sequence[Path]) -> str:
    """Return the names of the folders that a run was about: the window gives its photos one by one."""
    folders = dict.fromkeys(root.parent if is_photo_name(root.name) else root for root in roots)
    return listed((folder.name or str(folder) for folder in folders), 3)
