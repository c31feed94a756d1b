"""A local hub that huggingface_hub talks to, and an empty folder of models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants
from huggingface_hub.utils import close_session

from mqwen.hub import trouble
from tests.hub_server import Hub, Repository, running
from tests.tiny import tiny_llava

HUB_ID = "somebody/tiny-llava"


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model in shards, with what else is in public repositories and not needed."""
    folder = tiny_llava(tmp_path_factory.mktemp("hub") / "tiny", max_shard_size="300KB")
    (folder / "modeling_tiny.py").write_text("raise SystemExit('code of a model folder was run')\n")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "ggml-model.gguf").write_bytes(b"GGUF")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
    return folder


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models, empty."""
    monkeypatch.setenv("MQWEN_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def hub(models: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The hub with the tiny model; pauses between tries are short."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(trouble, "_FIRST_WAIT_S", 0.01)
    with running() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        close_session()
        server.repositories[HUB_ID] = Repository.of(tiny)
        yield server
        close_session()
