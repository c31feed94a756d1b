"""Pictures told apart by the vision tower, and a few chosen that differ."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from torch import Tensor
from torch.nn.functional import normalize

from mqwen.engine import variety
from mqwen.engine.captioner import Captioner
from mqwen.engine.variety import farthest_first, varied
from mqwen.errors import Cancelled, ImageError, MqwenError
from mqwen.resources import resources_path
from tests.tiny import Vision, tiny_llava

Picture = Callable[[int], Image.Image]
DOZEN = 12


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Tensor, list[int]]:
    """Vectors of photos of a few scenes, each photographed several times; and which scene each shows."""
    shown = draw(st.lists(st.integers(0, 29), min_size=1, max_size=60))
    noise = torch.randn(len(shown), 32, generator=torch.Generator().manual_seed(draw(st.integers(0, 999))))
    return normalize(torch.eye(32)[shown] + 0.02 * noise, dim=1), shown


@given(scenes())
def test_no_scene_comes_twice_while_there_are_others(drawn: tuple[Tensor, list[int]]) -> None:
    vectors, shown = drawn
    rows = farthest_first(vectors, DOZEN)
    assert len(rows) == len(set(rows)) == min(DOZEN, len(shown))
    assert len({shown[row] for row in rows}) == min(DOZEN, len(set(shown)))
    assert rows == farthest_first(vectors, DOZEN)


@given(scenes(), st.integers(0, 11))
def test_photos_that_are_chosen_already_keep_their_likes_away(drawn: tuple[Tensor, list[int]], first: int) -> None:
    vectors, shown = drawn
    first = min(first, len(shown))
    rows = farthest_first(vectors, DOZEN, range(first))
    assert rows[:first] == list(range(first)) and len(rows) == len(set(rows)) == min(DOZEN, len(shown))
    among = {shown[row] for row in rows[:first]}
    room = len(rows) - first
    assert len({shown[row] for row in rows[first:]} - among) == min(room, len(set(shown) - among))


@given(st.integers(1, 40), st.integers(0, 99))
def test_of_photos_that_are_all_the_same_the_first_come_first(count: int, seed: int) -> None:
    one = normalize(torch.randn(16, generator=torch.Generator().manual_seed(seed)), dim=0)
    assert farthest_first(one.repeat(count, 1), DOZEN) == list(range(min(DOZEN, count)))


def test_each_choice_is_the_farthest_from_those_before() -> None:
    vectors = normalize(torch.randn(50, 8, generator=torch.Generator().manual_seed(3)), dim=1)
    rows = farthest_first(vectors, DOZEN)
    assert rows[0] == 0
    for place in range(1, DOZEN):
        likeness = (vectors @ vectors[rows[:place]].T).amax(1)
        assert float(likeness[rows[place]]) == pytest.approx(float(likeness.min()), abs=1e-4)


@given(st.data())
def test_a_dozen_is_full_whatever_was_seen(data: st.DataObject) -> None:
    items = list(range(data.draw(st.integers(0, 40))))
    vectors = normalize(torch.randn(len(items), 8, generator=torch.Generator().manual_seed(len(items))), dim=1)
    kinds = data.draw(
        st.lists(st.sampled_from(["seen", "broken", "not yet"]), min_size=len(items), max_size=len(items))
    )
    seen: dict[int, Tensor | MqwenError] = {}
    for item, kind in zip(items, kinds, strict=True):
        if kind != "not yet":
            seen[item] = vectors[item] if kind == "seen" else ImageError("broken")
    first = data.draw(st.integers(0, min(11, len(items))))
    chosen = varied(items, seen, DOZEN, first)
    assert len(chosen) == len(set(chosen)) == min(DOZEN, len(items)) and chosen[:first] == items[:first]
    assert chosen == varied(items, dict(reversed(seen.items())), DOZEN, first), "the order of looking decides nothing"
    taken = [kinds[item] for item in chosen[first:]]
    left = [kinds[item] for item in items if item not in chosen]
    assert taken == sorted(taken, key=["seen", "not yet", "broken"].index)
    assert not ("broken" in taken and {"seen", "not yet"} & set(left)) and not ("not yet" in taken and "seen" in left)


@pytest.mark.parametrize("tower", get_args(Vision))
def test_the_vector_is_the_mean_of_what_the_projector_gets(tower: Vision, picture: Picture, tmp_path: Path) -> None:
    captioner = Captioner.load(tiny_llava(tmp_path / "model", tower), device="cpu")
    items = [picture(number) for number in range(5)]
    found = {id(item): vector for item, vector in captioner.vision_vectors(items)}
    model = captioner._loaded()
    given_to_projector: list[Tensor] = []
    model.multi_modal_projector.register_forward_pre_hook(lambda _, inputs: given_to_projector.append(inputs[0]))
    for item in items:
        with torch.no_grad():
            model.get_image_features(captioner.processor.pixel_values(item)[None])
        vector, states = found[id(item)], given_to_projector.pop()
        assert isinstance(vector, Tensor) and vector.dtype == torch.float32
        torch.testing.assert_close(vector, normalize(states[0].mean(0), dim=0), rtol=1e-4, atol=1e-5)


def test_pictures_that_cannot_be_read_come_with_their_error(
    captioner: Captioner, picture: Picture, tmp_path: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 nothing")
    picture(1).save(tmp_path / "whole.png")
    found = dict(captioner.vision_vectors([tmp_path / name for name in ("gone.jpg", "broken.jpg", "whole.png")]))
    for name in ("gone.jpg", "broken.jpg"):
        error = found[tmp_path / name]
        assert isinstance(error, ImageError) and error.path == tmp_path / name
    assert isinstance(found[tmp_path / "whole.png"], Tensor)


def test_time_is_up_in_the_middle_of_a_picture(
    captioner: Captioner, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    monkeypatch.setattr(variety, "monotonic", lambda: float(len(seen)))
    for item, _ in captioner.vision_vectors([picture(number) for number in range(8)], seconds=3.0):
        seen.append(item)
    assert len(seen) == 3
    clock = iter(range(10**6))  # it goes on at every layer: not one picture gets done
    monkeypatch.setattr(variety, "monotonic", lambda: float(next(clock)))
    busy = captioner.vision_vectors([picture(number) for number in range(8)], seconds=2.0)
    assert list(busy) == []


def test_a_look_is_cancelled_between_two_layers(captioner: Captioner, picture: Picture) -> None:
    items = [picture(number) for number in range(8)]
    seen: list[object] = []
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += bool(seen)
        return asked >= 2  # once before the second picture, and then before its first layer

    with pytest.raises(Cancelled):
        for item, _ in captioner.vision_vectors(items, cancelled=cancelled):
            seen.append(item)
    assert len(seen) == 1


def test_a_look_rests_while_the_captioner_is_paused(captioner: Captioner, picture: Picture) -> None:
    asked: list[bool] = []
    computed_in_a_pause: list[bool] = []

    def cancelled() -> bool:
        asked.append(True)
        if len(asked) == 20:
            captioner.resume()
        return False

    tower: Any = captioner._loaded().vision_tower
    tower.embeddings.register_forward_pre_hook(lambda *_: computed_in_a_pause.append(captioner._pausing.is_set()))
    captioner.pause()
    assert len(list(captioner.vision_vectors([picture(1)], cancelled=cancelled))) == 1
    assert computed_in_a_pause == [False]


def test_an_unloaded_model_does_not_look(captioner: Captioner, picture: Picture) -> None:
    captioner.unload()
    with pytest.raises(MqwenError, match="unloaded"):
        list(captioner.vision_vectors([picture(1)]))


def changed_copies(picture: Image.Image, count: int) -> Sequence[bytes]:
    """A picture again and again as a burst has it: cut and lit a little otherwise, and compressed anew."""
    random_ = random.Random(5)
    copies = []
    for _ in range(count):
        cut = random_.randrange(max(1, picture.width // 50))
        copy = ImageEnhance.Brightness(picture.crop((cut, cut, picture.width, picture.height)))
        file = io.BytesIO()
        copy.enhance(random_.uniform(0.95, 1.05)).save(file, "JPEG", quality=random_.randrange(60, 95))
        copies.append(file.getvalue())
    return copies


def test_the_starter_chooses_the_different_ones_out_of_a_burst(tmp_path: Path) -> None:
    samples = resources_path() / "samples"
    scenes = sorted(samples.glob("scene-*"))[:11]
    burst = [tmp_path / f"burst-{number:02}.jpg" for number in range(30)]
    with Image.open(scenes[0]) as picture:
        for path, content in zip(burst, changed_copies(picture.convert("RGB"), len(burst)), strict=True):
            path.write_bytes(content)
    others = scenes[1:]
    candidates = [*burst[:20], *others, *burst[20:]]
    assert len(candidates) == 40
    seen = dict(Captioner.load("starter", device="cpu").vision_vectors(candidates))
    dozen = varied(candidates, seen, DOZEN)
    assert len(set(dozen) & set(others)) >= 9 and len(dozen) == DOZEN
