"""The history of runs in the window, taking one back, and what the command line sees of them."""

from __future__ import annotations

import json

import pytest

from desktop.choice_words import ChoiceWords
from desktop.language import set_language
from desktop.settings import OWN_PROMPT
from mqwen.cli.main import main
from mqwen.library.catalog import Catalog
from tests.desktop.fakes import draw_photos, text_for


def run_all(qtbot, window):
    with qtbot.waitSignal(window.captioning.finished):
        window.start()


def opened(qtbot, window):
    window.history.open()
    dialog = window.history.dialog
    qtbot.waitUntil(lambda: dialog.runs.topLevelItemCount() > 0 and dialog.changes.topLevelItemCount() > 0)
    return dialog


def files(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(tree):
    return [
        [tree.topLevelItem(row).text(column) for column in range(tree.columnCount())]
        for row in range(tree.topLevelItemCount())
    ]


def test_a_run_of_the_window_is_one_for_the_command_line(qtbot, window, open_folder, tmp_path, capsys):
    draw_photos(tmp_path / "in", ["a.png", "2 bad.png"])
    open_folder(window, tmp_path / "in", 2)
    window.bar.write.choose("txt", "xmp")
    run_all(qtbot, window)
    assert main(["runs", "list", "--json"]) == 0
    [run] = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (run["status"], run["counts"], run["changes"]) == ("done", {"captioned": 1, "failed": 1}, 2)
    assert run["settings"]["model"] == "starter" and run["settings"]["write"] == ["txt", "xmp"]
    with Catalog() as catalog:
        photo = catalog.photo(tmp_path / "in" / "a.png")
        assert photo.state == "captioned" and photo.caption == text_for(photo.path)
    assert main(["revert", str(run["run"])]) == 0
    assert set(files(tmp_path / "in")) == {"a.png", "2 bad.png"}


def test_taking_a_run_back_restores_every_byte_and_shows_it(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", [f"{number}.png" for number in range(4)])
    paths[3].with_suffix(".txt").write_text("mine", "utf-8")
    before = files(tmp_path / "in")
    open_folder(window, tmp_path / "in", 4)
    window.bar.write.choose("txt", "embed")
    window.bar.existing.setCurrentIndex(window.bar.existing.findData("overwrite-all"))
    run_all(qtbot, window)
    assert (tmp_path / "in" / "3.txt").read_text("utf-8") == text_for(paths[3])
    dialog = opened(qtbot, window)
    [row] = rows(dialog.runs)
    assert row[1:5] == ["done", "4", "0", "8"] and row[6:] == ["starter", "in"]
    assert sorted(row[0] for row in rows(dialog.changes)) == sorted([*(f"{n}.png" for n in range(4)), *(
        f"{n}.txt" for n in range(4))])  # fmt: skip
    dialog.revert.click()
    qtbot.waitUntil(lambda: window.history.question is not None)
    assert "8 " in window.history.question.text() and files(tmp_path / "in") != before
    with qtbot.waitSignal(window.history.reverted):
        window.history.question.buttons()[0].click()
    assert files(tmp_path / "in") == before
    qtbot.waitUntil(lambda: not window.photos.scanning() and rows(dialog.runs)[0][5] == "8")
    assert [photo.caption for photo in map(window.photos.photo, paths)] == ["", "", "", "mine"]
    assert not dialog.revert.isEnabled()
    dialog.reject()


def test_what_was_edited_since_stays(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["a.png", "b.png"])
    open_folder(window, tmp_path / "in", 2)
    run_all(qtbot, window)
    paths[0].with_suffix(".txt").write_text("my own words", "utf-8")
    dialog = opened(qtbot, window)
    dialog.revert.click()
    qtbot.waitUntil(lambda: window.history.question is not None)
    assert "a.txt" in window.history.question.informativeText()
    with qtbot.waitSignal(window.history.reverted):
        window.history.question.buttons()[0].click()
    assert paths[0].with_suffix(".txt").read_text("utf-8") == "my own words"
    assert not paths[1].with_suffix(".txt").exists()
    dialog.reject()


def test_the_question_can_be_left_and_nothing_is_changed(qtbot, window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["a.png"])
    open_folder(window, tmp_path / "in", 1)
    run_all(qtbot, window)
    after = files(tmp_path / "in")
    dialog = opened(qtbot, window)
    dialog.revert.click()
    qtbot.waitUntil(lambda: window.history.question is not None)
    window.history.question.reject()
    assert window.history.question is None and files(tmp_path / "in") == after
    assert dialog.revert.isEnabled()
    dialog.reject()


def test_a_history_without_runs_says_so(qtbot, window):
    window.history.open()
    qtbot.waitUntil(lambda: "No run" in window.history.dialog.status.text())
    assert not window.history.dialog.revert.isEnabled()


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", ("Detailed, 中文", ".txt, XMP", "Keep, fill what is missing")),
        ("zh_CN", ("详细、中文", ".txt、XMP", "保留，补上缺少的")),
    ],
)
def test_a_run_is_told_in_the_words_of_the_bar(qapp, qtbot, make_window, open_folder, loader, tmp_path, language, said):
    draw_photos(tmp_path / "in", ["a.png"])
    try:
        set_language(qapp, language)
        window = make_window(loader)
        open_folder(window, tmp_path / "in", 1)
        choose(window, style="detailed", language="zh", existing="fill")
        window.bar.write.choose("txt", "xmp")
        assert window.bar.existing.currentText() == said[2]
        run_all(qtbot, window)
        line = opened(qtbot, window).about.text()
        assert all(words in line for words in said), line
        assert not any(code in line for code in ("detailed", "zh", "xmp", ": fill")), line
        window.history.dialog.reject()
    finally:
        set_language(qapp, "en")


