"""Two workers, one queue: on the processor, where they do the same as two cards would."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mqwen.engine import device as devices
from mqwen.engine.captioner import Captioner
from mqwen.engine.pool import CaptionerPool, load_captioner
from mqwen.errors import Cancelled, ImageError
from mqwen.model.checkpoint import inspect_checkpoint


@pytest.fixture
def pool(tiny_folder: Path) -> CaptionerPool:
    return CaptionerPool([Captioner.load(tiny_folder, device="cpu") for _ in range(2)])


@pytest.fixture
def pictures(picture: Callable[[int], Image.Image]) -> list[Image.Image]:
    return [picture(seed) for seed in range(24)]


def test_each_picture_gets_the_caption_it_gets_alone(pool: CaptionerPool, pictures: list[Image.Image]) -> None:
    alone = {id(p): pool.captioners[0].caption(p, max_new_tokens=6).text for p in pictures}
    results = list(pool.caption_many(pictures, max_new_tokens=6, batch_size=3))
    assert sorted(id(p) for p, _ in results) == sorted(alone)
    assert all(caption.text == alone[id(p)] for p, caption in results)  # type: ignore[union-attr]


def test_both_workers_take_part_and_nothing_is_done_twice(
    pool: CaptionerPool, pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[int]] = [[], []]
    both = threading.Barrier(2, timeout=60)
    for number, captioner in enumerate(pool.captioners):
        pixels = captioner._pixels

        def counted(image: Any, number: int = number, pixels: Any = pixels) -> Any:
            if not seen[number]:
                seen[number].append(id(image))
                both.wait()  # neither goes on before the other has begun
            else:
                seen[number].append(id(image))
            return pixels(image)

        monkeypatch.setattr(captioner, "_pixels", counted)
    assert len(list(pool.caption_many(pictures, max_new_tokens=2, batch_size=2))) == len(pictures)
    assert min(len(mine) for mine in seen) > 0
    assert sorted(seen[0] + seen[1]) == sorted(id(p) for p in pictures)


def test_cancelling_waits_for_one_item_of_a_slow_source_and_no_more(
    pool: CaptionerPool, pictures: list[Image.Image]
) -> None:
    waits, go_on, cancel = threading.Event(), threading.Event(), threading.Event()
    asked: list[int] = []

    def slow() -> Iterator[Image.Image]:
        yield pictures[0]
        for image in pictures[1:]:
            asked.append(1)
            waits.set()
            assert go_on.wait(60)
            go_on.clear()
            yield image

    run = pool.caption_many(slow(), max_new_tokens=2, cancelled=cancel.is_set)
    assert next(run)[0] is pictures[0]
    assert waits.wait(60)
    cancel.set()
    go_on.set()
    with pytest.raises(Cancelled):
        list(run)
    assert asked == [1]


def test_in_order_when_asked_for(pool: CaptionerPool, pictures: list[Image.Image], tmp_path: Path) -> None:
    items = [*pictures[:7], tmp_path / "absent.jpg", *pictures[7:]]
    results = list(pool.caption_many(items, max_new_tokens=3, batch_size=2, ordered=True))
    assert [id(item) for item, _ in results] == [id(item) for item in items]
    assert [isinstance(result, ImageError) for _, result in results].index(True) == 7


def test_cancelling_ends_all_workers(pool: CaptionerPool, pictures: list[Image.Image]) -> None:
    stop = threading.Event()
    got = 0
    with pytest.raises(Cancelled):
        for _ in pool.caption_many(pictures * 20, max_new_tokens=4, batch_size=2, cancelled=stop.is_set):
            got += 1
            if got == 5:
                stop.set()
    assert 5 <= got < 20 * len(pictures)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mqwen-worker")]


def test_whoever_goes_away_leaves_no_worker_behind(pool: CaptionerPool, pictures: list[Image.Image]) -> None:
    answers: Iterator[Any] = pool.caption_many(pictures * 50, max_new_tokens=2, batch_size=2)
    next(answers)
    answers.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mqwen-worker")]


def test_an_error_of_the_items_comes_out(pool: CaptionerPool, pictures: list[Image.Image]) -> None:
    def broken() -> Iterator[Image.Image]:
        yield from pictures[:5]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(pool.caption_many(broken(), max_new_tokens=2, batch_size=2))


def test_one_plan_gives_a_plain_captioner(tiny_folder: Path) -> None:
    told: list[tuple[int, int]] = []
    captioner = load_captioner(tiny_folder, device="cpu", progress=lambda *bytes_: told.append(bytes_))
    assert isinstance(captioner, Captioner)
    assert told[-1][0] == told[-1][1] > 0


def test_two_plans_give_a_pool(tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = devices.plan_for(inspect_checkpoint(tiny_folder), "cpu", quantize="int8")
    monkeypatch.setattr(devices, "plans_for", lambda *_: [plan, plan])
    told: list[tuple[int, int]] = []
    pool = load_captioner(tiny_folder, progress=lambda *bytes_: told.append(bytes_))
    assert isinstance(pool, CaptionerPool) and len(pool.captioners) == 2
    assert told == sorted(told) and told[-1][0] == told[-1][1]
    assert pool.describe().startswith("tiny on 2 cards: ") and pool.describe().count("int8") == 2
    assert pool.caption(Image.new("RGB", (20, 20)), max_new_tokens=2).tokens <= 2
    pool.unload()
