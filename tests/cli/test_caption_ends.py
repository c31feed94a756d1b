"""How `mqwen caption` begins and ends where something unforeseen happens on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mqwen.cli import caption
from mqwen.engine import captioner

Photos = Callable[..., Path]


def test_a_photo_that_appears_after_the_survey_is_captioned(
    inside: Any, model: Path, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = photos("a.png")
    (folder / "a.txt").write_text("mine")

    def survey(*arguments: Any, **options: Any) -> tuple[int, int]:
        found = real(*arguments, **options)
        Image.new("RGB", (8, 8), "blue").save(folder / "late.png")
        return found

    real = caption.survey
    monkeypatch.setattr(caption, "survey", survey)
    done = inside("caption", folder, "--model", model, "--max-new-tokens", 3, "--json")
    assert done.returncode == 0, done.stderr
    lines = {Path(line["path"]).name: line for line in map(json.loads, done.stdout.splitlines())}
    assert lines["a.png"]["status"] == "skipped"
    assert lines["late.png"]["caption"] == (folder / "late.txt").read_text(encoding="utf-8") != ""


@pytest.mark.parametrize("arguments", [["--temperature", "nan"], ["--temperature", "-1"], ["--seed", str(2**64)]])
@pytest.mark.parametrize("command", [["caption", "x.png"], ["ask", "x.png", "What?"]])
def test_sampling_that_cannot_be_is_told_before_anything_is_read(
    inside: Any, command: list[str], arguments: list[str]
) -> None:
    done = inside(*command, "--model", "nonesuch", *arguments)
    assert done.returncode == 2
    assert arguments[0] in done.stderr and "nonesuch" not in done.stderr


def test_a_fault_in_the_model_still_gets_the_runs_summary(
    inside: Any, model: Path, photos: Photos, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = photos("a.png", "b.png", "c.png")
    real = captioner.Captioner.caption_many

    def caption_many(self: Any, *arguments: Any, **options: Any) -> Any:
        yield next(real(self, *arguments, **options))
        raise RuntimeError("a fault")

    monkeypatch.setattr(captioner.Captioner, "caption_many", caption_many)
    with pytest.raises(RuntimeError, match="a fault"):
        inside("caption", folder, "--model", model, "--max-new-tokens", 3, "--batch-size", 1)
    stderr = capfd.readouterr().err
    assert "1 captioned, 0 skipped, 0 failed; what was written is kept" in stderr
    assert len(list(folder.glob("*.txt"))) == 1
