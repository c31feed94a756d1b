"""The main window: opens photos, starts runs, shows how they go."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QMainWindow, QStackedWidget, QToolBar, QVBoxLayout, QWidget

from desktop.arranging import Arranging
from desktop.bar import Bar
from desktop.before_run import BeforeRun
from desktop.captioning import Captioning
from desktop.catalog_care import CatalogCare
from desktop.closing import Closing
from desktop.edit_actions import EditActions
from desktop.editing import Editing
from desktop.editor import EditorDock
from desktop.export_dialog import Export
from desktop.failures import FailureDock
from desktop.filtering import Filtering
from desktop.first_steps import FirstSteps
from desktop.following import Following
from desktop.footer import Footer
from desktop.grid import USUAL, PhotoGrid
from desktop.history import History
from desktop.interrupted import InterruptedRuns
from desktop.kept_drafts import KeptDrafts
from desktop.leaving import Leaving
from desktop.listed import listed
from desktop.loading import load_with
from desktop.menus import Menus
from desktop.models_part import ModelsPart
from desktop.notice import Notice
from desktop.opening import Opening
from desktop.photo import HAVE_TEXT
from desktop.photos import PhotoModel
from desktop.preview import Preview
from desktop.reasons import told
from desktop.replacing import Replacing
from desktop.review import Review
from desktop.run_controls import RunControls
from desktop.settings import OWN_PROMPT, Settings
from desktop.settings_part import SettingsPart
from desktop.sources import Sources
from desktop.starting import USUAL_SIZE
from desktop.thumbnails import Thumbnails
from desktop.trouble import Trouble
from desktop.tryout import TryOut
from desktop.welcome import Welcome
from desktop.worker import CaptionWorker, Ending
from mqwen.errors import MqwenError
from mqwen.hub import STARTER
from mqwen.library.scan import IMAGE_SUFFIXES
from mqwen.run_settings import RunSettings

if TYPE_CHECKING:
    from mqwen.library.catalog import Catalog

_REFRESH_MS = 100  # how often numbers are shown anew, however fast captions arrive


class MainWindow(QMainWindow):
    """Grid in the middle, the bar over it, progress under it, failures in a dock."""

    def __init__(
        self, settings: Settings, *, worker: CaptionWorker | None = None, catalog: Catalog | None = None
    ) -> None:
        super().__init__()
        self._settings = settings
        self._catalog = catalog
        self._catalog_lock = threading.Lock()
        self.setWindowTitle("MQwen")
        self.setAcceptDrops(True)
        self.resize(USUAL_SIZE)

        self.photos = PhotoModel(self)
        self.sources = Sources(self.photos, self, catalog=lambda: self.catalog)
        self.thumbnails = Thumbnails(self)
        worker = worker or CaptionWorker(load_with(settings.preferences))
        self.captioning = Captioning(self.photos, self, worker=worker, catalog=lambda: self.catalog)
        width = settings.column_width(USUAL)
        self.bar = Bar(settings.choices())
        self.notice = Notice()
        self.grid = PhotoGrid(self.photos, self.thumbnails)
        self.grid.set_width(width)
        self.welcome = Welcome()
        self.footer = Footer(width)
        self.failures = FailureDock(self)
        self._lay_out()
        self.menus = Menus(self)
        self.editing = Editing(self.photos, self.captioning, lambda: self.catalog, self)
        self.edit_actions = EditActions(self)
        self.following = Following(self)
        self.editor = EditorDock(self)
        self.kept_drafts = KeptDrafts(self)
        self.replacing = Replacing(self)
        self.review = Review(self)
        self.interrupted = InterruptedRuns()
        self.before_run = BeforeRun(self)
        self.leaving = Leaving(self)
        self.closing = Closing(self)
        self.try_out = TryOut(self)
        self.run_controls = RunControls(self)
        self.history = History(self)
        self.export = Export(self)
        self.opening = Opening(self, settings.store)
        self.filtering = Filtering(self, settings.store)
        self.arranging = Arranging(self, self.filtering.bar, settings.store)
        self.column.insertWidget(1, self.filtering.bar)
        self.preview = Preview(self)
        self.settings_part = SettingsPart(self, settings)
        self.models_part = ModelsPart(self)
        self.trouble = Trouble(self)
        self.catalog_care = CatalogCare(self)
        self.first_steps = FirstSteps(self)
        self._connect()
        self.failures.hide()
        geometry, state = settings.layout()
        self.restoreGeometry(geometry)
        self.restoreState(state)
        self._choose()
        self._show_counts()

    @property
    def catalog(self) -> Catalog:
        """The user's catalog, opened with its first use. Raises CatalogError where it cannot be."""
        with self._catalog_lock:  # scans ask for it in their own thread
            if self._catalog is None:
                from mqwen.library.catalog import Catalog

                self._catalog = Catalog()
                if self._catalog.notice is not None:
                    self.trouble.tell_of_catalog(self._catalog.notice)
            return self._catalog

    def _lay_out(self) -> None:
        toolbar = QToolBar(self.tr("Choices"))
        toolbar.setObjectName("choices")
        toolbar.setMovable(False)
        toolbar.toggleViewAction().setEnabled(False)
        toolbar.addWidget(self.bar)
        self.addToolBar(toolbar)
        self.setMinimumSize(self.bar.sizeHint().width() + 24, 480)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.welcome)
        self.stack.addWidget(self.grid)
        middle = QWidget()
        self.column = QVBoxLayout(middle)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(0)
        self.column.addWidget(self.notice)
        self.column.addWidget(self.stack, 1)
        self.setCentralWidget(middle)
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self.failures)
        self.resizeDocks([self.failures], [150], Qt.Orientation.Vertical)
        self.statusBar().setSizeGripEnabled(False)
        self.statusBar().addWidget(self.footer, 1)

    def _connect(self) -> None:
        self._refresh = QTimer(self, interval=_REFRESH_MS, singleShot=True)
        self._refresh.timeout.connect(self._show_counts)
        self.photos.counts_changed.connect(self._refresh_soon)
        self.captioning.progressed.connect(self._refresh_soon)
        self.bar.choices_changed.connect(self._choose)
        self.bar.start_requested.connect(lambda: self.before_run.ask())
        self.bar.cancel_requested.connect(self.cancel)
        self.welcome.open_requested.connect(self.choose_folder)
        self.notice.dismissed.connect(self._hint_seen)
        self.grid.remove_requested.connect(self.remove_selected)
        self.footer.width_changed.connect(self.grid.set_width)
        self.footer.failures_requested.connect(self.failures.show)
        self.failures.photo_opened.connect(self.show_photo)
        self.failures.retry_requested.connect(self.start)
        self.failures.count_changed.connect(self.footer.set_failures)
        self.captioning.started.connect(self._run_started)
        self.captioning.loading.connect(lambda: self.footer.show_busy(self.tr("Loading model…")))
        self.captioning.model_loaded.connect(self._model_loaded)
        self.sources.failed.connect(self.failures.add)
        self.sources.recovered.connect(self.failures.discard_all)
        self.sources.finished.connect(self._scan_finished)
        self.captioning.failed.connect(self.failures.add)
        self.captioning.recovered.connect(self.failures.discard)
        self.captioning.finished.connect(self._run_finished)
        self.editing.failed.connect(self.failures.add)
        self.editing.recovered.connect(self.failures.discard)
        self.editing.refused.connect(lambda reason: self.notice.say("edit", reason))
        self.editing.left_over.connect(lambda reason: self.notice.add("left over", reason))
        self.captioning.try_finished.connect(self._trial_finished)

    # Opening.

    def open(self, paths: Sequence[Path]) -> None:
        """Show the photos of folders and files instead of what is shown now; what is being typed is saved first."""
        first = paths[0]
        self._settings.keep_last_folder(str(first if first.is_dir() else first.parent))
        self.setWindowTitle(f"{first.name or first} - MQwen")
        self._look(lambda write: self.sources.open(paths, write))

    def reload(self) -> None:
        """Look at the disk again; a run that is under way goes on."""
        self._look(self.sources.reload)

    def _look(self, scan: Callable[[tuple[str, ...]], None]) -> None:
        self.grid.commit_edit()
        self.thumbnails.clear()
        write = self.bar.choices().write
        scan(write)
        self.captioning.set_places(self.sources.paths, write)
        if self.sources.paths:
            self.stack.setCurrentWidget(self.grid)
            self.grid.set_hint(self.tr("Looking for photos…"))
            self.grid.setFocus()
        self._show_counts()

    def choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Open a folder"), self._settings.last_folder())
        if folder:
            self.open([Path(folder)])

    def choose_files(self) -> None:
        kinds = " ".join(f"*{suffix}" for suffix in sorted(IMAGE_SUFFIXES))
        pattern = self.tr("Photos ({kinds})").format(kinds=kinds)
        files, _ = QFileDialog.getOpenFileNames(
            self, self.tr("Open photos"), self._settings.last_folder(), f"{pattern};;{self.tr('All files')} (*)"
        )
        if files:
            self.open([Path(file) for file in files])

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if any(url.isLocalFile() for url in event.mimeData().urls()):
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open(paths)

    def _scan_finished(self) -> None:
        self.grid.set_hint(self.tr("No photos here"))
        self._show_counts()

    # Running.

    def start(self, paths: Sequence[Path] | None = None) -> None:
        """Caption photos, by default all, as the bar says; all are known only when the scan has ended."""
        if paths is None and self.photos.scanning():
            return
        self.grid.commit_edit()
        settings = self.run_settings()
        if settings is not None:
            chosen = self.photos.paths() if paths is None else paths
            self.captioning.start(chosen, settings.model, settings, self.interrupted)

    def run_settings(self) -> RunSettings | None:
        """Return what the bar and the settings say, the model included; None, and a notice, where that is no run."""
        choices = self.bar.choices()
        if choices.style == OWN_PROMPT and not choices.prompt:
            self.notice.say("run", self.tr("Type what to ask about each photo, then start again."))
            self.bar.prompt.setFocus()
            return None
        try:
            settings = self._settings.preferences().applied_to(choices.run_settings())
        except MqwenError as error:
            self.notice.say("run", told(error))
            return None
        return replace(settings, model=choices.model)

    def start_selected(self) -> None:
        self.before_run.ask(self.grid.selected_paths())

    def cancel(self) -> None:
        if self.captioning.busy():
            self.bar.set_running(True, stopping=True)
            self.captioning.cancel()
            self.footer.show_busy(self.tr("Stopping…"))

    def _run_started(self) -> None:
        self.notice.clear("run")
        self.bar.set_running(True)
        self.failures.set_running(True)
        self.footer.show_pace(self.captioning.pace)
        self._update_actions()

    def _model_loaded(self, where: str, starter: bool) -> None:
        self.bar.model.setToolTip(where)
        if self.captioning.running():
            self.footer.show_pace(self.captioning.pace)
        else:  # a trial, which tells by itself
            self.footer.show_rest()

    def _run_finished(self, ending: Ending) -> None:
        self.bar.set_running(False)
        self.failures.set_running(False)
        self._update_actions()
        self.footer.show_rest(self._ended(ending))
        if ending.how == "failed":
            self.notice.say("run", ending.reason)
        self._show_counts()
        if self.closing.wanted:
            self.close()

    def _trial_finished(self) -> None:
        self.footer.show_rest()
        self._update_actions()
        if self.closing.wanted:
            self.close()

    def _ended(self, ending: Ending) -> str:
        if ending.how == "cancelled":
            return self.tr("Stopped; what was done is kept")
        if ending.how == "failed":
            return ""
        names = {
            "captioned": self.tr("{count} captioned"),
            "skipped": self.tr("{count} had text already"),
            "edited": self.tr("{count} kept as you wrote them"),
            "failed": self.tr("{count} failed"),
        }
        tally = self.captioning.tally
        parts = [text.format(count=QLocale().toString(tally[how])) for how, text in names.items() if tally[how]]
        return self.tr("Finished: {parts}").format(parts=listed(parts)) if parts else ""

    # Editing the list.

    def edit_caption(self) -> None:
        if self.grid.currentIndex().isValid():
            self.grid.edit(self.grid.currentIndex())

    def remove_selected(self) -> None:
        """Take the selected photos from the list and, unless begun, from the run; the files stay."""
        self.grid.commit_edit()
        paths = self.grid.selected_paths()
        self.captioning.withdraw(paths)
        self.photos.remove(paths)

    def show_photo(self, path: Path) -> None:
        """Select a photo in the grid and scroll to it."""
        index = self.photos.index_of(path)
        if index.isValid():
            self.grid.setCurrentIndex(index)
            self.grid.scrollTo(index)
            self.grid.setFocus()

    # Showing.

    def _choose(self) -> None:
        choices = self.bar.choices()
        self._settings.keep_choices(choices)
        self.captioning.set_places(self.sources.paths, choices.write)
        hinted = self.notice.says("starter") or self._settings.starter_hint_seen()
        if choices.model == STARTER and not hinted:
            self.notice.say("starter", self.tr(
                "The starter model knows drawings, not photographs: it shows how MQwen works, and what it says about a "
                "real photo is wrong. For photographs, get a real model."
            ), self.tr("Show the models"))  # fmt: skip
        elif choices.model != STARTER:
            self.notice.clear("starter")

    def _hint_seen(self, key: str) -> None:
        if key == "starter":
            self._settings.keep_starter_hint_seen()

    def _refresh_soon(self) -> None:
        if not self._refresh.isActive():
            self._refresh.start()

    def _show_counts(self) -> None:
        total, done = self.photos.total(), self.photos.count(*HAVE_TEXT)
        number = QLocale().toString
        if self.photos.scanning():
            text = self.tr("Looking for photos: {total} so far").format(total=number(total))
        elif total:
            text = self.tr("{done} of {total} captioned").format(done=number(done), total=number(total))
            if self.photos.filtered():
                text = self.tr("{shown} shown").format(shown=number(self.photos.rowCount())) + " · " + text
        else:
            text = ""
        self.footer.set_summary(text)
        if self.captioning.running() and self.captioning.pace.done and not self.bar.stopping():
            show = self.footer.show_paused if self.captioning.paused() else self.footer.show_pace
            show(self.captioning.pace)
        self._update_actions()

    def _update_actions(self) -> None:
        running, some = self.captioning.busy(), self.photos.rowCount() > 0
        all_known = some and not self.photos.scanning()
        self.bar.set_ready(all_known)
        self.menus.start.setEnabled(all_known and not running)
        self.menus.start_selected.setEnabled(some and not running)
        self.menus.cancel.setEnabled(running)

    # Closing.

    def closeEvent(self, event: QCloseEvent) -> None:
        """Go when nothing would be lost by it; see desktop.closing."""
        if not self.closing.ready():
            event.ignore()
            return
        self._settings.keep_layout(self.saveGeometry(), self.saveState())
        self._settings.keep_column_width(self.footer.size_slider.value())
        self.closing.end_parts()
        if self._catalog is not None:
            self._catalog.close()
        event.accept()

    def close_now(self) -> None:
        """Close without a question; a run stops first, and the next start offers to go on with it."""
        self.closing.now()
