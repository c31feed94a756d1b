"""How good the starter model is: captions of scenes it never saw, read back and compared with what was drawn."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from PIL import Image

from mqwen.engine.captioner import Captioner
from mqwen.engine.prompts import LANGUAGES
from mqwen.training.captions import answer, read_back
from mqwen.training.drawing import draw
from mqwen.training.scenes import SIZE, Scene, compose


@dataclass(frozen=True)
class Score:
    """Shares between 0 and 1 over held-out scenes.

    Attributes:
        object_f1: of the concepts named against those drawn, micro-averaged; numbers do not count here.
        count: scenes whose caption speaks of as many things in all as there are.
        counts_of_named: of the concepts named rightly, those with the right number.
        background: scenes with the right background.
        exact: brief captions that are true to the letter.
        exact_detailed: the same for detailed ones, with size, place and light of each thing.
    """

    object_f1: float
    count: float
    counts_of_named: float
    background: float
    exact: float
    exact_detailed: float

    def rounded(self) -> dict[str, float]:
        """For a file."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def held_out_scenes(number: int, *, seed: int = 7) -> Iterator[tuple[Scene, Image.Image]]:
    """Scenes of combinations that training never draws, with the same augmentation."""
    for index in range(number):
        rng = random.Random(f"held out {seed} {index}")
        scene = compose(rng, held_out=True)
        yield scene, draw(scene, rng)[0]


def evaluate(captioner: Captioner, language: str, *, scenes: int = 1000, blank: bool = False) -> Score:
    """Score the captions of held-out scenes; with `blank`, of an even grey in place of every picture."""
    grey = Image.new("RGB", (SIZE, SIZE), (128, 128, 128))
    drawn = list(held_out_scenes(scenes))
    pictures = [grey if blank else picture for _, picture in drawn]
    told = {style: _captions(captioner, pictures, style, language) for style in ("brief", "detailed")}
    right = named = true = same_number = exact = ground = total = 0
    for (scene, _), caption in zip(drawn, told["brief"], strict=True):
        counts, background = read_back(caption, language)
        truth = scene.counts()
        common = counts.keys() & truth.keys()
        right, named, true = right + len(common), named + len(counts), true + len(truth)
        same_number += sum(counts[kind] == truth[kind] for kind in common)
        total += sum(counts.values()) == len(scene.things)
        ground += background == scene.background
        exact += caption == answer(scene, "brief", language)
    detailed = sum(
        caption == answer(scene, "detailed", language)
        for (scene, _), caption in zip(drawn, told["detailed"], strict=True)
    )
    return Score(
        object_f1=2 * right / (named + true),
        count=total / scenes,
        counts_of_named=same_number / max(right, 1),
        background=ground / scenes,
        exact=exact / scenes,
        exact_detailed=detailed / scenes,
    )


def _captions(captioner: Captioner, pictures: list[Image.Image], style: str, language: str) -> list[str]:
    results = captioner.caption_many(
        pictures, style=style, language=language, batch_size=50, ordered=True, max_new_tokens=96
    )
    return ["" if isinstance(result, Exception) else result.text for _, result in results]


def evaluate_all(captioner: Captioner, *, scenes: int = 1000) -> dict[str, dict[str, float]]:
    """Both languages, with the pictures and without."""
    return {
        f"{language}{' blank' if blank else ''}": evaluate(captioner, language, scenes=scenes, blank=blank).rounded()
        for blank in (False, True)
        for language in LANGUAGES
    }
