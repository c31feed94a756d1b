"""`mqwen bench caption` on a tiny shape: it measures what it says, and says what it measured."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from mqwen.bench import caption as bench
from mqwen.bench.caption_lines import lines_of
from mqwen.bench.caption_photos import make_photos, spread_of
from mqwen.bench.caption_shapes import SHAPES, random_model, shape_config, shape_report, weights_of
from mqwen.bench.roofline import images_per_second
from mqwen.cli.main import main
from mqwen.engine import device as devices
from mqwen.errors import DeviceError
from mqwen.model.quantize import Int8Linear

TINY = ["bench", "caption", "--shape", "tiny", "--device", "cpu", "--megapixels", "0.05", "--tokens", "4", "--json"]


def figures(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert main([*TINY, *options]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("quantize", ["none", "int8"])
def test_engine_and_peers(capsys: pytest.CaptureFixture[str], quantize: str) -> None:
    found = figures(capsys, "--baseline", "--images", "5", "--rounds", "2", "--batch-size", "3", "--quantize", quantize)
    assert (found["images"], found["tokens"], found["batch_size"], found["interleaved"]) == (5, 4, 3, True)
    assert ("int8" in found["plan"]) == (quantize == "int8")
    assert set(found["images_per_second"]) == {"engine", "peer", "batch16"}
    for name in ("peer", "batch16"):
        ratio = found["ratio"][name]
        assert 0 < ratio["min"] <= ratio["median"] <= ratio["max"]
    stages = found["stages"]
    assert set(stages) == {
        "pixels_ms",
        "vision_ms",
        "prefill_ms",
        "decode_ms",
        "decode_step_ms",
        "scan_and_write_ms",
    }
    assert all(ms >= 0 for ms in stages.values()) and stages["pixels_ms"] > 0 and stages["vision_ms"] > 0
    assert "card" not in found  # it is of a GPU
    assert ("limit" in found) == (quantize == "none")  # int8 computes faster than the float32 that is measured
    if quantize == "none":
        assert 0 < found["limit"]["share_reached"] < 1


def test_peers_that_do_not_fit_beside_the_engine_come_after_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = bench._full_plan, []

    def full_plan(arguments: Any, plan: Any) -> Any:
        asked.append(plan)
        if len(asked) == 1:
            raise DeviceError("the model needs 28.0 GB in float32 and 20.0 GB of main memory are free")
        return real(arguments, plan)

    monkeypatch.setattr(bench, "_full_plan", full_plan)
    found = figures(capsys, "--baseline", "--images", "2", "--rounds", "1")
    assert found["interleaved"] is False and len(asked) == 2
    assert set(found["ratio"]) == {"peer", "batch16"}


def test_without_a_baseline_there_is_no_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    found = figures(capsys, "--images", "2", "--rounds", "1")
    assert set(found["images_per_second"]) == {"engine"} and found["ratio"] == {}


def test_the_figures_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TINY[:-1], "--images", "2", "--rounds", "1", "--baseline"]) == 0
    text = capsys.readouterr().out
    for part in ("tiny on the processor", "engine: ", "engine / peer: ", "decode step: ", "2 photos of 0.05 MP"):
        assert part in text
    card = {"idle_share": 0.25, "kernels": [{"name": "gemm", "share": 0.9, "count": 3}]}
    limit = {
        "images_per_second": 200.0,
        "operations_per_second": 790e12,
        "bytes_per_second": 4.3e12,
        "share_reached": 0.6,
    }
    spread = {"min": 1.0, "median": 2.0, "max": 3.0}
    common = {"model": "m", "plan": "p", "images": 1, "megapixels": 12, "tokens": 48, "batch_size": 16, "stages": {}}
    lines = lines_of(
        {
            **common,
            "images_per_second": {"engine": spread},
            "ratio": {},
            "interleaved": True,
            "card": card,
            "limit": limit,
        }
    )
    assert "the card is idle 25 % of a run" in lines
    assert lines[-1] == "the limit at 790 TFLOP/s and 4.3 TB/s: 200 images/s, 60 % reached"


def test_a_real_model(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from tests.tiny import tiny_llava

    options = ["--model", str(tiny_llava(tmp_path)), "--images", "3", "--rounds", "1", "--baseline"]
    command = [*TINY[:2], *TINY[4:], *options]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["ratio"]["peer"]["median"] > 0


def test_questions_at_one_look(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--stage", "questions", "--images", "3", "--rounds", "1", "--batch-size", "6"]
    found = figures(capsys, *options)
    asked = {name: spread["median"] for name, spread in found["questions"].items()}
    assert (found["images"], found["tokens"]) == (3, 4) and asked["together_s"] > 0
    assert asked["ratio"] == pytest.approx(asked["apart_s"] / asked["together_s"])
    assert main([*TINY[:-1], *options]) == 0
    assert "caption, keywords and alt text at one look: " in capsys.readouterr().out


def test_pixels_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "caption", "--stage", "pixels", "--megapixels", "2", "--rounds", "2", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["pixels"]
    assert row["megapixels"] == 2 and row["ratio"]["median"] > 0
    assert 0 < row["mean_difference_of_255"] < 1  # a whole decode and a draft are not the same, but nearly


def test_card_memory_needs_a_card(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TINY, "--card-memory", "8"]) == 2
    assert "--card-memory" in capsys.readouterr().err


def test_card_memory_holds_for_whatever_card_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    shares: dict[int, float] = {}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda card: (0, (16e9, 4e9)[card]))
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda share, card: shares.update({card: share}))
    bench._limit_cards(argparse.Namespace(card_memory=8.0, device="cuda:1"))
    assert shares == {0: 0.5, 1: 1.0}


def test_photos_are_as_large_as_asked_for(tmp_path: Path) -> None:
    photos = make_photos(tmp_path, 6, 0.3)
    assert len({photo.name for photo in photos}) == 6
    assert len({photo.read_bytes() for photo in photos}) == 4
    with Image.open(photos[5]) as image:
        assert image.width * image.height == pytest.approx(0.3e6, rel=0.02)
        assert np.asarray(image).std() > 20


@pytest.mark.parametrize(
    ("name", "vision", "blocks", "head"),
    [("clip-l+qwen2-0.5b", 0.305, 0.358, 0.136), ("clip-l+qwen2-7b", 0.32, 6.526, 0.545), ("tiny", None, None, None)],
)
def test_shapes_have_the_real_sizes(name: str, vision: float | None, blocks: float, head: float) -> None:
    assert set(bench._SHAPES) == set(SHAPES)
    weights = weights_of(shape_config(name))
    if vision is not None:
        assert [round(weights[part] / 1e9, 3) for part in ("vision", "blocks", "head")] == [vision, blocks, head]
    assert shape_report(name).memory["bf16"] >= 2 * (weights["vision"] + weights["blocks"])


# facts/performance.md, H200: images/s at 288 prefilled and 48 new tokens, B1, B16, B64, B256.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clip-l+qwen2-0.5b", (87, 825, 1437, 1765)),
        ("clip-l+qwen2-7b", (6, 66, 130, 170)),
        ("clip-l+qwen-7b", (6, 59, 106, 131)),
    ],
)
def test_the_limit_is_the_one_computed_before(name: str, expected: tuple[int, ...]) -> None:
    config = shape_config(name)
    for batch, figure in zip((1, 16, 64, 256), expected, strict=True):
        pace = images_per_second(
            config, weights_of(config), prompt=288, tokens=48, batch=batch, operations=790e12, bandwidth=4.3e12
        )
        assert pace == pytest.approx(figure, rel=0.04, abs=0.5)


def test_random_weights_are_the_same_every_time() -> None:
    plan = devices.Plan(torch.device("cpu"), torch.float32)
    one, other = (random_model(shape_config("tiny"), plan) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
    small = random_model(shape_config("tiny"), devices.Plan(torch.device("cpu"), torch.float32, quantize="int8"))
    assert isinstance(small.lm_head, Int8Linear)


def test_spreads() -> None:
    assert spread_of([3.0, 1.0, 2.0]) == {"min": 1.0, "median": 2.0, "max": 3.0}
    assert spread_of([4.0, 1.0])["median"] == 2.5
