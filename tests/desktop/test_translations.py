"""The two languages are whole: every text of desktop/, its placeholders, its mnemonics, its plurals; Qt's own, too."""

from __future__ import annotations

import importlib.util
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from types import ModuleType

import pytest
from PySide6.QtCore import QCoreApplication, QLocale
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog, QLabel, QMessageBox

from desktop.language import set_language
from desktop.listed import listed
from tests.desktop.test_texts import texts, tool

FIELD = re.compile(r"\{\w*\}|%L?n|\\.")


@pytest.fixture(scope="module")
def translations(root) -> ModuleType:
    """packaging/translations.py."""
    tool("pyside6-lupdate")
    spec = importlib.util.spec_from_file_location("translations", root / "packaging" / "translations.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def messages(translations, name: str) -> Iterator[tuple[str, str, list[str]]]:
    """Yield context, text and its translations, one for each plural form."""
    for context in ElementTree.parse(translations.FOLDER / name).iter("context"):
        for message in context.iter("message"):
            translation = message.find("translation")
            forms = translation.findall("numerusform") or [translation]
            yield context.findtext("name"), message.findtext("source"), [form.text or "" for form in forms]


def test_no_text_of_the_app_is_untranslated(translations, tmp_path):
    assert translations.untranslated(tmp_path) == [], "translate them, then run packaging/translations.py"


@pytest.mark.parametrize("name", ["mqwen_zh_CN", "mqwen_en"])
def test_what_the_app_loads_is_what_was_translated(translations, tmp_path, name):
    fresh = tmp_path / "fresh.qm"
    translations._tool("lrelease", "-silent", str(translations.FOLDER / f"{name}.ts"), "-qm", str(fresh))
    assert fresh.read_bytes() == (translations.FOLDER / f"{name}.qm").read_bytes(), "run packaging/translations.py"


def test_lists_are_joined_as_the_language_does(qapp):
    names = ["1.png", "", "2.png", "3.png", "4.png"]
    try:
        for language, between in (("en", ", "), ("zh_CN", "、")):
            set_language(qapp, language)
            assert listed(names) == between.join(["1.png", "2.png", "3.png", "4.png"])
            assert listed(names, 2) == between.join(["1.png", "2.png", "…"])
    finally:
        set_language(qapp, "en")


def test_placeholders_and_mnemonics_survive(translations):
    for context, source, forms in messages(translations, "mqwen_zh_CN.ts"):
        for text in forms:
            where = f"{context}: {source!r} -> {text!r}"
            assert sorted(FIELD.findall(source)) == sorted(FIELD.findall(text)), where
            letters = [re.search(r"&(\w)", line.replace("&&", "")) for line in (source, text)]
            assert bool(letters[0]) == bool(letters[1]), f"a mnemonic was lost or found: {where}"
            if letters[0]:
                assert letters[0][1].lower() == letters[1][1].lower(), where
            assert source.endswith("…") <= ("…" in text), where


def test_plurals_are_right_in_both_languages(qapp, translations):
    plural = [(context, source) for context, source, _ in messages(translations, "mqwen_en.ts")]
    assert len(plural) > 10
    try:
        for language, wrong in (("en", r"\(s\)|\b1 \w+s\b"), ("zh_CN", r"\(s\)|[a-z]{3,} [a-z]{3,}")):
            set_language(qapp, language)
            for context, source in plural:
                one, many = (QCoreApplication.translate(context, source, "", count) for count in (1, 5))
                assert "(s)" not in one + many and not re.search(wrong, one), (language, one)
                assert one.replace("1", "5", 1) != many or language == "zh_CN" or "(s)" not in source, (one, many)
    finally:
        set_language(qapp, "en")


def test_the_whole_window_speaks_chinese_qt_included(qapp, qtbot, make_window, loader):
    set_language(qapp, "zh_CN")
    try:
        window = make_window(loader)
        own = {"English", "XMP", "MQwen", "starter", "CLIP"}
        bare = {
            text
            for text in texts(window)
            if re.search(r"[A-Za-z]{3,}", text) and not re.search(r"[\u4e00-\u9fff]", text) and text not in own
        }
        assert {text for text in bare if not re.fullmatch(r"[\w.:*<>=\" -]+", text)} == set()
        box = QMessageBox()
        box.setStandardButtons(QMessageBox.StandardButton.Cancel | QMessageBox.StandardButton.Yes)
        assert "取消" in box.button(QMessageBox.StandardButton.Cancel).text()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.RestoreDefaults)
        assert re.search(r"[\u4e00-\u9fff]", buttons.buttons()[0].text())
        files = QFileDialog(window, options=QFileDialog.Option.DontUseNativeDialog)
        labels = [label.text() for label in files.findChildren(QLabel) if label.text()]
        assert len(labels) >= 3 and all(re.search(r"[\u4e00-\u9fff]", text) for text in labels), labels
        assert window.menus.file_menu.title() == "文件(&F)" and QLocale().language() == QLocale.Language.Chinese
    finally:
        set_language(qapp, "en")
