"""HEIC photos, which an iPhone makes, where pillow-heif is installed: seen, turned, captioned."""

from __future__ import annotations

import pytest
from PIL import Image

from desktop.pictures import WHOLE, read_picture
from desktop.thumbnails import read_thumbnail
from mqwen.library.image import read_image, taken_at, undecodable
from mqwen.library.scan import scan
from tests.desktop.fakes import text_for

pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif (mqwen[heif]) is not installed")

_ORIENTATION, _DATE = 0x112, 0x132


@pytest.fixture
def turned(tmp_path):
    """A picture 320 wide and 200 high, red in its upper left quarter, to be turned by 90 degrees to the right."""
    picture = Image.new("RGB", (320, 200), (20, 60, 200))
    picture.paste((220, 30, 30), (0, 0, 160, 100))
    exif = Image.Exif()
    exif[_ORIENTATION], exif[_DATE] = 6, "2020:01:02 03:04:05"
    path = tmp_path / "in" / "IMG_1.HEIC"
    path.parent.mkdir()
    pillow_heif.from_pillow(picture).save(path, quality=90, exif=exif.tobytes())
    assert b"irot" in path.read_bytes()
    return path


def is_red(red, green, blue):
    return red > 180 and green < 90 and blue < 90


def test_it_is_read_upright_with_its_date(turned):
    picture = read_image(turned)
    assert picture.size == (200, 320)
    assert is_red(*picture.getpixel((190, 10))) and not is_red(*picture.getpixel((10, 10)))
    taken = taken_at(turned)
    assert taken is not None and taken.year == 2020
    assert undecodable(turned) is None and list(scan([turned.parent])) == [turned]


def test_thumbnail_and_preview_are_upright(qapp, turned):
    small = read_thumbnail(turned, 64)
    assert (small.width(), small.height()) == (40, 64)
    whole = read_picture(turned, WHOLE)
    assert (whole.size.width(), whole.size.height()) == (200, 320)
    for image in (small, whole.image):
        right = image.pixelColor(image.width() - 4, 4)
        left = image.pixelColor(4, 4)
        assert is_red(right.red(), right.green(), right.blue()) and not is_red(left.red(), left.green(), left.blue())


def test_it_is_captioned_in_the_window(qtbot, window, open_folder, turned):
    open_folder(window, turned.parent, 1)
    qtbot.waitUntil(lambda: window.thumbnails.pixmap(turned) is not None)
    assert window.thumbnails.pixmap(turned).height() > window.thumbnails.pixmap(turned).width()
    with qtbot.waitSignal(window.captioning.finished):
        window.start()
    assert turned.with_suffix(".txt").read_text("utf-8") == text_for(turned)
    assert window.photos.photo(turned).caption == text_for(turned)
