"""Thumbnails: upright, of every format that can be read, only for what is in sight, within a limit."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtGui import QImage

from desktop import thumbnails as module
from desktop.thumbnails import Thumbnails, read_thumbnail
from tests.desktop.fakes import draw_photos


def colour(image: QImage, x: float, y: float) -> tuple[int, int, int]:
    pixel = image.pixelColor(round(x * (image.width() - 1)), round(y * (image.height() - 1)))
    return pixel.red(), pixel.green(), pixel.blue()


def near(found: tuple[int, int, int], wanted: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 40 for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_turns_pictures_upright(qtbot, tmp_path, suffix):
    picture = Image.new("RGB", (400, 200), (255, 0, 0))
    picture.paste((0, 0, 255), (200, 0, 400, 200))
    exif = Image.Exif()
    exif[274] = 6  # turned: the stored left is the top
    path = tmp_path / f"turned{suffix}"
    picture.save(path, exif=exif)
    image = read_thumbnail(path, 100)
    assert (image.width(), image.height()) == (50, 100)
    assert near(colour(image, 0.5, 0.1), (255, 0, 0)) and near(colour(image, 0.5, 0.9), (0, 0, 255))


def test_the_content_decides_not_the_suffix(qtbot, tmp_path):
    Image.new("RGB", (300, 300), (0, 200, 0)).save(tmp_path / "really.png")
    path = (tmp_path / "really.png").rename(tmp_path / "named.jpg")
    assert near(colour(read_thumbnail(path, 64), 0.5, 0.5), (0, 200, 0))


STARTS = """
import sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
from desktop.thumbnails import Thumbnails
sys.setswitchinterval(1e-6)
app = QApplication([])
thumbnails, left = Thumbnails(edge=32), {Path(name) for name in sys.argv[1:]}
def come(path):
    left.discard(path)
    if not left:
        app.quit()
thumbnails.ready.connect(come)
for path in sorted(left):
    thumbnails.pixmap(path)
app.exec()
thumbnails.close()
"""


def test_both_threads_may_read_their_first_picture_at_once(tmp_path):
    """PySide makes its classes at their first use, which must not be in two threads: one start in nine crashed."""
    paths = [str(tmp_path / name) for name in ("1.jpg", "2.jpg", "3.png", "4.png")]
    for path in paths:
        Image.new("RGB", (90, 60), (10, 200, 30)).save(path)
    for _ in range(8):
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", STARTS, *paths], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def test_does_not_enlarge_small_pictures(qtbot, tmp_path):
    [path] = draw_photos(tmp_path, ["small.png"], (20, 10))
    assert read_thumbnail(path, 256).size().toTuple() == (20, 10)


def test_very_long_pictures_keep_at_least_a_pixel(qtbot, tmp_path):
    [path] = draw_photos(tmp_path, ["long.png"], (4000, 3))
    assert read_thumbnail(path, 100).size().toTuple() == (100, 1)


def test_what_cannot_be_read_is_shown_as_such(qtbot, tmp_path):
    [whole] = draw_photos(tmp_path, ["whole.jpg"], (900, 700))
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 20)
    thumbnails = Thumbnails()
    for name in ("empty.jpg", "text.jpg", "cut.png", "missing.jpg"):
        with qtbot.waitSignal(thumbnails.ready):
            assert thumbnails.pixmap(tmp_path / name) is None
        assert thumbnails.pixmap(tmp_path / name).isNull()
    with qtbot.waitSignal(thumbnails.ready):
        thumbnails.pixmap(whole)
    assert not thumbnails.pixmap(whole).isNull()
    thumbnails.close()


@pytest.mark.qt_log_ignore("JPEG", extend=True)
def test_every_awkward_photo_gives_a_picture_or_an_empty_tile(qtbot, photos_folder):
    shown = {}
    for path in sorted(photos_folder.rglob("*.*")):
        if path.suffix != ".txt":
            image = read_thumbnail(path, 128)
            assert image.isNull() or max(image.width(), image.height()) <= 128
            shown[path.name] = not image.isNull()
    assert shown["cmyk.jpg"] and shown["plain.avif"] and shown["hopper_bigtiff.tif"] and shown["sugarshack.mpo"]
    assert sum(shown.values()) >= 45


def test_decodes_in_two_other_threads_and_keeps_to_its_limit(qtbot, tmp_path, monkeypatch):
    paths = draw_photos(tmp_path, [f"{n}.png" for n in range(12)], (100, 100))
    threads = set()

    def spy(path: Path, edge: int) -> QImage:
        threads.add(threading.get_ident())
        return read_thumbnail(path, edge)

    monkeypatch.setattr(module, "read_thumbnail", spy)
    thumbnails = Thumbnails(edge=64, cache_bytes=5 * 64 * 64 * 4)
    for path in paths:
        assert thumbnails.pixmap(path) is None
    qtbot.waitUntil(lambda: thumbnails.cached() == 5)
    assert threading.get_ident() not in threads and len(threads) <= 2
    qtbot.waitUntil(lambda: thumbnails.pixmap(paths[-1]) is not None)
    thumbnails.close()


def test_drops_what_has_been_scrolled_past(qtbot, tmp_path, monkeypatch):
    paths = draw_photos(tmp_path, [f"{n}.png" for n in range(40)])
    gate = threading.Event()
    read: list[Path] = []

    def slow(path: Path, edge: int) -> QImage:
        gate.wait(20)
        read.append(path)
        return QImage(8, 8, QImage.Format.Format_RGB32)

    monkeypatch.setattr(module, "read_thumbnail", slow)
    thumbnails = Thumbnails()
    for path in paths:
        thumbnails.pixmap(path)
    thumbnails.retain(paths[-3:])
    gate.set()
    qtbot.waitUntil(lambda: thumbnails.pixmap(paths[-1]) is not None)
    thumbnails.close()
    assert set(read) - set(paths[:2]) == set(paths[-3:])


def test_another_size_is_decoded_again(qtbot, tmp_path):
    [path] = draw_photos(tmp_path, ["a.png"], (800, 800))
    thumbnails = Thumbnails(edge=64)
    for edge in (64, 256):
        thumbnails.set_edge(edge)
        qtbot.waitUntil(lambda: thumbnails.pixmap(path) is not None)
        assert thumbnails.pixmap(path).width() == edge
    thumbnails.close()