def test_an_own_prompt_is_shortened_and_whole_under_the_mouse(qtbot, window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", ["a.png"])
    open_folder(window, tmp_path / "in", 1)
    prompt = "Who is in this picture, a <b>dog</b> or a cat? " * 9
    choose(window, style=OWN_PROMPT)
    window.bar.prompt.setText(prompt)
    run_all(qtbot, window)
    about = opened(qtbot, window).about
    assert "asked: Who is in this picture" in about.text() and "…" in about.text()
    assert len(about.text()) < 200 and "English" not in about.text()
    assert prompt.strip().replace("<b>", "&lt;b&gt;").replace("</b>", "&lt;/b&gt;") in about.toolTip()
    window.history.dialog.reject()


def test_what_a_newer_mqwen_recorded_stays_as_it_is(qapp):
    line = ChoiceWords().of_run(7, {"style": "haiku", "language": "eo", "write": ["cloud"], "existing": "ask"})
    assert line == "Run 7 · asked: haiku, eo · written to: cloud · existing text: ask"


def test_more_changes_than_are_shown_are_counted(qtbot, window, open_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("desktop.history.MOST_CHANGES", 2)
    draw_photos(tmp_path / "in", [f"{number}.png" for number in range(5)])
    open_folder(window, tmp_path / "in", 5)
    run_all(qtbot, window)
    dialog = opened(qtbot, window)
    assert rows(dialog.changes)[2][0] == "… and 3 more" and len(rows(dialog.changes)) == 3
    dialog.reject()


def choose(window, **choices):
    for name, value in choices.items():
        combo = {"style": window.bar.style_, "language": window.bar.language, "existing": window.bar.existing}[name]
        combo.setCurrentIndex(combo.findData(value))


def test_captions_are_exported_with_the_keywords_of_the_catalog(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["a.png", "b.png", "c.png"])
    open_folder(window, tmp_path / "in", 3)
    window.start([paths[0], paths[1]])
    qtbot.waitUntil(lambda: not window.captioning.running())
    window.catalog.set_keywords(paths[0], ["one", "two"])
    with qtbot.waitSignal(window.export.done) as done:
        window.export.write(tmp_path / "in" / "meta.json", "kohya")
    assert done.args == [2]
    found = json.loads((tmp_path / "in" / "meta.json").read_text("utf-8"))
    assert found[str(paths[0])] == {"caption": text_for(paths[0]), "tags": "one, two"}
    # Of the selected ones only.
    window.show_photo(paths[1])
    with qtbot.waitSignal(window.export.done) as done:
        window.export.write(tmp_path / "in" / "metadata.jsonl", "jsonl")
    lines = (tmp_path / "in" / "metadata.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"file_name": "b.png", "text": text_for(paths[1])}]
    assert "imagefolder" not in window.notice.text()
    with qtbot.waitSignal(window.export.done):
        window.export.write(tmp_path / "metadata.csv", "csv")  # the photos are below it
    assert "imagefolder" not in window.notice.text()
    (tmp_path / "elsewhere").mkdir()
    with qtbot.waitSignal(window.export.done):
        window.export.write(tmp_path / "elsewhere" / "metadata.csv", "csv")
    assert "imagefolder finds photos only in the folder of this file" in window.notice.text()
    with qtbot.waitSignal(window.export.failed):
        window.export.write(tmp_path / "in", "csv")
    assert str(tmp_path / "in") in window.notice.text()
