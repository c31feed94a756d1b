"""Scenes, their pictures and their captions."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mqwen.engine.prompts import LANGUAGES, STYLES
from mqwen.training.captions import answer, phrase, read_back
from mqwen.training.concepts import concepts
from mqwen.training.drawing import draw
from mqwen.training.scenes import PATCH, SIZE, Scene, Thing, compose
from mqwen.training.spliced_pictures import IGNORED, tally

seeds = st.integers(0, 2**32)


def test_three_hundred_concepts_with_names_of_their_own() -> None:
    assert len(concepts()) >= 300
    for names in ([c.en for c in concepts()], [c.zh for c in concepts()], [c.en_many for c in concepts()]):
        assert len(set(names)) == len(names)


@given(seeds)
@settings(max_examples=300)
def test_a_brief_caption_says_what_is_there(seed: int) -> None:
    scene = compose(random.Random(seed))
    for language in LANGUAGES:
        assert read_back(answer(scene, "brief", language), language) == (scene.counts(), scene.background)


@given(seeds)
@settings(max_examples=300)
def test_things_stand_inside_and_apart_from_left_to_right(seed: int) -> None:
    things = compose(random.Random(seed)).things
    assert 1 <= len(things) <= 4
    assert [t.x for t in things] == sorted(t.x for t in things)
    for thing in things:
        assert thing.side / 2 - 0.01 <= min(thing.x, thing.y, SIZE - thing.x, SIZE - thing.y)
    for i, a in enumerate(things):
        for b in things[i + 1 :]:
            assert ((a.x - b.x) ** 2 + (a.y - b.y) ** 2) ** 0.5 > 0.4 * (a.side + b.side)


def test_held_out_combinations_are_never_trained_on() -> None:
    rng = random.Random(3)
    trained = {repr((sorted(s.counts().items()), s.background)) for s in (compose(rng) for _ in range(3000))}
    held = {repr((sorted(s.counts().items()), s.background)) for s in (compose(rng, held_out=True) for _ in range(300))}
    assert not trained & held


def test_captions_in_words() -> None:
    dog, bus = (next(c for c in concepts() if c.en == name) for name in ("dog", "bus"))
    scene = Scene(
        (
            Thing(dog.index, "small", 20, 20, 32, 0),
            Thing(bus.index, "normal", 60, 64, 42, 0),
            Thing(dog.index, "large", 100, 100, 56, 0),
        ),
        background=3,
        light="dim",
    )
    assert answer(scene, "brief", "en") == "Two dogs and a bus on a blue background."
    assert answer(scene, "brief", "zh") == "蓝色背景上有两只狗和一辆公交车。"
    assert answer(scene, "detailed", "en") == (
        "From left to right: a small dog at the top, a bus in the middle, a large dog at the bottom, on a blue "
        "background in dim light."
    )
    assert answer(scene, "keywords", "zh") == "狗，公交车，蓝色背景"
    assert answer(scene, "alt", "en") == "Drawing of two dogs and a bus."
    assert phrase(next(c for c in concepts() if c.en == "socks"), 2, "en") == "two pairs of socks"
    assert all(answer(scene, style, language) for style in STYLES for language in LANGUAGES)


@pytest.mark.usefixtures("emoji_font")
def test_a_picture_is_made_by_its_seed_and_labels_say_where_things_are() -> None:
    scene = compose(random.Random(11))
    first, labels = draw(scene, random.Random(5))
    again, _ = draw(scene, random.Random(5))
    other, _ = draw(scene, random.Random(6))
    assert first.tobytes() == again.tobytes() != other.tobytes()
    assert first.size == (SIZE, SIZE) and labels.shape == (SIZE // PATCH, SIZE // PATCH)
    kinds = set(np.unique(labels)) - {-1}
    assert kinds == set(scene.counts()) | {len(concepts()) + scene.background}
    for thing in scene.things:
        assert labels[int(thing.y) // PATCH, int(thing.x) // PATCH] in (thing.concept, -1)


@pytest.mark.usefixtures("emoji_font")
def test_every_concept_can_be_seen() -> None:
    for concept in concepts():
        thing = Thing(concept.index, "large", SIZE / 2, SIZE / 2, 60, 0)
        shown, _ = draw(Scene((thing,), 4, "normal"), random.Random(0), augment=False)
        empty, _ = draw(Scene((), 4, "normal"), random.Random(0), augment=False)
        changed = np.abs(np.asarray(shown, int) - np.asarray(empty, int)).max(-1) > 40
        assert changed.sum() > 120, concept.en


def test_patches_know_how_many_of_their_kind_there_are() -> None:
    """Two of kind 5 at the left, one above the other, and one of kind 3 between them in reading order."""
    things = (
        Thing(5, "normal", 30, 30, 40, 0),
        Thing(5, "normal", 42, 100, 40, 0),
        Thing(3, "normal", 100, 60, 40, 0),
    )
    scene = Scene(things, 0, "normal")
    _, regions = draw(scene, random.Random(1))
    told = tally(scene, torch.from_numpy(regions).flatten()).view(*regions.shape, 3)
    upper, lower, right = told[1, 1].tolist(), told[6, 2].tolist(), told[3, 6].tolist()
    assert (upper, lower, right) == ([1, 0, 0], [1, 0, 1], [0, 1, 0])
    assert (told[torch.from_numpy(regions) >= len(concepts())] == IGNORED).all()
