"""The models dialog on a real folder of models and a local hub: what it shows, and that it does what it says."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PySide6.QtWidgets import QDialogButtonBox

from desktop.model_words import ModelWords
from desktop.model_work import Row
from desktop.settings import Settings
from desktop.task import Task
from desktop.window import MainWindow
from desktop.worker import CaptionWorker
from mqwen.errors import Cancelled, DeviceError, InputError
from mqwen.hub import STARTER, find_model, installed_models, known_model, known_models, partial_bytes
from mqwen.hub.machine import Machine, suits
from tests.desktop.fakes import FakeCaptioner, Loader
from tests.hub.conftest import HUB_ID, hub, models, tiny  # noqa: F401 - fixtures
from tests.hub_server import Fault
from tests.tiny_parts import tiny_parts


@pytest.fixture
def window(qtbot, store, models):  # noqa: F811
    window = MainWindow(Settings(store), worker=CaptionWorker(Loader(FakeCaptioner())))
    window.show()
    yield window
    window.close()
    qtbot.waitUntil(window.isHidden)
    window.deleteLater()


@pytest.fixture
def part(qtbot, window):
    window.models_part.open()
    qtbot.waitUntil(lambda: window.models_part._looking is None)
    return window.models_part


def rows(part):
    table = part.dialog.table
    items = [table.topLevelItem(place) for place in range(table.topLevelItemCount())]
    return {item.data(0, 0x0100).name: [item.text(column) for column in range(4)] for item in items}


def ended(qtbot, part):
    qtbot.waitUntil(lambda: not part.busy() and part._looking is None)
    return part.dialog.status.text()


def test_lists_what_is_known_and_what_is_here(qtbot, window, part, models, tiny):  # noqa: F811
    found = rows(part)
    assert set(found) == {model.name for model in known_models()}
    assert found["starter"][1] == "Runs on every machine" and found["starter"][3] == "here"
    assert all(fit for _, fit, _, _ in found.values())
    assert "of main memory" in part.dialog.machine.text()
    shutil.copytree(tiny, models / "mine")
    part.look()
    ended(qtbot, part)
    assert rows(part)["mine"][3] == "here"
    part.dialog.choose("mine")
    part.dialog.use.click()
    assert window.bar.choices().model == "mine" and part.dialog.isHidden()


def test_says_in_plain_words_what_fits():
    words = ModelWords()

    def fit(name: str, card: float, memory: float) -> str:
        known, machine = known_model(name), Machine(int(card * 1e9), int(memory * 1e9))
        return words.fit(Row(name, known, None, 0, 0, suits(known, machine), False), machine)

    assert fit("llava-qwen1.5-4b", 24, 64) == "Fits your graphics card"
    assert fit("llava-qwen1.5-4b", 8, 64) == "Fits your graphics card with weights in 8 bits"
    assert fit("llava-qwen2-7b-chinese-clip", 9, 16) == "Fits your graphics card with weights in 4 bits"
    assert fit("llava-qwen2-7b-chinese-clip", 4, 64) == "Larger than your graphics card: runs, but slowly"
    assert fit("llava-qwen2-7b-chinese-clip", 4, 16).startswith("Too large")
    assert fit("llava-interleave-0.5b", 0, 8) == "Fits; slow, without a graphics card"
    assert fit("llava-qwen1.5-4b", 0, 16) == "Fits with weights in 8 bits; slow, without a graphics card"
    assert fit("llava-qwen2-7b-chinese-clip", 0, 8).startswith("Too large: needs 12.1 GB")


def test_every_known_model_is_described_in_the_windows_own_words():
    words = ModelWords()
    for known in known_models():
        row = Row(known.name, known, None, 0, 0, "", False)
        assert words.about(row) != known.about, f"{known.name} has no words that a translation reaches"


def agree(qtbot, part):
    qtbot.waitUntil(lambda: part.consent is not None and part.consent.isVisible())
    return part.consent


def test_a_model_of_the_hub_is_downloaded_after_consent(qtbot, window, part, hub):  # noqa: F811
    part.dialog.hub_id.setText(HUB_ID)
    part.dialog.other.click()
    consent = agree(qtbot, part)
    assert HUB_ID in consent.findChildren(type(part.dialog.about))[0].text() and not consent.boxes
    assert HUB_ID not in installed_models(), "nothing comes before the user agrees"
    consent.download.click()
    ended(qtbot, part)
    assert HUB_ID in installed_models()
    assert part.dialog.status.text() == f"{HUB_ID} is here, and every file is verified."
    assert rows(part)[HUB_ID][3] == "here"
    assert window.bar.model.findData(HUB_ID) >= 0


def test_a_licence_that_is_not_permissive_has_to_be_accepted(qtbot, part, hub):  # noqa: F811
    hub.repositories[HUB_ID].card = {"license": "cc-by-nc-4.0"}
    part.get(HUB_ID)
    consent = agree(qtbot, part)
    assert len(consent.boxes) == 1 and not consent.download.isEnabled()
    consent.boxes[0].setChecked(True)
    assert consent.download.isEnabled()
    consent.buttons.button(QDialogButtonBox.StandardButton.Cancel).click()
    assert not part.busy() and HUB_ID not in installed_models() and partial_bytes(HUB_ID) == 0


def test_a_download_that_is_stopped_goes_on_from_there(qtbot, part, hub, tiny):  # noqa: F811
    largest = max(tiny.glob("*.safetensors"), key=lambda file: file.stat().st_size).read_bytes()
    part.get(HUB_ID)
    consent = agree(qtbot, part)
    hub.on_request = lambda request: part._task.stop() if request.path.endswith(".safetensors") else None
    consent.download.click()
    assert "goes on from there" in ended(qtbot, part)
    assert HUB_ID not in installed_models()
    hub.on_request = lambda request: None
    part.get(HUB_ID)
    agree(qtbot, part).download.click()
    assert "verified" in ended(qtbot, part)
    assert any(file.read_bytes() == largest for file in find_model(HUB_ID).glob("*.safetensors"))


def test_a_hub_that_does_not_answer_is_told_in_the_dialog(qtbot, part, hub):  # noqa: F811
    part.get("nobody/nothing")
    text = ended(qtbot, part)
    assert "nobody/nothing" in text and part.dialog.get is not None
    hub.faults.append(Fault("/api/", times=99, status=503))
    part.get(HUB_ID)
    assert ended(qtbot, part)
    assert HUB_ID not in installed_models()


def test_a_damaged_model_is_found_and_can_be_removed(qtbot, window, part, hub):  # noqa: F811
    part.get(HUB_ID)
    agree(qtbot, part).download.click()
    ended(qtbot, part)
    part.check(HUB_ID)
    assert "every file is as it was downloaded" in ended(qtbot, part)
    weights = next(find_model(HUB_ID).glob("*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    part.check(HUB_ID)
    assert weights.name in ended(qtbot, part)
    window.bar.set_model(HUB_ID)
    part.dialog.choose(HUB_ID)
    part.dialog.remove.click()
    assert HUB_ID in installed_models(), "asked first"
    next(button for button in part.question.buttons() if button.text() == "&Delete").click()
    assert "free again" in ended(qtbot, part)
    assert HUB_ID not in installed_models() and HUB_ID not in rows(part)
    assert window.bar.choices().model == STARTER and window.bar.model.findData(HUB_ID) < 0


def test_the_three_parts_are_joined_to_a_model(qtbot, window, part, models, tmp_path):  # noqa: F811
    parts = tiny_parts(tmp_path / "parts")
    part.dialog.parts.click()
    asked = part.parts
    ok = asked.buttons.button(QDialogButtonBox.StandardButton.Ok)
    for field, text in zip(asked.fields(), [*map(str, parts), "joined"], strict=True):
        assert not ok.isEnabled() or field is asked.fields()[-1]
        field.setText(text)
    ok.click()
    assert ended(qtbot, part) == "joined is made."
    assert (models / "joined" / "model.safetensors").exists() or list((models / "joined").glob("*.safetensors"))
    assert rows(part)["joined"][3] == "here" and window.bar.model.findData("joined") >= 0
    part.join(*parts, "joined")
    assert "already" in ended(qtbot, part)
    part.join(*parts, "../out")
    assert "cannot be the name" in ended(qtbot, part)
    assert not (models.parent / "out").exists()


def test_a_folder_is_taken_only_if_it_is_a_model(qtbot, window, part, tiny, tmp_path):  # noqa: F811
    before = window.bar.choices().model
    (tmp_path / "empty").mkdir()
    part.add_folder(tmp_path / "empty")
    assert "config.json" in ended(qtbot, part)
    assert window.bar.choices().model == before
    part.add_folder(tiny)
    ended(qtbot, part)
    assert window.bar.choices().model == str(tiny)


def test_a_test_loads_the_model_and_says_what_it_says(qtbot, part):
    part.dialog.choose("starter")
    part.dialog.test.click()
    text = ended(qtbot, part)
    assert text == "starter works. It says: A picture called scene-01."
    part._window.captioning._worker._load_captioner.error = DeviceError("there is no room", hint="Take another.")
    part.dialog.unload.click()
    part.dialog.test.click()
    assert "does not work here: there is no room. Take another." in ended(qtbot, part)


def test_a_task_ends_in_exactly_one_way(qtbot):
    def work(how):
        def do(task):
            task.tell(how)
            if isinstance(how, Exception):
                raise how
            task.check()
            return how

        return do

    for how, expected in (("fine", "done"), (InputError("no"), "failed"), (Cancelled("x"), "cancelled")) + (
        (ZeroDivisionError("y"), "failed"),
    ):
        task, seen = Task(work(how)), []
        task.done.connect(lambda result, seen=seen: seen.append(("done", result)))
        task.failed.connect(lambda error, seen=seen: seen.append(("failed", str(error))))
        task.cancelled.connect(lambda seen=seen: seen.append(("cancelled", "")))
        task.start()
        qtbot.waitUntil(lambda seen=seen, task=task: bool(seen) and task.isFinished())
        assert len(seen) == 1 and seen[0][0] == expected
    assert seen == [("failed", "ZeroDivisionError: y")]


def test_a_window_that_closes_stops_a_download(qtbot, window, part, hub):  # noqa: F811
    part.get(HUB_ID)
    consent = agree(qtbot, part)
    hub.faults.append(Fault("/resolve/", times=500, status=503))
    consent.download.click()
    qtbot.waitUntil(part.busy)
    window.close()
    assert part._task is None or part._task.isFinished()


def test_paths_are_shown_where_a_model_is(part):
    part.dialog.choose("starter")
    assert str(Path("resources") / "starter") in part.dialog.details.text()
