"""Models are found by folder, by name and by hub id, without any network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mqwen.errors import CheckpointError
from mqwen.hub import find_model, folders, installed_models, is_starter, models_folder, remove_model


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user data folder, a resources folder without a starter, and a working directory."""
    monkeypatch.setenv("MQWEN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("MQWEN_MODELS", raising=False)
    (tmp_path / "resources").mkdir()
    monkeypatch.setattr(folders, "resources_path", lambda: tmp_path / "resources")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "data" / "models"


def model(folder: Path, **config: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "llava", **config}))
    return folder


def test_a_name_a_hub_id_and_a_folder_are_found(models: Path, tmp_path: Path) -> None:
    assert models_folder() == models
    named, owned = model(models / "cats"), model(models / "owner" / "dogs-7B")
    other = model(tmp_path / "here" / "birds")
    assert (find_model("cats"), find_model("owner/dogs-7B")) == (named, owned)
    assert find_model("birds") == find_model(other) == find_model(str(other)) == other
    assert installed_models() == ["cats", "owner/dogs-7B"]


def test_the_starter_comes_with_the_package(models: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="install MQwen again"):
        find_model("starter")
    folder = model(tmp_path / "resources" / "starter", mqwen_starter=True)
    assert find_model("starter") == folder and is_starter(folder)
    assert installed_models() == ["starter"]
    assert not is_starter(model(models / "cats"))


def test_a_model_in_hugging_faces_cache_is_found(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "hf"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    repository = cache / "models--owner--parrots"
    snapshot = model(repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    assert find_model("owner/parrots") == snapshot


@pytest.mark.parametrize(
    "name", ["nonesuch", "owner/nonesuch", "~nonesuch/x", "~nonesuch", "../cats", "a/b/c", "", ".."]
)
def test_a_name_that_is_not_there_is_one_clear_error(models: Path, name: str) -> None:
    model(models / "cats")
    model(models.parent / "cats")
    with pytest.raises(CheckpointError) as caught:
        find_model(name)
    assert "config.json" in str(caught.value) or "cats" in str(caught.value)


def test_a_folder_without_a_config_says_what_is_missing(models: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json") as caught:
        find_model(tmp_path)
    assert caught.value.path == tmp_path


def test_what_a_killed_join_left_is_removed(models: Path) -> None:
    for name in ("original", "original.partial"):
        (models / ".partial" / name).mkdir(parents=True)
        (models / ".partial" / name / "model.safetensors").write_bytes(b"12345")
    assert installed_models() == []
    assert remove_model("original") == 10
    assert not list(models.rglob("*.safetensors"))
    with pytest.raises(CheckpointError, match="no model 'original'"):
        remove_model("original")
