"""`mqwen models get` as a process, against a local hub: kills, Ctrl+C, mirror and proxy; then without any network.

To load torch takes seconds: one process loads it, and forks another for each command.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mqwen.hub import find_model, installed_models
from mqwen.hub.folders import partial_folder
from mqwen.hub.verify import verify_model
from tests.cli.conftest import Run, command, environment
from tests.hub_server import Fault, Hub, Repository, running
from tests.talkative import talkative
from tests.tiny_parts import tiny_parts

pytestmark = pytest.mark.skipif(os.name == "nt", reason="kill -9, SIGINT and fork are POSIX's")

HUB_ID = "somebody/talkative"
PIECE = 50_000
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "NO_PROXY", "HF_TOKEN")
_FORKS = """
import json, os, signal, socket, sys
import mqwen.engine.captioner, mqwen.hub.download, mqwen.hub.remote, mqwen.model.exporter, mqwen.model.importer
from mqwen.cli.main import main

def refuse(*arguments, **named):
    print("the network was used", file=sys.stderr)
    raise AssertionError

print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        for number, file in ((1, asked["out"]), (2, asked["err"])):
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.environ |= asked["environment"]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if asked["offline"]:
            for name in ("connect", "connect_ex", "sendto", "bind"):
                setattr(socket.socket, name, refuse)
            socket.getaddrinfo = socket.create_connection = refuse
        status = 70
        try:
            status = main(asked["arguments"])
        finally:
            sys.stderr.flush()
            os._exit(status)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Forks:
    """Runs `mqwen`, each time in a new process."""

    def __init__(self, root: Path, endpoint: str, scratch: Path) -> None:
        self._scratch = scratch
        env = {name: value for name, value in environment(root).items() if "OFFLINE" not in name}  # it is the rule
        self._parent = subprocess.Popen(
            [sys.executable, "-c", _FORKS],
            env={**env, "HF_ENDPOINT": endpoint},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._line() == "ready"

    def start(self, *arguments: object, offline: bool = False) -> int:
        """Start a command and return its process id."""
        asked = {
            "arguments": [str(argument) for argument in arguments],
            "environment": {"MQWEN_MODELS": os.environ["MQWEN_MODELS"]},
            "offline": offline,
            "out": str(self._scratch / "out"),
            "err": str(self._scratch / "err"),
        }
        assert self._parent.stdin is not None
        self._parent.stdin.write(json.dumps(asked) + "\n")
        self._parent.stdin.flush()
        return int(self._line())

    def end(self) -> subprocess.CompletedProcess[str]:
        """Wait for the command that was started."""
        status = int(self._line())
        out, err = ((self._scratch / name).read_text(encoding="utf-8") for name in ("out", "err"))
        return subprocess.CompletedProcess([], status, out, err)

    def run(self, *arguments: object, offline: bool = False) -> subprocess.CompletedProcess[str]:
        self.start(*arguments, offline=offline)
        return self.end()

    def close(self) -> None:
        self._parent.kill()
        self._parent.communicate()

    def _line(self) -> str:
        assert self._parent.stdout is not None
        line = self._parent.stdout.readline()
        assert line, "the process that forks has ended"
        return line.strip()


@pytest.fixture(scope="module")
def server() -> Iterator[Hub]:
    with running() as hub:
        yield hub


@pytest.fixture(scope="module")
def forks(server: Hub, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with pytest.MonkeyPatch.context() as patch:
        for name in _PROXIES:
            patch.delenv(name, raising=False)
        forks = Forks(root, server.url, tmp_path_factory.mktemp("streams"))
    yield forks
    forks.close()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return talkative(tmp_path_factory.mktemp("hub") / "talkative")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MQWEN_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def hub(server: Hub, models: Path, published: Path) -> Hub:
    server.repositories = {HUB_ID: Repository.of(published)}
    server.faults, server.requests, server.pace = [], [], lambda sent: None
    return server


def stop_at(hub: Hub, sent: int, go_on: threading.Event) -> threading.Event:
    """Let the hub send so much more and then no more until `go_on`; the event says when it stopped."""
    reached, limit = threading.Event(), hub.sent + sent

    def pace(now: int) -> None:
        if now >= limit:
            reached.set()
            go_on.wait(300)

    go_on.clear()
    hub.pace = pace
    return reached


def test_five_kills_and_the_model_is_whole(hub: Hub, models: Path, published: Path, forks: Forks) -> None:
    weights = (published / "model.safetensors").stat().st_size
    arrived, go_on = [0], threading.Event()

    def size() -> int:
        return sum(path.stat().st_size for path in partial_folder(HUB_ID).glob("model.safetensors.*"))

    for _ in range(5):
        reached = stop_at(hub, weights // 6, go_on)
        process = forks.start("models", "get", HUB_ID)
        assert reached.wait(200)
        while size() < arrived[-1] + PIECE:  # what was sent is still to be received
            time.sleep(0.01)
        os.kill(process, signal.SIGKILL)
        assert forks.end().returncode == -signal.SIGKILL
        go_on.set()
        assert HUB_ID not in installed_models() and not list(models.rglob("config.json"))
        arrived.append(size())
    assert arrived == sorted(set(arrived))  # each went on from where the one before was killed
    before, hub.pace = hub.sent, lambda sent: None
    done = forks.run("models", "get", HUB_ID)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(models / HUB_ID) == str(find_model(HUB_ID))
    assert hub.sent - before < weights - arrived[-1] + 30_000  # what had come was not sent again
    assert verify_model(models / HUB_ID).problems == ()
    assert (models / HUB_ID / "model.safetensors").read_bytes() == (published / "model.safetensors").read_bytes()


def test_ctrl_c_says_that_what_came_is_kept(hub: Hub, models: Path, forks: Forks) -> None:
    go_on = threading.Event()
    reached = stop_at(hub, 200_000, go_on)
    process = forks.start("models", "get", HUB_ID)
    assert reached.wait(200)
    os.kill(process, signal.SIGINT)
    done = forks.end()
    go_on.set()
    assert done.returncode == 130 and done.stdout == ""
    assert "the same command goes on" in done.stderr and "Traceback" not in done.stderr


def test_a_licence_needs_a_yes(hub: Hub, models: Path, forks: Forks) -> None:
    hub.repositories[HUB_ID].card = {"license": "cc-by-nc-4.0", "language": ["en", "zh"]}
    done = forks.run("models", "get", HUB_ID)
    assert done.returncode == 2 and "licence: cc-by-nc-4.0    languages: en, zh    http" in done.stderr
    assert done.stderr.endswith("accepted it? Nobody is there to answer. Say yes with --yes.\n")
    assert not hub.of_file("model.safetensors") and installed_models() == ["starter"]
    done = forks.run("models", "get", HUB_ID, "--yes")
    assert done.returncode == 0 and "are here and verified" in done.stderr
    assert installed_models() == ["starter", HUB_ID]


def test_another_revision_is_asked_for_although_one_is_here(hub: Hub, models: Path, forks: Forks) -> None:
    assert forks.run("models", "get", HUB_ID).returncode == 0
    asked = len(hub.requests)
    done = forks.run("models", "get", HUB_ID)
    assert done.returncode == 0 and "it is here already" in done.stderr and len(hub.requests) == asked
    done = forks.run("models", "get", HUB_ID, "--revision", "v9")
    assert done.returncode == 2 and "does not have this revision" in done.stderr and len(hub.requests) > asked
    assert find_model(HUB_ID) == models / HUB_ID
    done = forks.run("models", "get", "original", "--revision", "v9")
    assert done.returncode == 2 and "two models" in done.stderr


def test_a_proxy_is_asked(hub: Hub, models: Path, root: Path) -> None:
    hub.faults = [Fault("/api/models/", times=100, status=404)]

    def get(endpoint: str) -> subprocess.CompletedProcess[str]:
        env = {**environment(root), "HTTP_PROXY": hub.url, "HTTPS_PROXY": hub.url, "NO_PROXY": ""}
        return subprocess.run(
            command("models", "get", HUB_ID), env={**env, "HF_ENDPOINT": endpoint}, capture_output=True, text=True
        )

    done = get("http://hub.invalid")
    assert done.returncode == 2 and "404" in done.stderr  # our server's answer: no such host exists
    assert hub.requests[-1].headers["host"] == "hub.invalid"
    done = get("https://hub.invalid")
    assert done.returncode == 2 and "proxy" in done.stderr
    assert ("CONNECT", "hub.invalid:443") in [(request.method, request.path) for request in hub.requests]


def test_what_is_here_works_without_any_network(
    hub: Hub, models: Path, forks: Forks, photos: Callable[..., Path], tmp_path: Path
) -> None:
    assert forks.run("models", "get", HUB_ID).returncode == 0
    asked = len(hub.requests)
    folder = photos("one.png")
    for arguments in (
        ("models", "list", "--json"),
        ("models", "get", HUB_ID),
        ("models", "verify", HUB_ID),
        ("models", "export", HUB_ID, tmp_path / "out"),
        ("caption", folder, "--model", HUB_ID, "--max-new-tokens", "4"),
        ("doctor", "--model", HUB_ID),
    ):
        done = forks.run(*arguments, offline=True)
        assert done.returncode == 0, (arguments, done.stderr)
    assert (folder / "one.txt").read_text().strip()
    assert "the network was used" in forks.run("models", "get", "nobody/nothing", offline=True).stderr
    assert len(hub.requests) == asked


def test_the_original_is_joined_from_two_downloads_and_an_adapter(
    hub: Hub, models: Path, forks: Forks, tmp_path: Path, inside: Run
) -> None:
    parts = tiny_parts(tmp_path / "parts")
    done = inside("models", "get", "original")
    assert done.returncode == 2 and "other_params.bin" in done.stderr and "--adapter" in done.stderr
    done = inside("models", "get", "original", "--adapter", tmp_path / "nowhere")
    assert done.returncode == 2 and "no such folder" in done.stderr
    hub.repositories["Qwen/Qwen-7B-Chat"] = Repository.of(parts.language_model, card={"license": "other"})
    hub.repositories["openai/clip-vit-large-patch14"] = Repository.of(parts.vision_tower, card={})
    get = ("models", "get", "original", "--adapter", parts.adapter)
    assert forks.run(*get).returncode == 2
    done = forks.run(*get, "--yes")
    assert done.returncode == 0, done.stderr
    assert not hub.of_file("modeling_qwen.py")
    folders = ("--language-model", parts.language_model, "--vision-tower", parts.vision_tower)
    joined = inside("models", "import", *folders, "--adapter", parts.adapter, tmp_path / "by-hand")
    assert joined.returncode == 0, joined.stderr
    for file in (tmp_path / "by-hand").iterdir():
        assert (models / "original" / file.name).read_bytes() == file.read_bytes(), file.name
    assert find_model("original") == models / "original" and installed_models() == ["starter", "original"]
    assert [path.name for path in models.rglob("*.safetensors")] == ["model.safetensors"]  # the parts are gone
