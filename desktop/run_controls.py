"""What goes on around a run: pause, the dock's progress, a word at the end, and killed runs to go on with."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QObject, QTimer, Signal
from PySide6.QtGui import QAction

from desktop.announce import Announcer
from desktop.interrupted import InterruptedRun

if TYPE_CHECKING:
    from desktop.window import MainWindow
    from desktop.worker import Ending

_PROGRESS_MS = 500
_KEY = "interrupted"


class RunControls(QObject):
    """Belongs to a window, whose run menu and notice it uses."""

    _found = Signal(object)  # InterruptedRun

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._to_resume: InterruptedRun | None = None
        self._resuming: InterruptedRun | None = None
        self.announcer = Announcer(window)
        self.pause = QAction(self.tr("&Pause"), self)
        self.pause.setCheckable(True)
        self.pause.setEnabled(False)
        self.pause.setShortcut("Ctrl+P")
        window.menus.run_menu.addAction(self.pause)
        captioning, bar = window.captioning, window.bar
        self.pause.triggered.connect(captioning.set_paused)
        bar.pause_requested.connect(captioning.set_paused)
        bar.try_requested.connect(lambda: window.try_out.open())
        captioning.paused_changed.connect(self._paused)
        captioning.memory_changed.connect(window.footer.show_memory)
        captioning.started.connect(self._started)
        captioning.finished.connect(self._finished)
        self._progress = QTimer(self, interval=_PROGRESS_MS)
        self._progress.timeout.connect(self._show_progress)
        window.notice.action_chosen.connect(self._go_on)
        window.notice.dismissed.connect(self._dismissed)
        window.sources.finished.connect(self._scanned)
        self._found.connect(self._offer)
        QTimer.singleShot(0, self, self._look)

    # A run.

    def _started(self) -> None:
        self.pause.setEnabled(True)
        self._progress.start()
        if self._to_resume is not None:
            self._to_resume = None
            self._window.notice.clear(_KEY)

    def _paused(self, paused: bool) -> None:
        self.pause.setChecked(paused)
        self._window.bar.set_paused(paused)
        if paused:
            self._window.footer.show_paused(self._window.captioning.pace)
        elif self._window.captioning.running():
            self._window.footer.show_pace(self._window.captioning.pace)

    def _show_progress(self) -> None:
        pace = self._window.captioning.pace
        self.announcer.show_progress(pace.done / pace.total if pace.total else 0.0)

    def _finished(self, ending: Ending) -> None:
        self.pause.setEnabled(False)
        self._progress.stop()
        self.announcer.end_progress()
        if ending.how == "cancelled":
            return
        if ending.how == "failed":
            self.announcer.announce(self.tr("The run has stopped"), ending.reason)
            return
        tally, number = self._window.captioning.tally, QLocale().toString
        text = self.tr("{done} captioned, {failed} failed")
        text = text.format(done=number(tally["captioned"]), failed=number(tally["failed"]))
        self.announcer.announce(self.tr("Captioning has finished"), text)

    # A run that was killed.

    def _look(self) -> None:
        """Read what a killed run left in a thread: it may name 100,000 photos."""
        interrupted = self._window.interrupted

        def read() -> None:
            run = interrupted.find()
            if run is not None:
                with suppress(RuntimeError):  # the window has gone
                    self._found.emit(run)

        if interrupted.exists():
            threading.Thread(target=read, name="mqwen-interrupted", daemon=True).start()

    def _offer(self, run: InterruptedRun) -> None:
        if self._window.captioning.busy():
            return
        self._to_resume = run
        where = str(run.sources[0]) if run.sources else str(run.paths[0].parent)
        text = self.tr("A run over %n photo(s) did not come to its end: {where}", "", len(run.paths))
        self._window.notice.say(_KEY, text.format(where=where), self.tr("&Go on with it"), lasting=True)

    def _go_on(self, key: str) -> None:
        if key != _KEY or self._to_resume is None:
            return
        self._resuming, self._to_resume = self._to_resume, None
        self._window.notice.clear(_KEY)
        self._window.open(self._resuming.sources or self._resuming.paths)

    def _scanned(self) -> None:
        run, self._resuming = self._resuming, None
        window = self._window
        # Where something else was opened meanwhile, the next start offers the run again.
        if run is not None and set(window.sources.paths) == set(run.sources or run.paths):
            window.captioning.set_places(window.sources.paths, run.settings.write)
            window.captioning.start(run.paths, run.settings.model, run.settings, window.interrupted)

    def _dismissed(self, key: str) -> None:
        if key == _KEY:
            self._to_resume = None
            self._window.interrupted.forget()
