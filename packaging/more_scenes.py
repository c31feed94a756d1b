"""What packaging/screenshots.py --all takes besides: what users see less often, to be looked at before a release."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from live import Scenes, dialogs, until, wait
from PySide6.QtCore import QEventLoop, QLocale, QTimer  # noqa: TID251 - not the engine
from PySide6.QtGui import QPixmap  # noqa: TID251

if TYPE_CHECKING:
    from desktop.window import MainWindow


def more_scenes(window: MainWindow, folder: Path) -> Scenes:
    """Yield name and widget of each picture; what a run left is there already."""
    (folder / "scanned 0147, the second half is missing.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00")
    window.filtering.set_text("")
    window.reload()
    until(lambda: not window.photos.scanning() and not window.filtering.searching())
    yield from _the_bar(window)
    yield from _a_run(window)
    yield from _the_photos(window)
    yield from _words(window)
    yield from dialogs(window, _dialogs(window))
    yield from _settings(window)
    yield from _a_download(window)


def _the_bar(window: MainWindow) -> Scenes:
    window.notice.show()
    window.bar.style_.setCurrentIndex(window.bar.style_.findData("own"))
    window.bar.prompt.setText("Describe {name} for somebody who cannot see it, and mention {existing}.")
    window.bar.write.choose("txt", "xmp", "jsonl")
    wait(300)
    yield "prompt", window
    menus = {"file": window.menus.file_menu, "edit": window.menus.edit_menu, "view": window.menus.view_menu}
    menus |= {"run": window.menus.run_menu, "write": window.bar.write.menu()}
    for name, menu in menus.items():
        menu.popup(window.mapToGlobal(window.rect().topLeft()))
        wait(100)
        yield f"menu-{name}", menu
        menu.close()
    window.notice.hide()
    window.bar.style_.setCurrentIndex(0)
    window.bar.write.choose("txt")


def _a_run(window: MainWindow) -> Scenes:
    window.bar.existing.setCurrentIndex(window.bar.existing.findData("overwrite-all"))
    window.preview.open()
    yield "streaming", _streaming(window)
    until(lambda: not window.captioning.busy())
    window.preview.leave()
    window.start()
    until(lambda: window.captioning.pace.done >= 4)
    wait(150)
    yield "running", window
    window.captioning.set_paused(True)
    wait(600)
    yield "paused", window
    yield from dialogs(window, {"leaving": window.leaving.ask})
    window.captioning.set_paused(False)
    until(lambda: not window.captioning.busy())
    window.failures.show()
    wait(300)
    yield "failures", window
    window.failures.hide()


def _streaming(window: MainWindow) -> QPixmap:
    """Start a run, and return the window while a part of a caption is there in the preview."""
    loop = QEventLoop()
    seen: dict[Path, QPixmap] = {}

    def take(path: Path, text: str) -> None:
        if not seen:
            window.show_photo(path)
            seen[path] = window.grab()
        elif path in seen:
            seen[path] = window.grab()
            loop.quit()

    window.captioning.caption_streamed.connect(take)
    window.captioning.finished.connect(loop.quit)
    QTimer.singleShot(20_000, loop.quit)
    window.start()
    loop.exec()
    window.captioning.caption_streamed.disconnect(take)
    return next(iter(seen.values()), window.grab())


def _the_photos(window: MainWindow) -> Scenes:
    window.filtering.bar.list.click()
    wait(600)
    yield "list", window
    window.filtering.bar.grid.click()
    for name, text in (("no-hit", "zebra"), ("wrong-filter", "taken:soon"), ("unfiltered", "")):
        window.filtering.set_text(text)
        until(lambda: not window.filtering.searching())
        wait(300)
        yield name, window
    window.grid.setCurrentIndex(window.photos.index(0))
    window.preview.open()
    wait(600)
    yield "preview", window
    window.preview.view.zoom_to(4.0)
    wait(600)
    yield "preview-zoomed", window
    window.preview.leave()


def _words(window: MainWindow) -> Scenes:
    window.grid.setCurrentIndex(window.photos.index(4))
    wait(600)
    window.editor.keywords.add("drawing, yellow, something with a name that is longer than the list is wide")
    window.editor.alt_text.setPlainText("A drawing. " * 14)
    wait(600)
    yield "words", window
    window.grid.selectAll()
    wait(800)
    yield "words-several", window
    window.editor.alt_text.setPlainText("A drawing.")
    window.grid.setCurrentIndex(window.photos.index(0))
    wait(600)
    yield "draft", window
    window.edit_caption()
    wait(300)
    yield "caption-edited", window
    window.grid.commit_edit()
    window.editor.drafts.discard.click()


def _dialogs(window: MainWindow) -> dict[str, Callable[[], object]]:
    def replace() -> None:
        window.replacing.replace.trigger()
        chinese = QLocale().language() == QLocale.Language.Chinese
        window.replacing.replace_dialog.sought.setText("背景" if chinese else "background")
        window.replacing.replace_dialog.by.setText("墙" if chinese else "wall")

    def try_out() -> None:
        window.grid.clearSelection()
        window.try_out.open()
        until(lambda: not window.captioning.busy())

    return {
        "replace": replace,
        "affix": window.replacing.affix.trigger,
        "trial": try_out,
        "export": window.export.ask,
        "filter-help": window.filtering.show_help,
        "log": window.trouble.show_log,
    }


def _settings(window: MainWindow) -> Scenes:
    window.settings_part.open()
    dialog = window.settings_part.dialog
    assert dialog is not None
    for page, name in ((0, "window"), (2, "files"), (3, "shortcuts")):
        dialog.tabs.setCurrentIndex(page)
        wait(300)
        yield f"settings-{name}", dialog
    dialog.reject()


def _a_download(window: MainWindow) -> Scenes:
    from desktop.consent import ConsentDialog
    from desktop.parts_dialog import PartsDialog
    from mqwen.hub.meter import DownloadState
    from mqwen.hub.remote import Offer

    window.models_part.open()
    until(window.models_part.idle_now)
    dialog = window.models_part.dialog
    assert dialog is not None
    dialog.set_busy(True)
    dialog.show_progress(DownloadState("downloading", "model.safetensors", 3_200_000_000, 8_500_000_000, 9.1e6))
    wait(300)
    yield "download", dialog
    dialog.set_busy(False)
    offer = Offer("somebody/a-model", "c" * 40, "llava", (), "cc-by-nc-4.0", (), True, Path("/"))
    for name, child in (("consent", ConsentDialog([offer], dialog)), ("parts", PartsDialog(parent=dialog))):
        child.open()
        wait(300)
        yield name, child
        child.reject()
    dialog.close()
