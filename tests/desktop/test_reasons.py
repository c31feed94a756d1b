"""What mqwen says when something goes wrong is shown in the window's language, with every file that was meant."""

from __future__ import annotations

import errno
import json
import os
import re

import pytest
from PySide6.QtWidgets import QMenu

from desktop.language import set_language
from desktop.mnemonics import plain
from desktop.reasons import TEXTS, known, of_a_file, shown, told, unexpected
from desktop.window_hints import IN_THE_WINDOW
from mqwen.errors import CheckpointError, DeviceError, ImageError, MqwenError
from mqwen.hub import find_model
from mqwen.library.image import read_image
from mqwen.model.tensors import read_json
from mqwen.outcome import failed
from tests.desktop.error_texts import GAP, all_strings, said_by_errors
from tests.desktop.fakes import draw_photos

# Who sees these has a command line or writes code: the window imports none of these modules.
_NOT_IN_THE_WINDOW = ("cli/", "bench/", "training/", "engine/cluster.py")
# Of the others, what only a caller of the Python API can bring about, or what says a setting's own name and value.
_FOR_DEVELOPERS = {
    "model/splice.py": "tensors that do not fit together",
    "model/vision.py": "tensors that do not fit together",
    "library/metadata/fields.py": "fields that the caller put together",
    "library/run_rows.py": "rows that the caller put together",
}
_TEXTS_FOR_DEVELOPERS = {
    "batch_size must be at least 1",
    "the conversation has {} images in its turns, and {} were given",
    "there is no question",
    "{} image marker(s) in the prompt, but {} image(s)",
    "{} must be a list of words",
    "a run that is not a dry run needs a captioner",
    "{} is {}",  # a field of a config.json and its value, which have no Chinese name
    "the {} is {}",
    "{} of {} is {}",
    "{} is missing",
}
# Made of parts, and listed whole for each of them.
_OF_PARTS = {"it is {}", "There {}.", "{}.", "it has no config.json{}", "it has no weights that MQwen can read{}"}


# What a user of the window can do nothing with: a command, an option.
_OF_THE_COMMAND_LINE = re.compile(r"`|(?<![\w-])--\w|\b(mqwen|hf|pip) [a-z]+ [a-z]|\b[Cc]ommand\b|命令")


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_no_hint_in_the_window_names_a_command(qapp, root, language):
    said = {one.text for one in said_by_errors(root / "mqwen") if not one.module.startswith(_NOT_IN_THE_WINDOW)}
    assert len([text for text in said if _OF_THE_COMMAND_LINE.search(text)]) > 15, "the command line keeps its own"
    try:
        set_language(qapp, language)
        texts = {shown(text.replace(GAP, "7")) for text in (*said, *TEXTS)}
    finally:
        set_language(qapp, "en")
    assert not [text for text in texts if _OF_THE_COMMAND_LINE.search(text)]


@pytest.mark.parametrize(
    ("language", "place"), [("en", r"\w+(?: > [A-Z]\w+(?: [a-z]\w+)*)+"), ("zh_CN", r"(?<=“)\w+ > [^”]+")]
)
def test_hints_name_the_menus_that_there_are(qapp, make_window, loader, language, place):
    try:
        set_language(qapp, language)
        window = make_window(loader)
        named = {found for text in IN_THE_WINDOW for found in re.findall(place, shown(text))}
    finally:
        set_language(qapp, "en")
    assert len(named) >= 6 and len({found.partition(" > ")[0] for found in named}) == 3
    in_menus = {
        f"{plain(menu.title())} > {plain(action.text()).rstrip('…')}"
        for menu in window.menuBar().findChildren(QMenu)
        for action in menu.actions()
        if action.text()
    }
    for found in named:
        assert any(found.startswith(there) for there in in_menus), found


@pytest.mark.parametrize("package", ["mqwen", "desktop"])
def test_every_error_that_a_user_can_meet_has_its_chinese(qapp, root, package):
    said = said_by_errors(root / package)
    assert len(said) > (300 if package == "mqwen" else 3)
    try:
        set_language(qapp, "zh_CN")
        missing = [
            one
            for one in said
            if one.text != GAP
            and not one.module.startswith(_NOT_IN_THE_WINDOW)
            and one.module not in _FOR_DEVELOPERS
            and one.text not in _TEXTS_FOR_DEVELOPERS | _OF_PARTS
            and not is_chinese(known(one.text.replace(GAP, "7")) or "")
        ]
        assert not missing, "\n".join(f"{package}/{one.module}:{one.line}: {one.text}" for one in missing)
    finally:
        set_language(qapp, "en")


def test_the_exceptions_are_still_raised(root):
    said = said_by_errors(root / "mqwen")
    assert {one.text for one in said} >= _TEXTS_FOR_DEVELOPERS | _OF_PARTS
    assert {one.module for one in said} >= _FOR_DEVELOPERS.keys()


def is_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def test_what_is_listed_is_what_mqwen_says(root):
    said = all_strings(root / "mqwen")
    for text in TEXTS:
        longest = max(re.split(r"\{\w+\}| \(|; ", text), key=len)  # what stands in parentheses may be put in
        assert longest.removeprefix("There ").rstrip(".") in said, f"nothing in mqwen says {text!r} any more"


