"""While the window paints or takes rows in, scans rest, and go on afterwards."""

from __future__ import annotations

import pytest

from desktop import quiet as quiet_module
from desktop import scanning
from desktop.delegate import PhotoDelegate
from desktop.quiet import quiet
from desktop.scanning import FolderScan
from desktop.sidecars import places
from tests.desktop.fakes import draw_photos


@pytest.fixture
def looked(monkeypatch):
    """The photos that scans have looked at."""
    looked = []
    real = scanning.look

    def look(path, number, targets):
        looked.append(path)
        return real(path, number, targets)

    monkeypatch.setattr(scanning, "look", look)
    return looked


def test_a_scan_rests_until_the_outermost_quiet_ends(qapp, tmp_path, looked, monkeypatch):
    monkeypatch.setattr(quiet_module, "_LONGEST_S", 60)
    photos = draw_photos(tmp_path, ["a.png", "b.png"])
    scan = FolderScan([tmp_path], places([tmp_path], ("txt",)))
    with quiet():
        scan.start()
        with quiet():
            assert not scan.wait(100)
        assert not scan.wait(100)
        assert looked == []
    assert scan.wait(30_000)
    assert looked == photos


def test_a_window_that_is_never_done_does_not_end_a_scan(qapp, tmp_path, looked, monkeypatch):
    monkeypatch.setattr(quiet_module, "_LONGEST_S", 0.01)
    photos = draw_photos(tmp_path, ["a.png", "b.png"])
    scan = FolderScan([tmp_path], places([tmp_path], ("txt",)))
    with quiet():
        scan.start()
        assert scan.wait(30_000)
    assert looked == photos


def test_photos_are_painted_in_quiet(qtbot, window, tmp_path, monkeypatch):
    free = []
    real = PhotoDelegate.paint

    def paint(self, *arguments):
        free.append(quiet_module._free.is_set())
        real(self, *arguments)

    monkeypatch.setattr(PhotoDelegate, "paint", paint)
    draw_photos(tmp_path, ["a.png", "b.png"])
    window.show()
    window.open([tmp_path])
    qtbot.waitUntil(lambda: bool(free))
    assert not any(free)
    qtbot.waitUntil(lambda: not window.photos.scanning())
    assert quiet_module._free.is_set()
