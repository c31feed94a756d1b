"""Models in the menu: does what the models dialog is asked for, one thing at a time, in a thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFileDialog, QMessageBox

from desktop import model_work
from desktop.reasons import of_a_file, told
from desktop.task import Task
from mqwen.hub import known_model
from mqwen.resources import resources_path
from mqwen.run_settings import RunSettings

if TYPE_CHECKING:
    from desktop.consent import ConsentDialog
    from desktop.models_dialog import ModelsDialog
    from desktop.parts_dialog import PartsDialog
    from desktop.window import MainWindow
    from mqwen.hub.remote import Offer
    from mqwen.hub.verify import Verified


class ModelsPart(QObject):
    """Belongs to a window, whose run menu it enters."""

    idle = Signal()  # what was being done has ended

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._task: Task | None = None
        self._looking: Task | None = None
        self._look_again = False
        self._testing = ""
        self._last_words = ""
        self.dialog: ModelsDialog | None = None
        self.consent: ConsentDialog | None = None
        self.parts: PartsDialog | None = None
        self.question: QMessageBox | None = None
        self.action = QAction(self.tr("&Models…"), self)
        self.action.setShortcut(QKeySequence("Ctrl+M"))
        self.action.triggered.connect(self.open)
        window.menus.run_menu.addSeparator()
        window.menus.run_menu.addAction(self.action)
        window.notice.action_chosen.connect(lambda key: self.open() if key == "starter" else None)
        window.captioning.started.connect(lambda: self._set_running(True))
        window.captioning.finished.connect(lambda _: self._set_running(False))
        window.captioning.tried.connect(self._tested)
        window.captioning.try_finished.connect(self._test_finished)

    def open(self) -> None:
        """Show the dialog."""
        if self.dialog is None:
            from desktop.models_dialog import ModelsDialog

            dialog = ModelsDialog(self._window)
            self.dialog = dialog
            dialog.get_requested.connect(self.get)
            dialog.use_requested.connect(self.use)
            dialog.test_requested.connect(self.test)
            dialog.check_requested.connect(self.check)
            dialog.remove_requested.connect(self.ask_to_remove)
            dialog.folder_requested.connect(self.choose_folder)
            dialog.parts_requested.connect(self.choose_parts)
            dialog.unload_requested.connect(self._unload)
            dialog.cancel_requested.connect(self.cancel)
        self.dialog.set_running(self._window.captioning.busy())
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()
        self.look()

    def close(self) -> None:
        """Stop what is being done and wait for it; a download goes on the next time."""
        self._look_again = False
        for task in (self._task, self._looking):
            if task is not None:
                task.stop()
                task.wait()

    def look(self) -> None:
        """Make the list anew, beside whatever is being done."""
        if self._looking is not None:
            self._look_again = True
            return
        self._looking, self._look_again = Task(model_work.look, self), False
        self._looking.progressed.connect(self._show)
        self._looking.done.connect(self._show)
        self._looking.failed.connect(lambda error: self._say(told(error)))
        self._looking.finished.connect(self._looked)
        self._looking.start()

    def _looked(self) -> None:
        if self._looking is not None:
            self._looking.deleteLater()
            self._looking = None
        if self._look_again:
            self.look()

    def get(self, name: str) -> None:
        """Ask the hub what a download would bring, then the user, then bring it."""
        known = known_model(name)
        if known is not None and known.kind == "parts":
            self._ask_parts(adapter_only=True, then=lambda parts: self._ask_hub(name, parts.adapter))
        else:
            self._ask_hub(name, None)

    def _ask_hub(self, name: str, adapter: Path | None) -> None:
        text = self.tr("Asking the hub about {name}…").format(name=name)
        self._do(model_work.ask_hub(name), lambda offers: self._ask_user(name, offers, adapter), text)

    def _ask_user(self, name: str, offers: list[Offer], adapter: Path | None) -> None:
        from desktop.consent import ConsentDialog

        consent = self.consent = ConsentDialog(offers, self.dialog)
        consent.accepted.connect(lambda: self._bring(name, offers, adapter))
        consent.finished.connect(self._asked)
        consent.open()

    def _asked(self) -> None:
        if self.consent is not None:
            self.consent.deleteLater()
            self.consent = None

    def _bring(self, name: str, offers: list[Offer], adapter: Path | None) -> None:
        text = self.tr("Downloading {name}…").format(name=name)
        done = self.tr("{name} is here, and every file is verified.").format(name=name)
        stopped = self.tr("Stopped. What has come is kept: the download goes on from there.")
        self._do(model_work.bring(name, offers, adapter), lambda _: self._changed(done), text, stopped=stopped)

    def use(self, name: str) -> None:
        """Choose a model for the next runs."""
        self._window.bar.set_model(name)
        if self.dialog is not None:
            self.dialog.close()

    def check(self, name: str) -> None:
        def tell(found: Verified) -> None:
            if found.problems:
                self._say("\n".join(map(of_a_file, found.problems)))
            elif found.revision:
                text = self.tr("{name} is whole: every file is as it was downloaded.")
                self._say(text.format(name=name))
            else:
                self._say(self.tr("{name} is whole: every tensor is there and readable.").format(name=name))

        self._do(model_work.check(name), tell, self.tr("Verifying {name}…").format(name=name))

    def ask_to_remove(self, name: str) -> None:
        text = self.tr("Delete {name} from this machine?").format(name=name)
        standard = QMessageBox.StandardButton
        box = QMessageBox(QMessageBox.Icon.Question, self.tr("Models"), text, parent=self.dialog)
        remove = box.addButton(self.tr("&Delete"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(standard.Cancel)
        box.setDefaultButton(standard.Cancel)
        box.buttonClicked.connect(lambda button: self.remove(name) if button is remove else None)
        box.finished.connect(box.deleteLater)
        self.question = box
        box.open()

    def remove(self, name: str) -> None:
        """Delete a model, which is unloaded first."""
        self._unload(quietly=True)

        def tell(freed: int) -> None:
            size = self.dialog.words.size(freed) if self.dialog else str(freed)
            self._changed(self.tr("{size} are free again.").format(size=size))

        self._do(model_work.remove(name), tell, self.tr("Deleting {name}…").format(name=name), can_cancel=False)

    def choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self.dialog, self.tr("Choose a model folder"))
        if folder:
            self.add_folder(Path(folder))

    def add_folder(self, folder: Path) -> None:
        """Use a model where it lies, if it is one."""

        def take(found: Path) -> None:
            self._window.bar.set_model(str(found))
            self._say(self.tr("{folder} is a model, and is chosen for the next runs.").format(folder=found.name))

        self._do(model_work.inspect(folder), take, self.tr("Looking at {folder}…").format(folder=folder.name))

    def choose_parts(self) -> None:
        def join(parts: PartsDialog) -> None:
            self.join(parts.language_model, parts.vision_tower, parts.adapter, parts.name)

        self._ask_parts(adapter_only=False, then=join)

    def join(self, language_model: Path, vision_tower: Path, adapter: Path, name: str) -> None:
        """Make one model of the original recipe's three folders."""
        work = model_work.join(language_model, vision_tower, adapter, name)
        done = self.tr("{name} is made.").format(name=name)
        self._do(work, lambda _: self._changed(done, name), self.tr("Joining the parts…"))

    def _ask_parts(self, *, adapter_only: bool, then: Callable[[PartsDialog], None]) -> None:
        from desktop.parts_dialog import PartsDialog

        parts = PartsDialog(adapter_only=adapter_only, parent=self.dialog)
        self.parts = parts
        parts.accepted.connect(lambda: then(parts))
        parts.finished.connect(parts.deleteLater)
        parts.open()

    # Testing goes through the worker, which owns the only model that is loaded.

    def test(self, name: str) -> None:
        """Load a model and caption a sample picture with it; nothing is written."""
        if self._window.captioning.busy() or self.dialog is None:
            return
        self._testing, self._last_words = name, ""
        self.dialog.set_busy(True, self.tr("Loading {name} and captioning a sample picture…").format(name=name))
        sample = resources_path() / "samples" / "scene-01.jpg"
        settings = self._window.settings_part.applied_to(
            RunSettings(write=("none",), language=self._window.bar.choices().language, max_new_tokens=64)
        )
        self._window.captioning.try_out([sample], name, settings)

    def _tested(self, path: Path, caption: str, reason: str) -> None:
        if self._testing:
            self._last_words = self.tr("It says: {caption}").format(caption=caption) if caption else reason

    def _test_finished(self, ending: Any) -> None:
        if not self._testing:
            return
        name, self._testing = self._testing, ""
        if ending.how == "failed":
            text = self.tr("{name} does not work here: {reason}").format(name=name, reason=ending.reason)
        elif ending.how == "cancelled":
            text = self.tr("Stopped")
        else:
            text = self.tr("{name} works. {words}").format(name=name, words=self._last_words)
        if self.dialog is not None:
            self.dialog.set_busy(False, text)
        self.idle.emit()

    def _unload(self, quietly: bool = False) -> None:
        self._window.captioning.unload()
        if not quietly:
            self._say(self.tr("The model's memory is free; the next run loads it again."))

    def _set_running(self, running: bool) -> None:
        if self.dialog is not None:
            self.dialog.set_running(running)

    # One thing at a time.

    def cancel(self) -> None:
        """Stop what is being done."""
        if self.dialog is not None:
            self.dialog.cancel.setEnabled(False)
        if self._testing:
            self._window.captioning.cancel()
        if self._task is not None:
            self._task.stop()

    def idle_now(self) -> bool:
        """Say whether nothing is being done or looked up."""
        return self._looking is None and not self.busy()

    def busy(self) -> bool:
        return self._task is not None or bool(self._testing)

    def _do(
        self,
        work: Callable[[Task], Any],
        then: Callable[[Any], object],
        text: str,
        *,
        stopped: str = "",
        can_cancel: bool = True,
    ) -> None:
        if self.busy() or self.dialog is None:
            return
        dialog, task = self.dialog, Task(work, self)
        self._task = task
        dialog.set_busy(True, text, can_cancel=can_cancel)

        def end(says: str, then: Callable[[], object] = lambda: None) -> None:
            task.wait()
            task.deleteLater()
            self._task = None
            dialog.set_busy(False, says)
            then()
            if self._task is None:
                self.idle.emit()

        task.progressed.connect(dialog.show_progress)
        task.done.connect(lambda result: end("", lambda: then(result)))
        task.failed.connect(lambda error: end(told(error)))
        task.cancelled.connect(lambda: end(stopped or self.tr("Stopped")))
        task.start()

    def _show(self, seen: model_work.Seen) -> None:
        if self.dialog is not None:
            self.dialog.show_models(seen)

    def _changed(self, text: str, chosen: str | None = None) -> None:
        """Show the list anew, say what was done, and offer the model to the next runs."""
        self._window.bar.refresh_models()
        self._say(text)
        self.look()
        if chosen is not None and self.dialog is not None:
            self.dialog.choose(chosen)

    def _say(self, text: str) -> None:
        if self.dialog is not None:
            self.dialog.say(text)
