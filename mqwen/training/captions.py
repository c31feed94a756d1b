"""What is true of a scene in words, in English and Chinese, and captions read back for scoring."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from functools import cache

from mqwen.engine.prompts import LANGUAGES, prompt_for
from mqwen.training.concepts import Concept, concepts
from mqwen.training.scenes import BACKGROUNDS, Scene, horizontal, vertical

_NUMBERS_EN = ("no", "one", "two", "three", "four")
_NUMBERS_ZH = ("零", "一", "两", "三", "四")
_STYLE_WEIGHTS = {"brief": 0.42, "detailed": 0.26, "keywords": 0.12, "alt": 0.1, "number": 0.06, "background": 0.04}
# Two plain questions beside the styles of mqwen.engine.prompts, so that `mqwen ask` has something to try.
_QUESTIONS = {
    ("number", "en"): "How many things are in this picture?",
    ("number", "zh"): "这张图片里有几样东西？",
    ("background", "en"): "What is the background?",
    ("background", "zh"): "背景是什么？",
}


def question(style: str, language: str) -> str:
    """The prompt that asks for a style: the app's own, or one of the two questions."""
    return _QUESTIONS.get((style, language)) or prompt_for(style, language)


def ask(rng: random.Random) -> tuple[str, str]:
    """Choose a style and a language to train on."""
    style = rng.choices(list(_STYLE_WEIGHTS), list(_STYLE_WEIGHTS.values()))[0]
    return style, rng.choice(LANGUAGES)


def answer(scene: Scene, style: str, language: str) -> str:
    """The one true answer to a style's prompt."""
    return _STYLES[style, language](scene)


def _an(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" and not noun.startswith(("eu", "un", "us")) else f"a {noun}"


def phrase(concept: Concept, number: int, language: str) -> str:
    """A counted name: `a dog`, `two dogs`, 两只狗."""
    if language == "zh":
        return f"{_NUMBERS_ZH[number]}{concept.measure}{concept.zh}"
    return _an(concept.en_one) if number == 1 else f"{_NUMBERS_EN[number]} {concept.en_many}"


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _he(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{'、'.join(parts[:-1])}和{parts[-1]}"


def _things(scene: Scene, language: str) -> str:
    parts = [phrase(concepts()[kind], number, language) for kind, number in scene.counts().items()]
    return _and(parts) if language == "en" else _he(parts)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _brief_en(scene: Scene) -> str:
    return _capital(f"{_things(scene, 'en')} on {_an(BACKGROUNDS[scene.background][0])}.")


def _brief_zh(scene: Scene) -> str:
    return f"{BACKGROUNDS[scene.background][1]}上有{_things(scene, 'zh')}。"


def _light_en(scene: Scene) -> str:
    return {"normal": "", "dim": " in dim light", "bright": " in bright light"}[scene.light]


def _light_zh(scene: Scene) -> str:
    return {"normal": "", "dim": "，光线昏暗", "bright": "，光线明亮"}[scene.light]


def _detailed_en(scene: Scene) -> str:
    ground = f"on {_an(BACKGROUNDS[scene.background][0])}{_light_en(scene)}."
    places = ("at the top", "in the middle", "at the bottom")
    parts = []
    for thing in scene.things:
        name = concepts()[thing.concept].en_one
        named = _an(name if thing.size == "normal" else f"{thing.size} {name}")
        place = places[vertical(thing)]
        if len(scene.things) == 1:
            row, side = ("top", "middle", "bottom")[vertical(thing)], ("left", "", "right")[horizontal(thing)]
            if side:
                place = f"at the {row} {side}"
        parts.append(f"{named} {place}")
    if len(parts) == 1:
        return _capital(f"{parts[0]} {ground}")
    return f"From left to right: {', '.join(parts)}, {ground}"


def _detailed_zh(scene: Scene) -> str:
    size = {"small": "小", "normal": "", "large": "大"}
    parts = []
    for thing in scene.things:
        concept = concepts()[thing.concept]
        place = ("上方", "中间", "下方")[vertical(thing)]
        if len(scene.things) == 1 and horizontal(thing) != 1:
            place = ("左", "", "右")[horizontal(thing)] + ("上方", "侧中间", "下方")[vertical(thing)]
        adjective = f"{size[thing.size]}的" if size[thing.size] else ""
        parts.append(f"{place}一{concept.measure}{adjective}{concept.zh}")
    start = "" if len(parts) == 1 else "从左到右："
    return f"{BACKGROUNDS[scene.background][1]}上，{start}{'，'.join(parts)}{_light_zh(scene)}。"


def _keywords_en(scene: Scene) -> str:
    return ", ".join([*(concepts()[kind].en for kind in scene.counts()), BACKGROUNDS[scene.background][0]])


def _keywords_zh(scene: Scene) -> str:
    return "，".join([*(concepts()[kind].zh for kind in scene.counts()), BACKGROUNDS[scene.background][1]])


_STYLES = {
    ("brief", "en"): _brief_en,
    ("brief", "zh"): _brief_zh,
    ("detailed", "en"): _detailed_en,
    ("detailed", "zh"): _detailed_zh,
    ("keywords", "en"): _keywords_en,
    ("keywords", "zh"): _keywords_zh,
    ("alt", "en"): lambda scene: f"Drawing of {_things(scene, 'en')}.",
    ("alt", "zh"): lambda scene: f"图画：{_things(scene, 'zh')}。",
    ("number", "en"): lambda scene: _capital(_NUMBERS_EN[len(scene.things)]) + ".",
    ("number", "zh"): lambda scene: f"{_NUMBERS_ZH[len(scene.things)]}样。",
    ("background", "en"): lambda scene: _capital(_an(BACKGROUNDS[scene.background][0])) + ".",
    ("background", "zh"): lambda scene: f"{BACKGROUNDS[scene.background][1]}。",
}


@cache
def _phrases(language: str) -> Mapping[str, tuple[int, int]]:
    """Every counted name -> (concept, number)."""
    return {phrase(c, number, language): (c.index, number) for c in concepts() for number in (1, 2, 3, 4)}


def read_back(caption: str, language: str) -> tuple[dict[int, int], int | None]:
    """What a brief caption says: number of things of each concept, and the background or None.

    A phrase that names nothing known is left out, so a broken caption scores as missing things, never as an error.
    """
    counts: dict[int, int] = {}
    if language == "en":
        match = re.fullmatch(r"(.*) on an? ([a-z ]+)\.", caption)
        things, ground = match.groups() if match else (caption.rstrip("."), "")
        things = things[:1].lower() + things[1:]
        parts = [part for chunk in things.split(", ") for part in chunk.split(" and ")]
    else:
        match = re.fullmatch(r"(.*?)上有(.*)。", caption)
        ground, things = match.groups() if match else ("", caption)
        parts = re.split("[、和]", things)
    for part in parts:
        found = _phrases(language).get(part.strip())
        if found:
            counts[found[0]] = counts.get(found[0], 0) + found[1]
    names = [pair[LANGUAGES.index(language)] for pair in BACKGROUNDS]
    return counts, names.index(ground) if ground in names else None
