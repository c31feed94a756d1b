"""`mqwen ask`: a question about a picture, and a chat in which the picture stays where it was put."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mqwen.engine.captioner import Captioner
from mqwen.model.processor import Message

Photos = Callable[..., Path]


def test_a_question_is_answered_on_stdout(inside: Any, model: Path, photos: Photos) -> None:
    photo = photos("a.png") / "a.png"
    done = inside("ask", photo, "What is this?", "--model", model, "--max-new-tokens", 8)
    assert done.returncode == 0, done.stderr
    expected = Captioner.load(model, device="cpu").caption(photo, "What is this?", max_new_tokens=8)
    assert done.stdout == expected.text + "\n"


def test_in_a_chat_the_picture_stays_in_the_first_turn(
    inside: Any, model: Path, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = photos("a.png") / "a.png"
    monkeypatch.setattr("sys.stdin", io.StringIO("What colour is it?\nAnd why?\n\nNot asked any more.\n"))
    done = inside("ask", photo, "What is this?", "--chat", "--model", model, "--max-new-tokens", 8)
    captioner = Captioner.load(model, device="cpu")
    turns: list[Message] = []
    for number, question in enumerate(("What is this?", "What colour is it?", "And why?")):
        turns.append(Message("user", question, images=0 if number else 1))
        turns.append(Message("assistant", captioner.ask(turns, [photo], max_new_tokens=8).text))
    assert done.stdout.splitlines() == [turn.text for turn in turns if turn.role == "assistant"]
    assert len(set(done.stdout.splitlines())) == 3


def test_a_chat_may_begin_without_a_question(
    inside: Any, model: Path, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("What is this?"))
    done = inside("ask", photos("a.png") / "a.png", "--chat", "--model", model, "--max-new-tokens", 3)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1


def test_what_is_missing_is_said(inside: Any, model: Path, photos: Photos, tmp_path: Path) -> None:
    done = inside("ask", photos("a.png") / "a.png", "--model", model)
    assert done.returncode == 2 and "no question" in done.stderr
    done = inside("ask", tmp_path / "none.png", "What?", "--model", model)
    assert done.returncode == 2 and "none.png" in done.stderr
