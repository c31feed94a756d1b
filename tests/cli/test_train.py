"""Real processes of `mqwen train`: killed, interrupted, resumed, and on two devices at once."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.cli.conftest import Run, Start, command, environment
from tests.tiny import tiny_llava

STEPS = 12
FAST = ("--steps", STEPS, "--batch-size", 4, "--rank", 4, "--learning-rate", 1e-2, "--device", "cpu", "--json")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(8):
        Image.new("RGB", (60, 60), (i * 30, 200 - i * 20, 40)).save(folder / f"p{i}.png")
        (folder / f"p{i}.txt").write_text(f"a thing of kind {i % 3}", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llava(tmp_path_factory.mktemp("models") / "base")


def log(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "training.jsonl").read_text(encoding="utf-8").splitlines()]


def wait_for_step(process: subprocess.Popen[str], step: int) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        record = json.loads(line)
        if record["event"] == "step" and record["step"] >= step:
            return
    raise AssertionError(process.stderr.read() if process.stderr else "")


@pytest.fixture
def whole(inside: Run, data: Path, base: Path, tmp_path: Path) -> list[dict[str, Any]]:
    """The log of a run that nothing interrupts."""
    assert inside("train", data, "--model", base, "--out", tmp_path / "whole", *FAST).returncode == 0
    return log(tmp_path / "whole")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_killed_twice_it_goes_on_to_the_same_log(
    start: Start, whole: list[dict[str, Any]], data: Path, base: Path, tmp_path: Path
) -> None:
    arguments = ("train", data, "--model", base, "--out", tmp_path / "out", *FAST, "--save-every", 0)
    for step in (3, 7):
        process = start(*arguments)
        wait_for_step(process, step)
        process.kill()
        process.wait()
        assert not (tmp_path / "out").exists() and (tmp_path / "out-work" / "state.pt").exists()
    process = start(*arguments)
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "goes on from step " in stderr
    assert log(tmp_path / "out") == whole
    steps = [record["step"] for record in map(json.loads, stdout.splitlines()) if record["event"] == "step"]
    assert steps[0] > 6 and steps[-1] == STEPS
    assert not (tmp_path / "out-work").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_saves_and_says_how_to_go_on(
    start: Start, inside: Run, whole: list[dict[str, Any]], data: Path, base: Path, tmp_path: Path
) -> None:
    arguments = ("train", data, "--model", base, "--out", tmp_path / "out", *FAST)
    process = start(*arguments)
    wait_for_step(process, 2)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert f"of {STEPS} steps are kept, the same command goes on from there" in stderr
    done = inside(*arguments)
    assert done.returncode == 0 and "goes on from step" in done.stderr
    assert log(tmp_path / "out") == whole


def test_two_processes_share_the_work_and_learn_the_same(
    inside: Run, data: Path, base: Path, tmp_path: Path, root: Path
) -> None:
    """Two CPU processes (gloo), started as accelerate and torchrun start one for each GPU; without dropout the losses
    are those of one process."""
    options = [*FAST, "--dropout", 0]
    done = inside("train", data, "--model", base, "--out", tmp_path / "one", *options)
    assert done.returncode == 0 and f"step {STEPS}/{STEPS}, loss " in done.stderr and "GB of memory" in done.stderr
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = command("train", data, "--model", base, "--out", tmp_path / "two", *options)
    processes = []
    for rank in range(2):
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": 2, "RANK": rank, "LOCAL_RANK": rank}
        variables = environment(root) | {name: str(value) for name, value in place.items()}
        processes.append(
            subprocess.Popen(words, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
    said = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert len(said[0][0].splitlines()) == len(log(tmp_path / "two")) and not said[1][0]  # the main process tells all
    one, two = log(tmp_path / "one"), log(tmp_path / "two")
    assert [record["step"] for record in one] == [record["step"] for record in two]
    for a, b in zip(one, two, strict=True):
        if "loss" in a:
            assert b["loss"] == pytest.approx(a["loss"], rel=1e-3), a["step"]


def test_dry_run_names_what_is_wrong_and_loads_nothing(inside: Run, data: Path, base: Path, tmp_path: Path) -> None:
    assert inside("train", data, "--model", base, "--dry-run").returncode == 0
    (data / "p1.txt").write_text(" ", encoding="utf-8")
    (data / "p2.png").write_bytes(b"\x89PNG\r\n\x1a\n half")
    (data / "metadata.jsonl").write_text('{"file_name": "gone.png", "text": "x"}\n', encoding="utf-8")
    done = inside("train", data, "--model", base, "--dry-run", "--json")
    assert done.returncode == 1
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert {Path(record["path"]).name for record in told} == {"p1.txt", "p2.png", "metadata.jsonl"}
    assert all(record["event"] == "problem" and record["reason"] and record["hint"] for record in told)
    assert done.stderr.count("left out: ") == 3 and "6 rows" not in done.stdout
    assert not (tmp_path / "tuned").exists() and not (data.parent / "tuned-work").exists()


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ((), "--out is missing"),
        (("--out", "out", "--epochs", "0"), "--epochs must be above 0"),
        (("--out", "out", "--validation", "0.9"), "--validation must be from 0 to 0.5"),
        (("--out", "out", "--lora-targets", "c_attn,lm_head"), "beside c_attn, lm_head"),
        (("--out", "out", "--rank", "8", "--dropout", "1"), "dropout from 0 to below 1"),
        (("--out", "out", "--precision", "int8"), "precision 'int8' is not known"),
        (("--out", "out", "--model", "no such model"), "there is no model"),
        (("--out", "out", "--device", "cuda"), "cuda"),
        (("--out", "out", "--replay", "gone", "--batch-size", "1"), "--batch-size must be at least 2"),
    ],
)
def test_settings_that_make_no_sense_are_told_before_anything_is_done(
    inside: Run, data: Path, base: Path, tmp_path: Path, options: tuple[str, ...], what: str
) -> None:
    given = tuple(str(tmp_path / "out") if option == "out" else option for option in options)
    model = () if "--model" in given else ("--model", base)
    done = inside("train", data, *model, *given)
    assert done.returncode == 2 and what in done.stderr
    assert not (tmp_path / "out").exists()


def test_no_data_named(inside: Run) -> None:
    done = inside("train", "--out", "x")
    assert done.returncode == 2 and "mqwen train FOLDER" in done.stderr
