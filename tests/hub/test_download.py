"""Downloads by the real huggingface_hub client from a local hub: what arrives, and what no trouble can spoil."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from mqwen.errors import Cancelled, CheckpointError, DiskFullError, DownloadError, InputError, MqwenError
from mqwen.hub import download as downloads
from mqwen.hub import find_model, installed_models, meter, partial_bytes, transfer, trouble
from mqwen.hub.download import download
from mqwen.hub.folders import partial_folder
from mqwen.hub.meter import DownloadState
from mqwen.hub.remote import look_up
from mqwen.hub.verify import verify_model
from tests.hub.conftest import HUB_ID
from tests.hub_server import Fault, Hub, Repository, Request

NEEDED = {"config.json", "generation_config.json", "preprocessor_config.json", "tokenizer.json"} | {
    "tokenizer_config.json",
    "model.safetensors.index.json",
}


def get(**options: Any) -> Path:
    return download(look_up(HUB_ID), **options)


def weights(folder: Path) -> list[str]:
    """The shards in the order in which they are downloaded: small ones first."""
    return sorted((file.name for file in folder.glob("*.safetensors")), key=lambda n: (folder / n).stat().st_size)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def assert_whole(folder: Path, tiny: Path, models: Path) -> None:
    """The folder holds what is needed, byte for byte, and nothing of the download is left elsewhere."""
    assert folder == models / HUB_ID and find_model(HUB_ID) == folder and HUB_ID in installed_models()
    names = {file.name for file in folder.iterdir()}
    assert names == NEEDED | set(weights(tiny)) | {"mqwen-download.json"}
    assert all((folder / name).read_bytes() == (tiny / name).read_bytes() for name in names - {"mqwen-download.json"})
    assert not partial_folder(HUB_ID).exists()
    assert verify_model(folder).problems == ()


def assert_no_model() -> None:
    assert HUB_ID not in installed_models()
    with pytest.raises(CheckpointError):
        find_model(HUB_ID)
    for config in partial_folder(HUB_ID).rglob("config.json"):
        raise AssertionError(f"{config} makes a model of a part")


def test_only_what_is_needed_arrives_and_is_a_model_only_at_the_end(hub: Hub, models: Path, tiny: Path) -> None:
    def half(request: Request) -> None:
        if "/api/" not in request.path:
            seen.append(installed_models() + [str(p) for p in models.rglob("config.json")])

    hub.on_request = half
    seen: list[list[str]] = []
    states: list[DownloadState] = []
    folder = get(progress=states.append)
    assert_whole(folder, tiny, models)
    assert len(seen) > 8
    assert all(names == ["starter"] for names in seen)
    assert not hub.of_file("modeling_tiny.py") and not hub.of_file("pytorch_model.bin")
    note = json.loads((folder / "mqwen-download.json").read_text())
    assert note["hub_id"] == HUB_ID and note["revision"] == hub.repositories[HUB_ID].commit
    assert note["licence"] == "apache-2.0"
    done = [state.done for state in states]
    assert done == sorted(done) and done[-1] == states[-1].total == sum(f["size"] for f in note["files"].values())
    assert constants.HF_HUB_OFFLINE  # the network is closed again


def test_a_broken_connection_is_taken_up_where_it_broke(hub: Hub, models: Path, tiny: Path) -> None:
    shard = weights(tiny)[-1]
    place = f"/cdn/{sha256(tiny / shard)}"
    hub.faults = [
        Fault(place, cut=1),
        Fault(place, cut=70_000),
        Fault(place, cut=30_000),
        Fault("tokenizer.json", cut=9),
    ]
    assert_whole(get(), tiny, models)
    ranges = [request.headers.get("range") for request in hub.of_file(shard)]
    assert ranges == [None, "bytes=1-", "bytes=70001-", "bytes=100001-"]
    total = sum((tiny / name).stat().st_size for name in NEEDED | set(weights(tiny)))
    looked_into = sum((tiny / name).stat().st_size for name in ("config.json", "model.safetensors.index.json"))
    assert hub.sent == total + looked_into  # not a byte twice


def test_a_server_that_cannot_go_on_is_asked_from_the_beginning(hub: Hub, models: Path, tiny: Path) -> None:
    large = [f"/cdn/{sha256(tiny / name)}" for name in weights(tiny)]
    refusals = [Fault(large[0], whole=True), Fault(large[1], misplaced=True), Fault(large[2], status=416)]
    hub.faults = [Fault(place, cut=40_000) for place in large] + refusals
    assert_whole(get(), tiny, models)
    assert all(fault.times == 0 for fault in hub.faults)


def test_faults_that_pass_are_waited_for(hub: Hub, models: Path, tiny: Path) -> None:
    passing = (408, 429, 500, 502, 503, 504)
    places = [("/cdn/", "GET"), ("/generation_config.json", "GET"), ("/tokenizer_config.json", "HEAD")]
    hub.faults = [Fault(place, status=status, method=method) for place, method in places for status in passing]
    hub.faults += [Fault("/api/models/somebody/tiny-llava", status=502), Fault("/tree/", status=500)]
    states: list[DownloadState] = []
    assert_whole(get(progress=states.append), tiny, models)
    assert all(fault.times == 0 for fault in hub.faults)
    assert sum(state.phase == "waiting" and "again in" in state.note for state in states) > 12


def test_the_pauses_grow_and_the_server_says_how_long(
    hub: Hub, models: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(trouble, "_FIRST_WAIT_S", 1.0)
    monkeypatch.setattr(trouble, "_wait", lambda seconds, cancelled: pauses.append(seconds))
    limited = {"RateLimit": '"resolvers";r=0;t=55', "RateLimit-Policy": '"fixed window";"resolvers";q=500;w=300'}
    hub.faults = [
        *(Fault("/cdn/", status=503) for _ in range(4)),
        Fault("/cdn/", status=429, headers={"Retry-After": "37"}),
        Fault("/cdn/", status=429, headers=limited),
    ]
    assert_whole(get(), tiny, models)
    grown, asked = pauses[:4], pauses[4:]
    assert asked == [37, 55]
    assert all(0.8 * 2**i <= pause <= 1.2 * 2**i for i, pause in enumerate(grown))


def test_a_server_that_asks_for_an_hour_is_not_waited_for(hub: Hub) -> None:
    hub.faults = [Fault("/cdn/", status=429, headers={"Retry-After": "3600"})]
    with pytest.raises(DownloadError, match="60 minutes"):
        get()
    assert_no_model()


def test_a_fault_that_stays_ends_the_download_and_keeps_what_came(hub: Hub, models: Path, tiny: Path) -> None:
    last = weights(tiny)[-1]
    hub.faults = [Fault(f"/cdn/{sha256(tiny / last)}", times=100, status=500)]
    with pytest.raises(DownloadError, match="HTTP 500") as caught:
        get()
    assert last in str(caught.value)
    assert_no_model()
    assert partial_bytes(HUB_ID) > 0
    hub.faults, hub.requests = [], []
    assert_whole(get(), tiny, models)
    assert [name for name in weights(tiny) if hub.of_file(name)] == [last]


def test_wrong_bytes_are_fetched_once_more_and_never_become_a_model(hub: Hub, models: Path, tiny: Path) -> None:
    shard = weights(tiny)[1]
    place = f"/cdn/{sha256(tiny / shard)}"
    hub.faults = [Fault(place, garble=True), Fault("tokenizer_config.json", garble=True)]
    assert_whole(get(), tiny, models)
    assert len(hub.of_file(shard)) == 2
    shutil.rmtree(models)
    hub.faults = [Fault(place, times=100, garble=True)]
    with pytest.raises(DownloadError, match="as the hub lists it"):
        get()
    assert_no_model()


def test_a_damaged_part_of_an_earlier_try_does_not_spoil_the_next(hub: Hub, models: Path, tiny: Path) -> None:
    shard = next(name for name in weights(tiny) if (tiny / name).stat().st_size > 60_000)
    hub.faults = [Fault("/cdn/", cut=50_000), Fault("/cdn/", times=100, status=503)]
    with pytest.raises(DownloadError):
        get()
    (part,) = [path for path in partial_folder(HUB_ID).glob("*.part") if path.stat().st_size]
    part.write_bytes(b"\0" * 40_000)
    hub.faults = []
    assert_whole(get(), tiny, models)
    assert [request.headers.get("range") for request in hub.of_file(shard)][-2:] == ["bytes=40000-", None]


def test_cancel_keeps_what_came(hub: Hub, models: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meter, "_TELL_EVERY_S", 0.0)
    states: list[DownloadState] = []
    with pytest.raises(Cancelled):
        get(progress=states.append, cancelled=lambda: bool(states) and states[-1].done > 300_000)
    assert_no_model()
    before = partial_bytes(HUB_ID)
    assert before > 200_000
    sent = hub.sent
    assert_whole(get(), tiny, models)
    assert hub.sent - sent < 720_000 - before


def test_cancel_ends_a_pause(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trouble, "_FIRST_WAIT_S", 500.0)
    hub.faults = [Fault("/cdn/", times=100, status=503)]
    waits: list[str] = []

    def told(state: DownloadState) -> None:
        if state.phase == "waiting":
            waits.append(state.note)

    with pytest.raises(Cancelled):
        get(progress=told, cancelled=lambda: bool(waits))
    assert_no_model()


def test_a_changed_repository_goes_on_with_the_files_that_stayed(hub: Hub, models: Path, tiny: Path) -> None:
    hub.faults = [Fault(f"/cdn/{sha256(tiny / weights(tiny)[-1])}", times=100, status=500)]
    with pytest.raises(DownloadError):
        get()
    hub.faults, hub.requests = [], []
    repository = hub.repositories[HUB_ID]
    changed = {**repository.files, "generation_config.json": b'{"eos_token_id": 256}'}
    hub.repositories[HUB_ID] = Repository(changed)
    folder = get()
    assert (folder / "generation_config.json").read_bytes() == changed["generation_config.json"]
    assert [name for name in weights(tiny) if hub.of_file(name)] == weights(tiny)[-1:]
    assert not partial_folder(HUB_ID).exists()


def test_an_update_takes_what_did_not_change_from_the_old_one(hub: Hub, models: Path, tiny: Path) -> None:
    folder = get()
    (folder / weights(tiny)[0]).write_bytes(b"damaged")
    changed = {**hub.repositories[HUB_ID].files, "generation_config.json": b'{"eos_token_id": 256}'}
    hub.repositories[HUB_ID] = Repository(changed)
    hub.requests = []
    hub.faults = [Fault("/cdn/", times=100, status=404)]
    with pytest.raises(DownloadError):
        get()
    assert find_model(HUB_ID) == folder and (folder / weights(tiny)[0]).read_bytes() == b"damaged"
    hub.faults = []
    get()
    fetched = {name for name in changed if hub.of_file(name)}
    assert fetched == {"config.json", "model.safetensors.index.json", "generation_config.json", weights(tiny)[0]}
    assert verify_model(folder).problems == () and verify_model(folder).revision == hub.repositories[HUB_ID].commit


def test_a_killed_end_is_made_good(hub: Hub, models: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path.replace
    for at in (1, 4, len(NEEDED) + len(weights(tiny))):  # the last is config.json's
        renamed = 0

        def replace(path: Path, target: Path, at: int = at) -> Path:
            nonlocal renamed
            if target.parent.name.startswith("commit-"):
                renamed += 1
                if renamed == at:
                    raise KeyboardInterrupt
            return original(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", replace)
            with pytest.raises(KeyboardInterrupt):
                get()
        assert_no_model()
        sent = hub.sent
        assert_whole(get(), tiny, models)
        assert hub.sent - sent < 20_000  # the two small files that are looked into
        shutil.rmtree(models)


def test_two_processes_do_not_download_the_same_model(hub: Hub, models: Path) -> None:
    offer = look_up(HUB_ID)
    with downloads._alone(partial_folder(HUB_ID)), pytest.raises(DownloadError, match="another process"):
        download(offer)
    download(offer)


def test_the_disk_is_looked_at_before(hub: Hub, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=downloads._SPARE_BYTES + 500_000))
    offer = look_up(HUB_ID)
    hub.requests = []
    with pytest.raises(DiskFullError, match=r"0\.00 GB are free|0\.10 GB are free"):
        download(offer)
    assert hub.requests == []


def test_a_disk_that_fills_up_says_so(hub: Hub, tiny: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(transfer.os, "fsync", full)
        with pytest.raises(DiskFullError, match="disk is full"):
            get()
    assert_no_model()
    assert_whole(get(), tiny, models)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault("/api/models", status=404), "404"),
        (Fault("/api/models", status=401), "not open to you"),
        (Fault("/api/models", status=403, headers={"X-Error-Code": "GatedRepo"}), "on request only"),
        (Fault("/api/models", status=410), "HTTP 410"),
        (Fault("/cdn/", status=404), "404"),
    ],
    ids=repr,
)
def test_what_the_hub_refuses_is_not_asked_for_twice(hub: Hub, fault: Fault, says: str) -> None:
    hub.faults = [fault]
    with pytest.raises(DownloadError, match=says):
        get()
    assert_no_model()


def test_an_unknown_repository_and_revision(hub: Hub) -> None:
    with pytest.raises(DownloadError, match="no such model"):
        look_up("nobody/nothing")
    with pytest.raises(DownloadError, match="revision"):
        look_up(HUB_ID, revision="v9")
    with pytest.raises(InputError, match="no model on the hub"):
        look_up("no-hub-id")
    assert look_up(HUB_ID, revision=hub.repositories[HUB_ID].commit).revision == hub.repositories[HUB_ID].commit


def test_a_token_goes_to_the_hub_and_nowhere_else(
    hub: Hub, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "hf_averysecrettoken"
    hub.repositories[HUB_ID].token = secret
    hub.repositories[HUB_ID].gated = True
    (tmp_path / "token").write_text("hf_wrong")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    with pytest.raises(DownloadError, match="on request only") as caught:
        look_up(HUB_ID)
    assert "hf auth login" in str(caught.value) and "hf_wrong" not in str(caught.value)
    (tmp_path / "token").write_text(secret)
    hub.requests = []
    notes: list[DownloadState] = []
    with caplog.at_level(logging.DEBUG):
        folder = get(progress=notes.append)
    assert all(("authorization" in request.headers) != request.cdn for request in hub.requests)
    assert any(request.cdn for request in hub.requests)
    assert secret not in caplog.text and not any(secret in str(note) for note in notes)
    assert not any(secret.encode() in file.read_bytes() for file in folder.iterdir())


def test_a_licence_that_is_not_permissive_has_to_be_accepted(hub: Hub) -> None:
    for card, named in (
        ({"license": "other", "license_name": "tongyi-qianwen"}, "tongyi-qianwen"),
        ({"license": "cc-by-nc-4.0"}, "cc-by-nc-4.0"),
        ({}, None),
    ):
        hub.repositories[HUB_ID].card = card
        offer = look_up(HUB_ID)
        assert offer.licence == named and not offer.permissive
        with pytest.raises(InputError, match=re.escape(named or "its page names none")):
            download(offer)
    assert download(offer, accept_licence=True).is_dir()


def test_a_licence_in_the_list_and_another_on_the_page(hub: Hub, tiny: Path) -> None:
    research = "llava-hf/llava-interleave-qwen-0.5b-hf"
    hub.repositories[research] = Repository.of(tiny, card={"license": "apache-2.0"})
    offer = look_up("llava-interleave-0.5b")
    assert offer.hub_id == research and not offer.permissive and "research only" in str(offer.licence)


def test_pickles_are_taken_only_if_there_is_nothing_else_and_the_user_agrees(
    hub: Hub, models: Path, tiny: Path
) -> None:
    import torch
    from safetensors.torch import load_file

    state: dict[str, torch.Tensor] = {}
    for name in weights(tiny):
        state |= load_file(tiny / name)
    torch.save(state, models.parent / "weights.bin")
    kept = {name: (tiny / name).read_bytes() for name in NEEDED - {"model.safetensors.index.json"}}
    hub.repositories[HUB_ID] = Repository(kept | {"pytorch_model.bin": (models.parent / "weights.bin").read_bytes()})
    offer = look_up(HUB_ID)
    assert offer.pickles
    with pytest.raises(InputError, match="pickles"):
        download(offer)
    assert not hub.of_file("pytorch_model.bin")
    folder = download(offer, allow_pickles=True)
    assert (folder / "pytorch_model.bin").is_file()


def change(hub: Hub, **fields: Any) -> None:
    files = hub.repositories[HUB_ID].files
    files["config.json"] = json.dumps(json.loads(files["config.json"]) | fields).encode()


def without(*names: str) -> Any:
    def leave_out(hub: Hub) -> None:
        files = hub.repositories[HUB_ID].files
        for name in names:
            for found in [n for n in files if re.fullmatch(name, n)]:
                del files[found]

    return leave_out


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda hub: change(hub, model_type="llava_next"), "unknown architecture: model_type is 'llava_next'"),
        (lambda hub: change(hub, model_type="qwen2"), "language model alone"),
        (lambda hub: change(hub, text_config={"model_type": "llama"}), "'llama'"),
        (lambda hub: change(hub, quantization_config={"bits": 4}), "quantised already"),
        (lambda hub: change(hub, vision_feature_layer=99), "makes no model"),
        (lambda hub: hub.repositories[HUB_ID].files.update({"config.json": b"{"}), "config.json"),
        (without("config.json"), "no config.json"),
        (without(r"model.*", r"pytorch.*"), "no weights that MQwen can read"),
        (without(r"model-00002.*"), "lacks model-00002"),
        (without(r"tokenizer\.json"), "tokenizer"),
        (
            lambda hub: hub.repositories[HUB_ID].files.update(
                {"preprocessor_config.json": b'{"crop_size": 224, "do_center_crop": true}'}
            ),
            "the vision tower takes",
        ),
    ],
)
def test_why_not_is_told_before_the_large_files(hub: Hub, tiny: Path, spoil: Any, says: str) -> None:
    spoil(hub)
    with pytest.raises(CheckpointError, match=re.escape(says)) as caught:
        get()
    assert "somebody/tiny-llava" in str(caught.value) and "/tmp/" not in str(caught.value)
    assert not any(hub.of_file(name) for name in weights(tiny))
    assert_no_model()


def test_weights_of_another_model_are_refused_and_not_kept(hub: Hub, models: Path) -> None:
    fields = json.loads(hub.repositories[HUB_ID].files["config.json"])
    three = {"num_hidden_layers": 3, "layer_types": ["full_attention"] * 3}
    change(hub, text_config=fields["text_config"] | three)
    with pytest.raises(CheckpointError, match="is missing"):
        get()
    assert_no_model()
    assert partial_bytes(HUB_ID) == 0


def test_no_connection_is_one_clear_error(models: Path, hub: Hub) -> None:
    hub.stop()
    with pytest.raises(MqwenError, match="no connection"):
        look_up(HUB_ID)