def test_errors_are_told_in_chinese_with_their_file_and_numbers(qapp, tmp_path):
    refused = CheckpointError("is missing", path=tmp_path, tensor="lm_head.weight", hint="Download it again.")
    memory = DeviceError(
        "the model needs 9.1 GB in float32 and 4.0 GB of main memory are free"
        "; bfloat16, in which it would fit, does not work on this processor",
        hint="Close other programs, or take a smaller model.",
    )
    unknown = MqwenError("something new happened", path=tmp_path, hint="Do this.")
    try:
        set_language(qapp, "zh_CN")
        assert told(refused) == f"{tmp_path}: 张量 lm_head.weight：缺失。请重新下载。"
        assert "9.1 GB" in told(memory) and not re.search("needs|fit|Close", told(memory))
        assert shown("the hub does not answer; again in 4 s") == "Hub 没有响应；4 秒后重试"
        assert of_a_file("/models/a b/model.safetensors: it is missing") == "/models/a b/model.safetensors: 文件缺失"
        assert told(unknown) == f"{tmp_path}: something new happened。Do this."
    finally:
        set_language(qapp, "en")
    for error in (refused, memory, unknown):
        assert told(error) == str(error)


def test_a_real_fault_of_a_model_folder_is_told_in_chinese(qapp, tmp_path):
    (tmp_path / "config.json").write_text("{", "utf-8")
    with pytest.raises(CheckpointError) as caught:
        read_json(tmp_path / "config.json")
    try:
        set_language(qapp, "zh_CN")
        text = told(caught.value)
    finally:
        set_language(qapp, "en")
    assert text != str(caught.value) and text.startswith(f"{tmp_path / 'config.json'}: 已损坏")
    assert "Download" not in text


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
        "book.jpg": b"%PDF-1.7" * 99,
        "new.jxl": b"\xff\x0a" * 99,
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    english = {name: reason_for(tmp_path / name) for name in (*files, "missing.jpg")}
    assert len(set(english.values())) == 7
    try:
        set_language(qapp, "zh_CN")
        for name, reason in english.items():
            text = shown(reason)
            assert text != reason and not any(word in text for word in ("the ", "it ", "a ", "Copy")), (name, text)
        assert shown("the picture is damaged (bad Huffman code). Copy or download it again.") == (
            "图片已损坏（bad Huffman code）。请重新复制或下载。"
        )
        assert shown("something new happened. Do this.") == "something new happened. Do this."
    finally:
        set_language(qapp, "en")
    assert all(shown(reason) == reason for reason in english.values())


@pytest.mark.parametrize(
    "name",
    ["ENOSPC", "EACCES", "EPERM", "EROFS", "ENAMETOOLONG", "ENOENT", "EIO", "EISDIR", "EMFILE", "ENOTDIR", "EEXIST"],
)
def test_what_the_system_says_is_told_in_chinese(qapp, tmp_path, name):
    code = getattr(errno, name)
    error = OSError(code, os.strerror(code), str(tmp_path / "a b.txt"))
    try:
        set_language(qapp, "zh_CN")
        ways = (
            unexpected(error),
            shown(f"it cannot be written ({error.strerror})"),
            told(MqwenError(f"it cannot be read ({error})", path=tmp_path)),
            shown(f"{type(error).__name__}: {error}"),
        )
    finally:
        set_language(qapp, "en")
    for text in ways:
        assert not re.search("[A-Za-z]", text.replace(str(tmp_path / "a b.txt"), "").replace(str(tmp_path), "")), text
    assert str(tmp_path / "a b.txt") in ways[0] and "Errno" not in unexpected(error)


def test_real_words_of_the_system_and_of_python_are_told_in_chinese(qapp, tmp_path):
    said = []
    for act in (
        lambda: (tmp_path / ("x" * 300)).write_text(""),
        lambda: tmp_path.read_bytes(),
        lambda: (tmp_path / "none").read_bytes(),
        lambda: json.loads('{"a" 1}'),
        lambda: b"\xff".decode(),
        lambda: re.compile("(a"),
        lambda: re.compile("[z-a]"),
    ):
        with pytest.raises((OSError, ValueError, re.error)) as caught:
            act()
        said.append(str(caught.value))
    try:
        set_language(qapp, "zh_CN")
        for text in said:
            told_so = shown(f"it is damaged ({text})")
            assert is_chinese(told_so.partition("（")[2]), told_so
            assert not re.search("[a-z]{4}", re.sub(r"/\S+", "", told_so)), told_so
        # Of MqwenError's own and Python's pattern, which both fit, MqwenError's is taken.
        assert shown("it cannot be read (Expecting value: line 1 column 1 (char 0))").startswith("无法读取")
    finally:
        set_language(qapp, "en")
    assert unexpected(ValueError("odd")) == "ValueError: odd"


def test_a_model_that_is_not_here_is_to_be_had_in_the_window(qapp):
    with pytest.raises(CheckpointError) as caught:
        find_model("llava-qwen1.5-4b")
    assert "`mqwen models get" in str(caught.value)
    assert told(caught.value).endswith("Download it: Run > Models, llava-qwen1.5-4b, Download.")
    with pytest.raises(CheckpointError) as caught:
        find_model("nobody/nothing")
    assert told(caught.value).endswith("or download this one: type nobody/nothing in Run > Models.")
