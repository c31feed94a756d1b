"""What the engine says of a failed photo is shown in the window's language, with every file that was meant."""

from __future__ import annotations

from desktop.language import set_language
from desktop.reasons import HINTS, WHAT, shown
from mqwen.errors import ImageError
from mqwen.library.image import read_image
from mqwen.outcome import failed
from tests.desktop.fakes import draw_photos


def test_what_is_listed_is_what_the_engine_says(root):
    said = "".join(path.read_text("utf-8") for path in sorted((root / "mqwen").rglob("*.py")))
    for text in (*WHAT, *HINTS):
        assert f'"{text.removesuffix(" ({reason})")}' in said, f"nothing in mqwen says {text!r} any more"


def reason_for(path) -> str:
    try:
        read_image(path)
    except ImageError as error:
        return failed(path, error).reason or ""
    raise AssertionError(f"{path} can be read")


def test_real_damage_is_told_in_chinese(qapp, tmp_path):
    (whole,) = draw_photos(tmp_path, ["1.jpg"], (640, 480))
    content = whole.read_bytes()
    files = {
        "cut.jpg": content[: len(content) // 2],
        "empty.jpg": b"",
        "zeros.jpg": b"\0" * 4000,
        "text.jpg": b"hello" * 99,
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    english = {name: reason_for(tmp_path / name) for name in (*files, "missing.jpg")}
    assert len(set(english.values())) == 5
    try:
        set_language(qapp, "zh_CN")
        for name, reason in english.items():
            text = shown(reason)
            assert text != reason and not any(word in text for word in ("the ", "it ", "Copy")), (name, text)
        assert shown("the picture is damaged (bad Huffman code). Copy or download it again.") == (
            "图片已损坏（bad Huffman code）。请重新复制或下载。"
        )
        assert shown("something new happened. Do this.") == "something new happened. Do this."
    finally:
        set_language(qapp, "en")
    assert all(shown(reason) == reason for reason in english.values())
