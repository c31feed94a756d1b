"""The strip over the grid: what has to be read is not lost to what is said meanwhile."""

from __future__ import annotations

import pytest

from desktop.notice import Notice


@pytest.fixture
def notice(qtbot):
    notice = Notice()
    qtbot.addWidget(notice)
    return notice


def test_what_has_to_be_read_comes_back_after_something_else_was_said(qtbot, notice):
    notice.say("hint", "a hint")
    notice.add("crash", "it ended", "Details")
    assert notice.text() == "it ended", "a hint makes room"
    notice.say("run", "no model")
    assert notice.text() == "no model"
    notice.clear("run")
    assert notice.text() == "it ended"
    with qtbot.waitSignal(notice.action_chosen) as chosen:
        notice._action.click()
    assert chosen.args == ["crash"]


def test_several_are_read_one_after_the_other(qtbot, notice):
    for number in range(3):
        notice.add(str(number), f"message {number}")
    notice.clear("1")
    with qtbot.waitSignal(notice.dismissed) as dismissed:
        notice._close.click()
    assert dismissed.args == ["0"] and notice.text() == "message 2"
    notice._close.click()
    assert notice.isHidden() and notice.text() == ""
    notice.say("x", "x")
    notice.clear("x")
    assert notice.isHidden()


def test_an_offer_stands_in_front_and_is_not_lost(notice):
    notice.add("crash", "it ended")
    notice.say("run", "go on?", "Go on", lasting=True)
    notice.add("drafts", "back")
    assert notice.text() == "go on?"
    notice._close.click()
    assert notice.text() == "it ended"
