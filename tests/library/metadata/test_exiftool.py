"""The user's ExifTool: a real process, kept running. Set MQWEN_TEST_EXIFTOOL to an ExifTool >= 13 to try it too.

Debian's 12.57 speaks the same protocol; the gate is lowered for it where only the protocol is tested.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from mqwen.errors import InputError
from mqwen.library.metadata.blocks import Refusal
from mqwen.library.metadata.commit import commit
from mqwen.library.metadata.exiftool import MINIMUM, ExifTool
from mqwen.library.metadata.exiftool_process import ExifToolProcesses
from mqwen.library.metadata.fields import Edit, Provenance
from mqwen.library.metadata.plan import plan_embed, plan_strip, read_photo

COMMAND = os.environ.get("MQWEN_TEST_EXIFTOOL") or shutil.which("exiftool")
EDIT = Edit(caption='Two\nlines, "quotes", \\n, # and 狗', keywords=("007", "true", "-x"), provenance=Provenance("m"))

pytestmark = pytest.mark.skipif(COMMAND is None, reason="exiftool is not installed")


@pytest.fixture(scope="module")
def exiftool() -> Iterator[ExifTool]:
    """The newest there is."""
    assert COMMAND
    tool = ExifTool(COMMAND, minimum=(12, 0))
    yield tool
    tool.close()


def test_an_old_one_is_not_used() -> None:
    assert COMMAND
    version = ExifTool(COMMAND, minimum=(0, 0)).version
    with pytest.raises(InputError, match=rf"ExifTool {re.escape(version)} at .* is too old: 99\.0 or newer"):
        ExifTool(COMMAND, minimum=(99, 0))
    if tuple(map(int, version.split("."))) < MINIMUM:
        with pytest.raises(InputError, match=r"too old: 13\.0"):
            ExifTool(COMMAND)


def test_a_missing_one_is_said() -> None:
    with pytest.raises(InputError, match="not installed"):
        ExifTool("no-such-exiftool")
    with pytest.raises(InputError, match="does not start"):
        ExifTool(shutil.which("false") or "false")


def test_a_gif_is_written_proved_and_stripped(tmp_path: Path, exiftool: ExifTool) -> None:
    photo = tmp_path / "狗 anim.gif"
    frames = [Image.new("P", (20, 10), shade) for shade in (3, 90, 200)]
    frames[0].save(photo, save_all=True, append_images=frames[1:], duration=50)
    before = photo.read_bytes()
    assert [change.path.name for change in plan_embed(photo, EDIT)] == ["狗 anim.gif.xmp"]  # without ExifTool
    (change,) = plan_embed(photo, EDIT, exiftool=exiftool)
    assert (change.path, change.before, change.reason) == (photo, before, None)
    assert photo.read_bytes() == before
    assert change.after is not None
    commit(photo, change.after, change.stat_at_read)
    found = read_photo(photo, exiftool=exiftool)[photo]
    assert (found.caption, found.keywords) == (EDIT.caption, EDIT.keywords)
    assert found.machine == {"caption", "keywords", "caption_writer"}
    assert plan_embed(photo, EDIT, exiftool=exiftool) == []
    (change,) = plan_strip(photo, exiftool=exiftool)
    assert change.after == before


def test_what_it_refuses_has_a_sidecar_with_its_reason(tmp_path: Path, exiftool: ExifTool) -> None:
    photo = tmp_path / "broken.gif"
    photo.write_bytes(b"GIF89a" + bytes(5))
    (change,) = plan_embed(photo, EDIT, exiftool=exiftool)
    assert change.path.name == "broken.gif.xmp"
    assert change.reason == "ExifTool does not read it (File format error)"


@pytest.mark.parametrize("name", ["plain.heic", "plain.avif", "L_exif_xmp_iptc.heic", "anim.gif", "plain.jxl"])
def test_photos(tmp_path: Path, photos_folder: Path, exiftool: ExifTool, name: str) -> None:
    if not os.environ.get("MQWEN_TEST_EXIFTOOL"):
        pytest.skip("set MQWEN_TEST_EXIFTOOL to an ExifTool >= 13")
    photo = tmp_path / name
    shutil.copyfile(next(photos_folder.rglob(name)), photo)
    (change,) = plan_embed(photo, EDIT, exiftool=exiftool)
    if name == "plain.jxl":  # a bare codestream would have to be wrapped, which ExifTool does with -m only
        assert change.reason and "wrap" in change.reason
        return
    assert change.path == photo and change.after is not None
    commit(photo, change.after, change.stat_at_read)
    assert read_photo(photo, exiftool=exiftool)[photo].caption == EDIT.caption
    assert plan_embed(photo, EDIT, exiftool=exiftool) == []


def test_threads_have_a_process_each_and_get_their_own_answers(tmp_path: Path) -> None:
    assert COMMAND
    wrong: list[object] = []
    with ExifToolProcesses(COMMAND, (0, 0)) as processes:

        def ask(number: int) -> None:
            path = tmp_path / f"{number}.gif"
            Image.new("P", (number + 1, 5)).save(path)
            for _ in range(3):
                output, messages = processes.run("-s3", "-ImageWidth", str(path))
                if (output.strip(), messages) != (str(number + 1).encode(), ""):
                    wrong.append((number, output, messages))
            _, messages = processes.run("-s3", "-ImageWidth", str(tmp_path / f"missing-{number}"))
            if f"missing-{number}" not in messages:
                wrong.append(messages)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_process_that_dies_is_replaced(tmp_path: Path) -> None:
    fake = tmp_path / "exiftool"
    fake.write_text('#!/bin/sh\nif [ "$3" = "-ver" ]; then echo 13.0; else exit 1; fi\n')
    fake.chmod(0o755)
    with ExifToolProcesses(str(fake), MINIMUM) as processes:
        for _ in range(2):
            with pytest.raises(Refusal, match="stopped working"):
                processes.run("-s3", "-ImageWidth", "x")
