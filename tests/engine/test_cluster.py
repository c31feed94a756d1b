"""A run over Ray Data with two workers on the processor."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mqwen.cli.main import main
from mqwen.engine import cluster
from mqwen.engine.captioner import Captioner
from mqwen.engine.cluster import run_on_cluster
from mqwen.errors import DeviceError, InputError, MqwenError
from mqwen.outcome import Outcome, StopFlag
from mqwen.run_settings import RunSettings

SETTINGS = RunSettings(max_new_tokens=4, batch_size=2)


@pytest.fixture
def photos(tmp_path: Path, picture: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path / "data"))
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed in range(10):
        picture(seed).save(folder / f"{seed}.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    return folder


@pytest.fixture
def two_workers() -> None:
    """Ray, kept for the whole module: starting it takes seconds."""
    ray = pytest.importorskip("ray")
    if not ray.is_initialized():
        cluster._begin(cluster._ray(), 2)


@pytest.fixture(scope="module", autouse=True)
def no_ray_afterwards() -> Any:
    yield
    if cluster.find_spec("ray") is not None:
        import ray

        ray.shutdown()


def test_two_workers_caption_every_photo_once_and_a_second_run_none(
    two_workers: None, photos: Path, tiny_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if os.name == "posix":
        name = os.fsdecode(b"caf\xe9.png")  # no UTF-8
        Image.new("RGB", (30, 30), "red").save(photos / name)
    outcomes = list(run_on_cluster([photos], SETTINGS, model=str(tiny_folder), device="cpu", workers=2))
    assert sorted(outcome.path for outcome in outcomes) == sorted(
        path for path in photos.iterdir() if path.suffix in (".png", ".jpg")
    )
    by_status = {status: [o for o in outcomes if o.status == status] for status in ("captioned", "failed", "skipped")}
    captioner = Captioner.load(tiny_folder, device="cpu")
    said = {photo: captioner.caption(photo, max_new_tokens=4).text for photo in photos.glob("*.png")}
    assert {o.path: o.caption for o in by_status["captioned"]} == {photo: text for photo, text in said.items() if text}
    silent = {photo for photo, text in said.items() if not text}  # random weights may say nothing
    assert {outcome.path for outcome in by_status["failed"]} == silent | {photos / "broken.jpg"}
    assert not by_status["skipped"]
    for outcome in by_status["captioned"]:
        assert outcome.path.with_suffix(".txt").read_text(encoding="utf-8")

    victim = by_status["captioned"][0].path
    victim.with_suffix(".txt").unlink()  # as if the run had been stopped before it
    command = [
        "caption",
        str(photos),
        "--model",
        str(tiny_folder),
        "--device",
        "cpu",
        "--max-new-tokens",
        "4",
        "--json",
    ]
    assert main([*command, "--engine", "ray", "--workers", "2"]) == 1  # broken.jpg
    again = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(one["path"]) for one in again if one["status"] == "captioned"] == [victim]
    assert len(again) == len(outcomes)


def test_a_stop_ends_it(two_workers: None, photos: Path, tiny_folder: Path) -> None:
    stop = StopFlag()
    outcomes: list[Outcome] = []
    for outcome in run_on_cluster([photos], SETTINGS, model=str(tiny_folder), device="cpu", workers=1, stop=stop):
        outcomes.append(outcome)
        stop.finish_batch()
    assert len(outcomes) == 1
    assert not list(run_on_cluster([photos], SETTINGS, model=str(tiny_folder), stop=stop))


def test_what_ends_a_worker_is_told_in_its_own_words(two_workers: None, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(MqwenError, match="absent-model"):
        list(run_on_cluster([photos], SETTINGS, model=str(tmp_path / "absent-model"), device="cpu", workers=1))


def test_without_ray_it_says_what_to_install(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "find_spec", lambda name: None)
    with pytest.raises(DeviceError, match=r"pip install 'mqwen\[ray\]'"):
        list(run_on_cluster([photos], SETTINGS))


@pytest.mark.parametrize(
    ("settings", "what"),
    [(RunSettings(write=("txt", "jsonl")), "jsonl"), (RunSettings(existing="append"), "append")],
)
def test_what_several_writers_would_spoil_is_refused(photos: Path, settings: RunSettings, what: str) -> None:
    with pytest.raises(InputError, match=what):
        list(run_on_cluster([photos], settings))


def test_an_outcome_survives_its_journey() -> None:
    outcome = Outcome(Path(os.fsdecode(b"/x/\xff.jpg")), "captioned", "猫", ("a", "b"), None, 0.25)
    assert cluster._unpacked(json.loads(cluster._packed(outcome))) == outcome
