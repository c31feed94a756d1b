"""The strip over the grid: the latest message is shown, and none is lost under another."""

from __future__ import annotations

import pytest

from desktop.notice import Notice


@pytest.fixture
def notice(qtbot):
    notice = Notice()
    qtbot.addWidget(notice)
    return notice


def test_what_was_said_before_comes_back_when_the_latest_is_dismissed(notice):
    gone, chosen = [], []
    notice.dismissed.connect(gone.append)
    notice.action_chosen.connect(chosen.append)
    notice.say("interrupted", "A run did not come to its end", "Go on with it")
    notice.say("export", "6 captions exported")
    assert notice.text() == "6 captions exported" and notice._action.isHidden()
    notice._close.click()
    assert notice.text() == "A run did not come to its end" and notice._action.text() == "Go on with it"
    notice._action.click()
    assert (gone, chosen) == (["export"], ["interrupted"])
    notice._close.click()
    assert notice.text() == "" and notice.isHidden() and gone == ["export", "interrupted"]


def test_a_message_is_cleared_and_said_anew_wherever_it_waits(notice):
    notice.say("run", "one")
    notice.say("edit", "two")
    notice.clear("run")
    notice.clear("nothing of this name")
    assert notice.text() == "two" and not notice.says("run")
    notice.say("run", "three")
    notice.say("edit", "four")
    notice.clear("edit")
    assert notice.text() == "three"
    notice.clear("run")
    assert notice.isHidden()


def test_messages_that_have_to_be_read_wait_for_one_another_under_one_key(qtbot, notice):
    for number in range(3):
        notice.add("left over", f"message {number}")
    notice.say("run", "no model")
    notice.clear("run")
    with qtbot.waitSignal(notice.dismissed) as dismissed:
        notice._close.click()
    assert dismissed.args == ["left over"] and notice.text() == "message 1"
    notice._close.click()
    assert notice.text() == "message 0"
    notice._close.click()
    assert notice.isHidden() and notice.text() == ""
