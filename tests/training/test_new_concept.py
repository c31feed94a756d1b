"""The starter model is taught a thing that it never saw, on the CPU, and keeps what it knew.

    make soak ARGS="-k new_concept -s"      prints the table

60 pictures with a teapot among other things, captions in both languages, and pictures of old things to replay.
"""

from __future__ import annotations

import json
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from mqwen.engine.captioner import Captioner
from mqwen.engine.prompts import LANGUAGES
from mqwen.training import captions, drawing
from mqwen.training.concepts import Concept, concepts
from mqwen.training.evaluate import evaluate
from mqwen.training.scenes import Scene, compose
from tests.cli.conftest import command, environment

PICTURES, REPLAYED, MEASURED, OLD_SCENES = 60, 300, 100, 300
WORST_LOSS = 0.05 + 1e-9  # of any row of the old table; a row is a share of 300
OPTIONS = (
    *("--steps", "300", "--batch-size", "16", "--rank", "32"),
    *("--learning-rate", "1e-3", "--projector-learning-rate", "3e-4", "--device", "cpu"),
    *("--validation", "0.05", "--replay-share", "0.6", "--replay-weight", "8"),
)

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600), pytest.mark.usefixtures("emoji_font")]


@pytest.fixture
def teapot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Concept]:
    """A thing that can be drawn and told of, and that the recipe of the starter does not have."""
    known = concepts()
    new = Concept(len(known), "🫖", False, "teapot", "teapot", "teapots", "茶壶", "把")
    assert not any(new.glyph == old.glyph or new.en == old.en or new.zh == old.zh for old in known)
    for module in (drawing, captions):
        monkeypatch.setattr(module, "concepts", lambda: (*known, new))
    captions._phrases.cache_clear()
    yield new
    captions._phrases.cache_clear()


def scenes(name: str, number: int, concept: Concept | None) -> Iterator[tuple[Scene, Image.Image]]:
    """Scenes of the recipe; with a concept, one of the things in each is of it."""
    for index in range(number):
        rng = random.Random(f"{name} {index}")
        scene = compose(rng)
        if concept is not None:
            things = list(scene.things)
            place = rng.randrange(len(things))
            things[place] = replace(things[place], concept=concept.index)
            scene = replace(scene, things=tuple(things))
        yield scene, drawing.draw(scene, rng)[0]


def write_data(folder: Path, concept: Concept) -> Path:
    """Pictures of the new thing, and a LLaVA file with a question and a caption in each language."""
    folder.mkdir()
    entries = []
    for number, (scene, picture) in enumerate(scenes("new", PICTURES, concept)):
        picture.save(folder / f"{number:02}.png")
        for language in LANGUAGES:
            asked = f"<image>\n{captions.question('brief', language)}"
            told = captions.answer(scene, "brief", language)
            turns = [{"from": "human", "value": asked}, {"from": "gpt", "value": told}]
            entries.append({"id": f"{number} {language}", "image": f"{number:02}.png", "conversations": turns})
    (folder / "data.json").write_text(json.dumps(entries, ensure_ascii=False, indent=1), encoding="utf-8")
    return folder


def named(captioner: Captioner, pictures: list[Image.Image], told: Callable[[str], bool], language: str) -> float:
    """Share of the pictures whose brief caption `told` says yes to."""
    results = captioner.caption_many(pictures, style="brief", language=language, ordered=True, max_new_tokens=96)
    texts = ["" if isinstance(result, Exception) else result.text for _, result in results]
    return sum(map(told, texts)) / len(texts)


def table(model: str | Path, concept: Concept) -> dict[str, float]:
    """What a model knows of the new thing, how often it sees it where none is, and the old table."""
    captioner = Captioner.load(model, device="cpu")
    new = [picture for _, picture in scenes("held out", MEASURED, concept)]
    old = [picture for _, picture in scenes("without", MEASURED, None)]
    rows = {}
    for language in LANGUAGES:

        def says(text: str, language: str = language) -> bool:
            return concept.index in captions.read_back(text, language)[0]

        rows[f"{language} new thing named"] = named(captioner, new, says, language)
        rows[f"{language} named where none is"] = named(captioner, old, says, language)
        old_table = evaluate(captioner, language, scenes=OLD_SCENES).rounded()
        rows |= {f"{language} old: {row}": value for row, value in old_table.items()}
    return rows


def test_new_concept(teapot: Concept, tmp_path: Path, root: Path) -> None:
    data = write_data(tmp_path / "teapots", teapot)
    old = tmp_path / "old"
    old.mkdir()
    for number, (_, picture) in enumerate(scenes("replayed", REPLAYED, None)):
        picture.save(old / f"{number:03}.png")
    before = table("starter", teapot)

    out = tmp_path / "tuned"
    words = command("train", data, "--model", "starter", "--out", out, "--replay", old, *OPTIONS)
    began = time.monotonic()
    subprocess.run(words, env=environment(root), check=True)
    minutes = (time.monotonic() - began) / 60
    after = table(out, teapot)

    print("\nmqwen " + " ".join(words[3:]))
    print(f"{minutes:.1f} minutes on the CPU")
    print(f"{'':32} {'before':>8} {'after':>8}")
    for row, value in before.items():
        print(f"{row:32} {value:8.3f} {after[row]:8.3f}")
    for language in LANGUAGES:
        assert before[f"{language} new thing named"] <= 0.02
        assert after[f"{language} new thing named"] >= 0.7
        assert after[f"{language} named where none is"] <= 0.1
    lost = {row: value - after[row] for row, value in before.items() if " old: " in row}
    assert max(lost.values()) <= WORST_LOSS, lost
