"""Try it on 12: which photos are tried, what is shown of them, and that it stops at once."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PySide6.QtWidgets import QApplication

import desktop.trial
from desktop.dozen import DOZEN, Choice, choose
from desktop.trial import differing
from desktop.tryout import TryDialog
from desktop.worker import load_captioner
from mqwen.outcome import StopFlag
from mqwen.resources import resources_path
from tests.desktop.fakes import FakeCaptioner, Loader, draw_photos, text_for

Photos = list[tuple[Path, float]]


def kind_of(path: Path) -> int:
    """Which of twelve pictures a photo of the tests shows: the first eleven are unique, all others the twelfth."""
    return min(int(path.stem), 11)


def eyes(path: Path) -> torch.Tensor:
    return torch.eye(12)[kind_of(path)]


def stay_at(cards: list[Path], final: bool) -> bool:
    return final


def test_a_dozen_comes_from_all_folders_and_times():
    many = {Path(f"/p/large/{number}.jpg"): float(number) for number in range(1000)}
    few = {Path(f"/p/small{folder}/{number}.jpg"): 0.0 for folder in range(3) for number in range(2)}
    times = many | few
    chosen = choose(list(times), times.get)
    assert len(chosen) == len(set(chosen)) == 12
    assert {path.parent.name for path in chosen} == {"large", "small0", "small1", "small2"}
    found = [int(path.stem) for path in chosen if path.parent.name == "large"]
    assert len(found) == 6 and min(found) < 200 and max(found) > 800
    assert set(choose(list(reversed(times)), times.get)) & set(many) == set(chosen) & set(many), "by time, not by place"
    folders = [Path(f"/p/{folder:03}/0.jpg") for folder in range(100)]
    spread = [int(path.parent.name) for path in choose(folders, times.get)]
    assert len(set(spread)) == 12 and min(spread) < 20 and max(spread) > 80
    assert choose(list(many)[:5], times.get) == list(many)[:5]
    assert choose([], times.get) == []


@st.composite
def photo_lists(draw: st.DrawFn) -> Photos:
    places = draw(st.lists(st.integers(0, 6), max_size=200))
    return [(Path(f"/p/{folder}/{number}.jpg"), float(number % 7)) for number, folder in enumerate(places)]


@given(photo_lists(), st.integers(0, 199))
def test_candidates_begin_with_a_dozen_out_of_many_folders(photos: Photos, shown: int) -> None:
    paths = [path for path, _ in photos]
    seen = set(paths[:shown])
    candidates, first = Choice(paths, dict(photos).get, seen).candidates()
    fresh = set(paths) - seen
    gone = Choice([*paths, Path("/p/gone.jpg")], dict(photos).get, seen)
    assert gone.candidates() == (candidates, first), "what is no longer listed is left out"
    assert len(candidates) == len(set(candidates)) and set(candidates) <= set(paths)
    assert len(candidates[:DOZEN]) == min(DOZEN, len(paths))
    if len(fresh) >= DOZEN:
        assert first == 0 and set(candidates) <= fresh and len(candidates) == min(96, len(fresh))
        folders = {path.parent for path in candidates}
        assert {path.parent for path in candidates[:DOZEN]} == folders == {path.parent for path in fresh}
    else:
        assert set(candidates[:first]) == fresh and len(candidates) == min(96, len(paths))


def test_what_is_looked_at_in_time_is_spread_too():
    times = {Path(f"/p/{number // 1000}/{number}.jpg"): float(number) for number in range(10_000)}
    candidates, _ = Choice(list(times), times.get).candidates()
    for many in (12, 24, 48, 96):
        counts = [sum(path.parent.name == str(folder) for path in candidates[:many]) for folder in range(10)]
        assert max(counts) - min(counts) <= many // 12


def test_the_dozen_is_of_photos_that_differ_for_the_model(qtbot, make_window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", [f"{number:02}.png" for number in range(60)])
    captioner = FakeCaptioner(eyes=eyes)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 60)
    choices = []
    window.captioning.photos_chosen.connect(lambda paths, final: choices.append((paths, final)))
    with qtbot.waitSignal(window.captioning.try_finished):
        window.try_out.open()
    dialog = window.try_out.dialog
    assert [final for _, final in choices] == [False, True] and set(choices[1][0]) == set(dialog.cards)
    assert {kind_of(path) for path in dialog.cards} == set(range(12)) and len(dialog.cards) == 12
    assert sorted(captioner.asked) == sorted(dialog.cards)
    assert all(card.words.text() == text_for(path) for path, card in dialog.cards.items())
    # The same ones again without another look, and then others.
    first = set(dialog.cards)
    captioner.eyes = None
    captioner.asked.clear()
    with qtbot.waitSignal(window.captioning.try_finished):
        dialog.again.click()
    assert set(dialog.cards) == set(captioner.asked) == first
    dialog.reject()


def test_other_photos_come_until_all_have_been_shown(qtbot, make_window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", [f"{number:02}.png" for number in range(30)])
    window = make_window(Loader(FakeCaptioner(eyes=eyes)))
    open_folder(window, tmp_path / "in", 30)
    with qtbot.waitSignal(window.captioning.try_finished):
        window.try_out.open()
    dialog = window.try_out.dialog
    rounds = [set(dialog.cards)]
    for _ in range(3):
        with qtbot.waitSignal(window.captioning.try_finished):
            dialog.others.click()
        rounds.append(set(dialog.cards))
    assert all(len(shown) == 12 for shown in rounds) and not rounds[0] & rounds[1]
    assert rounds[0] | rounds[1] | rounds[2] == set(paths), "the last six, and six again"
    assert not rounds[2] & rounds[3], "then from the beginning, but not what is shown just now"
    dialog.reject()


def test_a_photo_that_cannot_be_read_is_passed_over_while_there_are_others(qtbot, make_window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", [*(f"{number}.png" for number in range(20)), *(f"bad{n}.png" for n in range(20))])
    window = make_window(Loader(FakeCaptioner(eyes=eyes)))
    open_folder(window, tmp_path / "in", 40)
    with qtbot.waitSignal(window.captioning.try_finished):
        window.try_out.open()
    cards = window.try_out.dialog.cards
    assert len(cards) == 12 and not any("bad" in path.name for path in cards)
    window.try_out.dialog.reject()


class SlowCaptioner:
    """Sees so many photos in the time that it is given, and notes what it was asked for."""

    def __init__(self, sees: int) -> None:
        self.sees = sees
        self.looks: list[tuple[int, float]] = []

    def vision_vectors(self, photos, *, seconds, cancelled):
        self.looks.append((len(photos), seconds))
        for path in photos[: self.sees]:
            yield path, eyes(path)


def test_a_model_too_slow_to_see_a_dozen_soon_gives_up_looking():
    candidates = [Path(f"{number}.jpg") for number in (*range(20, 60), *range(11))]
    slow = SlowCaptioner(sees=3)
    dozen = differing(slow, candidates, 0, StopFlag())
    assert dozen == candidates[:12] and slow.looks == [(51, 1.25)]
    able = SlowCaptioner(sees=40)
    dozen = differing(able, candidates, 0, StopFlag())
    assert able.looks == [(51, 1.25), (11, 3.75)], "what it has seen already it does not look at again"
    assert {kind_of(path) for path in dozen} == set(range(12))


def blind(path: Path) -> torch.Tensor:
    raise MemoryError("no room for the picture")


@pytest.mark.parametrize("sight", [None, blind])
def test_without_a_look_the_dozen_is_spread_over_folders_and_times(
    qtbot, make_window, open_folder, tmp_path, caplog, sight
):
    paths = draw_photos(tmp_path / "in", [f"{number:02}.png" for number in range(40)])
    captioner = FakeCaptioner(eyes=sight)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 40)
    with caplog.at_level(logging.WARNING), qtbot.waitSignal(window.captioning.try_finished) as ended:
        window.try_out.open()
    candidates, _ = Choice(paths, lambda path: path.stat().st_mtime).candidates()
    dialog = window.try_out.dialog
    assert ended.args[0].how == "done" and list(dialog.cards) == candidates[:12] == captioner.asked
    assert all(card.words.text() == text_for(path) for path, card in dialog.cards.items())
    assert "without a look" in caplog.text
    dialog.reject()


@pytest.mark.parametrize("closing", ["the dialog", "the window"])
def test_a_look_at_the_photos_is_stopped_at_once(qtbot, make_window, open_folder, tmp_path, closing):
    draw_photos(tmp_path / "in", [f"{number:02}.png" for number in range(40)])
    looking = threading.Event()

    def never_done(path: Path) -> None:
        looking.set()

    captioner = FakeCaptioner(eyes=never_done)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 40)
    window.try_out.open()
    qtbot.waitUntil(looking.is_set)
    qtbot.waitUntil(lambda: len(window.try_out.dialog.cards) == 12)  # something to see until the choice is made
    assert not window.try_out.dialog.start.isEnabled()
    with qtbot.waitSignal(window.captioning.try_finished) as ended:
        if closing == "the dialog":
            window.try_out.dialog.reject()
        else:
            window.close_now()
    assert ended.args[0].how == "cancelled" and captioner.asked == []
    qtbot.waitUntil(lambda: window.isHidden() == (closing == "the window"))


def test_the_starter_chooses_for_the_window(qtbot, make_window, open_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(desktop.trial, "LOOK_SECONDS", 600.0)  # a test machine may be slow
    folder = tmp_path / "in"
    folder.mkdir()
    scenes = sorted((resources_path() / "samples").glob("scene-*"))[:11]
    for scene in scenes[1:]:
        (folder / scene.name).write_bytes(scene.read_bytes())
    with Image.open(scenes[0]) as picture:
        for quality in range(60, 90):
            picture.convert("RGB").save(folder / f"burst-{quality}.jpg", quality=quality)
    window = make_window(load_captioner)
    open_folder(window, folder, 40)
    with qtbot.waitSignal(window.captioning.photos_chosen, check_params_cb=stay_at, timeout=240_000):
        window.try_out.open()
    assert len(window.try_out.dialog.cards) == 12
    assert sum(path.name.startswith("burst") for path in window.try_out.dialog.cards) <= 3
    with qtbot.waitSignal(window.captioning.try_finished):
        window.try_out.dialog.reject()


def test_photos_that_stay_keep_their_places(qtbot):
    dialog = TryDialog("What is this?")
    qtbot.addWidget(dialog)
    paths = [Path(f"{number}.jpg") for number in range(20)]
    dialog.show_photos([(path, "") for path in paths[:12]])
    kept = dialog.cards[paths[3]]
    dialog.show_photos([(paths[19], ""), (paths[3], ""), (paths[18], ""), (paths[0], "")])
    assert list(dialog.cards) == [paths[0], paths[19], paths[18], paths[3]] and dialog.cards[paths[3]] is kept


def test_a_dozen_is_tried_beside_the_prompt_and_nothing_is_written(qtbot, window, captioner, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", [f"{number}.png" for number in range(30)])
    paths[0].with_suffix(".txt").write_text("mine", "utf-8")
    open_folder(window, tmp_path / "in", 30)
    before = {path.name for path in (tmp_path / "in").iterdir()}
    with qtbot.waitSignal(window.captioning.try_finished):
        window.bar.side_button.click()
    dialog = window.try_out.dialog
    assert len(dialog.cards) == 12 and set(dialog.cards) == set(captioner.asked)
    assert {path: card.words.text() for path, card in dialog.cards.items()} == {
        path: text_for(path) for path in dialog.cards
    }
    assert dialog.prompt.toPlainText() == captioner.prompts[0]
    assert not window.captioning.running() and {path.name for path in (tmp_path / "in").iterdir()} == before
    assert all(photo.caption in ("", "mine") for photo in map(window.photos.photo, paths))
    # Another prompt, other photos, and the run starts with that prompt.
    dialog.prompt.setPlainText("What is in {name}?")
    first = set(dialog.cards)
    with qtbot.waitSignal(window.captioning.try_finished):
        dialog.others.click()
    assert set(dialog.cards) != first
    assert captioner.prompts[-1] == f"What is in {captioner.asked[-1].stem}?"
    dialog.start.click()
    assert window.bar.choices().prompt == "What is in {name}?" and window.bar.choices().style == "own"
    question = window.before_run.dialog
    qtbot.waitUntil(question.start.isEnabled)
    with qtbot.waitSignal(window.captioning.finished):
        question.start.click()
    assert (tmp_path / "in" / "7.txt").read_text("utf-8") == text_for(paths[7])
    assert (tmp_path / "in" / "0.txt").read_text("utf-8") == "mine"


def test_a_photo_that_fails_in_a_trial_says_why_on_its_card(qtbot, window, open_folder, tmp_path):
    paths = draw_photos(tmp_path / "in", ["a.png", "bad.png"])
    open_folder(window, tmp_path / "in", 2)
    with qtbot.waitSignal(window.captioning.try_finished):
        window.try_out.open()
    assert "ends before its picture does" in window.try_out.dialog.cards[paths[1]].words.text()
    assert window.failures.paths() == []
    window.try_out.dialog.reject()


def test_closing_a_trial_stops_it(qtbot, make_window, open_folder, tmp_path):
    draw_photos(tmp_path / "in", [f"{number}.png" for number in range(20)])
    captioner = FakeCaptioner(hold=True)
    window = make_window(Loader(captioner))
    open_folder(window, tmp_path / "in", 20)
    window.try_out.open()
    qtbot.waitUntil(captioner.decoding.is_set)
    window.start()
    assert not window.captioning.running(), "one lane: a run waits until the trial is over"
    with qtbot.waitSignal(window.captioning.try_finished) as ended:
        window.try_out.dialog.reject()
    assert ended.args[0].how == "cancelled" and len(captioner.asked) == 1
    assert window.bar.button.isEnabled()


def test_pictures_of_the_dozen_are_shown(qtbot, window, open_folder, tmp_path):
    [path] = draw_photos(tmp_path / "in", ["a.png"], size=(300, 200))
    Image.new("RGB", (300, 200), "red").save(path)
    open_folder(window, tmp_path / "in", 1)
    window.try_out.open()
    qtbot.waitUntil(lambda: path in window.try_out.dialog.cards)
    card = window.try_out.dialog.cards[path]
    qtbot.waitUntil(lambda: not card._picture.pixmap().isNull())
    middle = card._picture.pixmap().toImage().pixelColor(20, 20)
    assert middle.red() > 200 and middle.blue() < 60
    qtbot.waitUntil(lambda: not window.captioning.busy())
    window.try_out.dialog.reject()


def test_the_dozen_takes_as_many_columns_as_there_is_room_for(qtbot):
    dialog = TryDialog("What is this?")
    qtbot.addWidget(dialog)
    dialog.show_photos([(Path(f"{number}.jpg"), "") for number in range(12)])
    dialog.show()
    for width, columns in ((1100, 3), (900, 2), (640, 1)):
        dialog.resize(width, 600)
        QApplication.processEvents()
        assert len({card.x() for card in dialog.cards.values()}) == columns
        assert all(card.visibleRegion().boundingRect().width() in (0, card.width()) for card in dialog.cards.values())
