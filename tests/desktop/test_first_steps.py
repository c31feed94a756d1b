"""The first minute: sample pictures that can be captioned without a network, and the way to a real model."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QPushButton

from mqwen.resources import resources_path


@pytest.fixture(autouse=True)
def _data(monkeypatch, tmp_path):
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path / "data"))


def press(window, text):
    next(button for button in window.welcome.findChildren(QPushButton) if text in button.text()).click()


def test_the_sample_pictures_are_captioned_in_a_copy(qtbot, window, tmp_path):
    shipped = {path.name for path in (resources_path() / "samples").iterdir()}
    window.bar.set_model(str(tmp_path / "a model"))
    press(window, "sa&mple")
    qtbot.waitUntil(lambda: window.photos.rowCount() == len(shipped) - 1 and not window.photos.scanning())
    assert window.bar.choices().model == "starter"
    paths = window.photos.paths()
    assert {path.name for path in paths} == {name for name in shipped if not name.endswith(".md")}
    assert all(tmp_path / "data" in path.parents for path in paths)
    paths[0].with_suffix(".txt").write_text("mine", encoding="utf-8")
    window.first_steps.open_samples()
    qtbot.waitUntil(lambda: not window.photos.scanning())
    assert paths[0].with_suffix(".txt").read_text("utf-8") == "mine", "a second time changes nothing"
    assert {path.name for path in (resources_path() / "samples").iterdir()} == shipped


def test_a_folder_that_cannot_be_written_is_told(window, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path / "file"))
    window.first_steps.open_samples()
    assert "cannot be copied" in window.notice.text()


def test_the_models_are_one_click_away(qtbot, window):
    press(window, "model for photographs")
    assert window.models_part.dialog.isVisible()
    qtbot.waitUntil(lambda: window.models_part._looking is None)
