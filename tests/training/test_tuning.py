"""The tuning itself, on tiny random models: what it learns, what it leaves alone, and what comes out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from mqwen.engine.prompts import LANGUAGES, STYLES, prompt_for
from mqwen.errors import Cancelled, CheckpointError, DeviceError, ImageError, InputError, MqwenError
from mqwen.model import load_checkpoint, load_parts
from mqwen.model.importer import import_parts
from mqwen.model.processor import MQwenProcessor
from mqwen.model.splice import MQwenForConditionalGeneration
from mqwen.training.answer_loss import AnswerLoss
from mqwen.training.dataset import Question, read_examples
from mqwen.training.lora import LoraSettings, attach_lora
from mqwen.training.settings import TuningJob, TuningSettings
from mqwen.training.tokens import TokenRow, collate, encode
from mqwen.training.tuning import tune
from mqwen.training.tuning_data import Watcher
from mqwen.training.tuning_device import choose_machine, trained_parameters
from mqwen.training.tuning_loop import Loaded, Tuner, pictures_of
from tests.tiny import tiny_llava
from tests.tiny_parts import tiny_parts

FAST = TuningSettings(
    steps=6, batch_size=4, learning_rate=1e-2, projector_learning_rate=1e-2, lora=LoraSettings(r=4), validations=1
)


def captioned(folder: Path, count: int = 12) -> Path:
    folder.mkdir(parents=True)
    for i in range(count):
        Image.new("RGB", (60, 60), (i * 20, 255 - i * 20, 40 * (i % 3))).save(folder / f"p{i:02}.png")
        (folder / f"p{i:02}.txt").write_text(f"thing {i % 3}" + " more" * (i % 4), encoding="utf-8")
    return folder


class Listener(Watcher):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.records: list[dict[str, Any]] = []
        self.problems: list[str] = []

    def said(self, text: str) -> None:
        self.lines.append(text)

    def recorded(self, record: Mapping[str, Any]) -> None:
        self.records.append(dict(record))

    def problem(self, error: MqwenError) -> None:
        self.problems.append(str(error))

    def losses(self) -> list[float]:
        return [record["loss"] for record in self.records if record["event"] == "step"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llava(tmp_path_factory.mktemp("models") / "base", dtype=torch.float16)


@pytest.fixture
def job(base: Path, tmp_path: Path) -> TuningJob:
    return TuningJob(captioned(tmp_path / "photos"), base, tmp_path / "out", tmp_path / "out-work", FAST, device="cpu")


def rows_of(base: Path, data: Path) -> tuple[MQwenProcessor, list[TokenRow]]:
    processor = MQwenProcessor.from_folder(base, load_checkpoint(base).config)
    return processor, [row for e in read_examples(data, Question()).examples for row in encode(processor, e)]


def tuner_of(base: Path, micro_batch: int, settings: TuningSettings = FAST) -> Tuner:
    from accelerate import Accelerator

    model = perturbed(base, settings)
    processor = MQwenProcessor.from_folder(base, model.config)
    return Tuner(model, processor, settings, Accelerator(cpu=True), micro_batch=micro_batch)


def test_it_learns_and_what_comes_out_captions(job: TuningJob, base: Path) -> None:
    listener = Listener()
    tuned = tune(job, listener)
    losses = listener.losses()
    assert len(losses) == 6 and losses[-1] < 0.8 * losses[0]
    assert tuned.before is not None and tuned.after is not None and tuned.after < tuned.before
    validations = [r for r in listener.records if r["event"] == "validation"]
    assert [r["step"] for r in validations] == [0, 3, 6]
    assert all(
        Path(s["photo"]).is_file() and s["wanted"].startswith("thing") for r in validations for s in r["samples"]
    )
    assert not job.work.exists()
    assert [json.loads(line) for line in (job.out / "training.jsonl").read_text().splitlines()] == listener.records

    before, after = load_file(base / "model.safetensors"), load_file(job.out / "model.safetensors")
    changed = {
        name
        for name, tensor in after.items()
        if not torch.equal(tensor, before.get(name, before.get(name.replace("vision_model.", ""), tensor + 1)))
    }
    kinds = {name.split(".")[-2] for name in changed}
    assert kinds == {"linear_1", "linear_2", "q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"}
    assert {tensor.dtype for tensor in after.values()} == {torch.float16}

    from transformers import LlavaForConditionalGeneration

    from mqwen import Captioner

    assert Captioner.load(job.out, device="cpu").caption(job.data / "p00.png", max_new_tokens=4).tokens <= 4
    LlavaForConditionalGeneration.from_pretrained(job.out)


def test_the_adapter_stands_beside_the_parts_of_the_original(tmp_path: Path) -> None:
    """What was trained on an imported Qwen-1: load_parts and `models import --adapter` make the same model of it."""
    parts = tiny_parts(tmp_path / "parts")
    import_parts(parts.language_model, parts.vision_tower, None, tmp_path / "base")
    data = captioned(tmp_path / "photos", 6)
    tune(TuningJob(data, tmp_path / "base", tmp_path / "out", tmp_path / "work", FAST, device="cpu"))
    tuned = load_checkpoint(tmp_path / "out")
    import_parts(parts.language_model, parts.vision_tower, tmp_path / "out" / "adapter", tmp_path / "joined")
    ids, pixel_values = torch.tensor([[5, 259, 7, 8]]), torch.randn(1, 3, 56, 56)
    with torch.no_grad():
        expected = tuned(ids, pixel_values).logits
        assert (load_checkpoint(tmp_path / "base")(ids, pixel_values).logits - expected).abs().max() > 0.05
        for same in (
            load_parts(parts.language_model, parts.vision_tower, tmp_path / "out" / "adapter"),
            load_checkpoint(tmp_path / "joined"),
        ):
            torch.testing.assert_close(same(ids, pixel_values).logits, expected, rtol=0, atol=1e-5)


def perturbed(base: Path, settings: TuningSettings = FAST) -> MQwenForConditionalGeneration:
    """The model with a LoRA that does something."""
    torch.manual_seed(1)
    model = load_checkpoint(base)
    attach_lora(model, settings.lora)
    with torch.no_grad():
        for matrices in model.lora.by_module().values():
            matrices.lora_B.normal_(0, 0.1)
    return model


def test_the_loss_is_the_model_s_own_without_the_logits_that_nobody_learns(base: Path, job: TuningJob) -> None:
    processor, rows = rows_of(base, job.data)
    batch = collate(rows[:5], [pictures_of(processor, row.photos) for row in rows[:5]], processor.pad_id)
    model = perturbed(base).eval()
    with torch.no_grad():
        loss, drift = AnswerLoss(model)(**vars(batch))
        mean = model(batch.input_ids, batch.pixel_values, batch.attention_mask, batch.labels).loss
    assert float(loss) / sum(row.told for row in rows[:5]) == pytest.approx(float(mean), rel=1e-6)
    assert float(drift) == 0


def test_the_drift_is_the_divergence_from_the_model_as_it_was(base: Path, job: TuningJob) -> None:
    processor, rows = rows_of(base, job.data)
    rows = [replace(row, replayed=i in (0, 3)) for i, row in enumerate(rows[:5])]
    batch = collate(rows, [pictures_of(processor, row.photos) for row in rows], processor.pad_id)
    model = perturbed(base).eval()
    measure = AnswerLoss(model)
    with torch.no_grad():
        model.multi_modal_projector.linear_2.weight += 0.05
        loss, drift = measure(**vars(batch))
        expected = {False: 0.0, True: 0.0}
        before = load_checkpoint(base)
        for i, row in enumerate(rows):
            ids, picture = torch.tensor([row.ids]), batch.pixel_values[i : i + 1]
            told = model(ids, picture).logits[0, -row.told - 1 : -1].log_softmax(-1)
            if row.replayed:
                was = before(ids, picture).logits[0, -row.told - 1 : -1].log_softmax(-1)
                expected[True] += float((was.exp() * (was - told)).sum())
            else:
                expected[False] -= float(told.gather(1, torch.tensor(row.ids[-row.told :])[:, None]).sum())
    assert expected[True] > 1
    assert (float(loss), float(drift)) == pytest.approx((expected[False], expected[True]), rel=1e-4)


def test_what_has_not_changed_does_not_drift(base: Path, job: TuningJob) -> None:
    processor, rows = rows_of(base, job.data)
    batch = collate(
        [replace(row, replayed=True) for row in rows[:4]],
        [pictures_of(processor, row.photos) for row in rows[:4]],
        processor.pad_id,
    )
    model = load_checkpoint(base)
    attach_lora(model, LoraSettings(r=4, dropout=0.0))
    loss, drift = AnswerLoss(model)(**vars(batch))
    drift.backward()
    assert float(loss.detach()) == 0 and abs(float(drift.detach())) < 1e-4
    assert all(p.grad is None or p.grad.abs().max() < 1e-4 for p in model.parameters())


def test_a_batch_in_pieces_gives_the_same_gradient(base: Path, job: TuningJob) -> None:
    """Answers have unequal lengths: a mean of the pieces' means would be another loss."""
    settings = replace(FAST, lora=LoraSettings(r=4, dropout=0.0))
    gradients = []
    for micro_batch in (5, 2, 1):
        tuner = tuner_of(base, micro_batch, settings)
        processor, rows = rows_of(base, job.data)
        rows = [replace(row, replayed=i in (1, 4)) for i, row in enumerate(rows[:5])]
        pictures = [pictures_of(processor, row.photos) for row in rows]
        told = [sum(row.told for row in rows if row.replayed == kind) for kind in (False, True)]
        tuner._gradients(Loaded(0, rows, pictures, *told))
        gradients.append({n: p.grad.clone() for n, p in tuner.model.named_parameters() if p.grad is not None})
    assert any(name.startswith("lora.") for name in gradients[0]) and len(gradients[0]) == 2 * 2 * 3 + 4
    for other in gradients[1:]:
        for name, gradient in gradients[0].items():
            torch.testing.assert_close(other[name], gradient, rtol=1e-4, atol=1e-6)


def test_when_memory_runs_out_the_batch_is_cut_and_the_step_is_the_same(
    base: Path, job: TuningJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor, rows = rows_of(base, job.data)
    loaded = Loaded(0, rows[:4], [pictures_of(processor, row.photos) for row in rows[:4]], 40)
    whole, small = tuner_of(base, 4), tuner_of(base, 1)
    forward = AnswerLoss.forward

    def short_of_memory(self: AnswerLoss, input_ids: torch.Tensor, **others: torch.Tensor) -> torch.Tensor:
        if len(input_ids) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, input_ids, **others)

    monkeypatch.setattr(AnswerLoss, "forward", short_of_memory)
    assert whole.step(loaded, 10) == small.step(loaded, 10)
    for a, b in zip(whole.model.parameters(), small.model.parameters(), strict=True):
        assert torch.equal(a, b)

    def never(self: AnswerLoss, **batch: torch.Tensor) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(AnswerLoss, "forward", never)
    with pytest.raises(DeviceError, match="1 row"):
        whole.step(loaded, 10)


@pytest.mark.parametrize("after", [0, 2, 5])
def test_a_stopped_run_goes_on_to_the_same_log_and_weights(job: TuningJob, tmp_path: Path, after: int) -> None:
    whole = Listener()
    tune(replace(job, out=tmp_path / "whole", work=tmp_path / "whole-work"), whole)
    stopped, resumed = Listener(), Listener()
    with pytest.raises(Cancelled, match=f"{after} of 6 steps are kept"):
        tune(job, stopped, lambda: bool(stopped.records) and len(stopped.losses()) >= after)
    assert len(stopped.losses()) == after
    tune(job, resumed)
    assert stopped.records + resumed.records == whole.records
    assert [json.loads(line) for line in (job.out / "training.jsonl").read_text().splitlines()] == whole.records
    for path in ("model.safetensors", "adapter/adapter_model.safetensors"):
        one, two = load_file(tmp_path / "whole" / path), load_file(job.out / path)
        assert all(torch.equal(two[name], tensor) for name, tensor in one.items())


def test_two_seeds_are_two_runs_and_one_seed_is_one(job: TuningJob, tmp_path: Path) -> None:
    def losses(seed: int, name: str) -> list[float]:
        listener = Listener()
        settings = replace(FAST, seed=seed, steps=3)
        tune(replace(job, settings=settings, out=tmp_path / name, work=tmp_path / f"{name}-work"), listener)
        return listener.losses()

    assert losses(1, "a") == losses(1, "b") != losses(2, "c")


def test_another_run_in_the_same_folder_is_refused(job: TuningJob) -> None:
    listener = Listener()
    with pytest.raises(Cancelled):
        tune(job, listener, lambda: bool(listener.records))
    with pytest.raises(InputError, match="another training was begun there .*steps 6, now 9") as error:
        tune(replace(job, settings=replace(FAST, steps=9)))
    assert error.value.path == job.work
    (job.data / "p00.txt").write_text("changed meanwhile", encoding="utf-8")
    with pytest.raises(InputError, match="other data"):
        tune(job)


def test_folders_of_others_are_left_alone(job: TuningJob) -> None:
    for folder in (job.out, job.work):
        folder.mkdir()
        (folder / "only copy.jpg").write_bytes(b"precious")
        with pytest.raises(InputError) as error:
            tune(job)
        assert error.value.path == folder and [p.name for p in folder.iterdir()] == ["only copy.jpg"]
        (folder / "only copy.jpg").unlink()


def test_a_damaged_state_is_named(job: TuningJob) -> None:
    listener = Listener()
    with pytest.raises(Cancelled):
        tune(job, listener, lambda: len(listener.losses()) >= 1)
    (job.work / "state.pt").write_bytes(b"PK half")
    with pytest.raises(CheckpointError, match="damaged") as error:
        tune(job)
    assert error.value.path == job.work / "state.pt"


def test_a_photo_that_goes_away_meanwhile_ends_the_run_and_nothing_is_lost(job: TuningJob) -> None:
    photo = next(iter(sorted(job.data.glob("*.png"))))
    content, listener = photo.read_bytes(), Listener()

    class Thief(Listener):
        def recorded(self, record: Mapping[str, Any]) -> None:
            super().recorded(record)
            if record["step"] == 1:
                for path in job.data.glob("*.png"):
                    path.rename(path.with_suffix(".away"))

    with pytest.raises(ImageError) as error:
        tune(replace(job, settings=replace(FAST, steps=60), save_every=0), Thief())
    assert error.value.path is not None and error.value.path.parent == job.data
    for path in job.data.glob("*.away"):
        path.rename(path.with_suffix(".png"))
    assert photo.read_bytes() == content
    with pytest.raises(Cancelled):
        tune(replace(job, settings=replace(FAST, steps=60)), listener, lambda: len(listener.losses()) >= 1)
    assert listener.records[0]["step"] >= 2  # it went on


def test_strict_ends_before_anything_is_loaded(job: TuningJob) -> None:
    (job.data / "p01.txt").write_text("", encoding="utf-8")
    listener = Listener()
    with pytest.raises(InputError, match="1 thing"):
        tune(replace(job, strict=True), listener)
    assert listener.problems and "p01.txt: the caption is empty" in listener.problems[0]
    assert not listener.records
    tune(job, listener)
    assert listener.records[0]["training rows"] + listener.records[0]["validation rows"] == 11


def test_captions_beyond_the_model_s_length_are_left_out(job: TuningJob) -> None:
    (job.data / "p01.txt").write_text("long " * 400, encoding="utf-8")
    listener = Listener()
    tune(job, listener)
    assert len(listener.problems) == 1 and "tokens long, 1024 can be trained on" in listener.problems[0]


def test_nothing_to_train_on(job: TuningJob) -> None:
    for path in job.data.glob("*.txt"):
        path.unlink()
    with pytest.raises(InputError, match="nothing to train on") as error:
        tune(job)
    assert error.value.path == job.data and "photo.txt" in (error.value.hint or "")


def test_a_loss_that_is_no_number_ends_the_run(job: TuningJob) -> None:
    settings = replace(FAST, steps=40, learning_rate=1e30, projector_learning_rate=1e30)
    with pytest.raises(MqwenError, match="the loss is (nan|inf) at step"):
        tune(replace(job, settings=settings))
    assert not job.out.exists()


def test_replay_asks_the_model_before_and_watches_its_answers(job: TuningJob, tmp_path: Path) -> None:
    old = captioned(tmp_path / "old", 3)
    (old / "broken.png").write_bytes(b"not a picture")
    job = replace(job, replay=old)
    listener = Listener()
    with pytest.raises(Cancelled):
        tune(job, listener, lambda: len(listener.losses()) >= 2)
    kept = [json.loads(line) for line in (job.work / "replay.jsonl").read_text(encoding="utf-8").splitlines()]
    asked = {question for _, question, _ in kept}
    assert {prompt_for(style, language) for style in STYLES for language in LANGUAGES} == asked
    assert len(kept) == 3 * 4 == listener.records[0]["replay rows"]
    assert any("broken.png" in problem for problem in listener.problems)
    resumed = Listener()
    tune(job, resumed)
    steps = [r for r in listener.records + resumed.records if r["event"] == "step"]
    assert [r["step"] for r in steps] == [1, 2, 3, 4, 5, 6]
    # At the first step nothing has changed yet; what drift there is comes of the LoRA's dropout, which B = 0 hides.
    assert abs(steps[0]["drift"]) < 1e-4 < steps[-1]["drift"]


def test_lora_beside_some_layers_only(job: TuningJob) -> None:
    tune(replace(job, settings=replace(FAST, steps=2, lora=LoraSettings(r=2, targets=("c_attn",)))))
    config = json.loads((job.out / "adapter" / "adapter_config.json").read_text())
    assert config["target_modules"] == ["c_attn"]
    names = load_file(job.out / "adapter" / "adapter_model.safetensors").keys()
    assert names and all(".attn.c_attn.lora_" in name for name in names)
    with pytest.raises(InputError, match="c_proj"):
        LoraSettings(targets=("c_proj",))


def test_what_is_trained_is_counted_rightly_and_must_fit(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, targets in ((base, ("c_attn", "w1", "w2")), (tiny_llava(tmp_path / "3", text="qwen3"), ("w1",))):
        model = load_checkpoint(folder)
        settings = LoraSettings(r=4, targets=targets)
        attach_lora(model, settings)
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        assert trained_parameters(model.config, settings) == trained
    monkeypatch.setattr("mqwen.engine.device.free_bytes", lambda device: 1000)
    with pytest.raises(DeviceError, match="training needs .* beside its activations"):
        choose_machine(base, "cpu", "auto", LoraSettings())


def test_bfloat16_trains_in_float32_beside_frozen_bfloat16(job: TuningJob) -> None:
    listener = Listener()
    tune(replace(job, precision="bf16"), listener)
    assert listener.losses()[-1] < 0.8 * listener.losses()[0]
    tensors = load_file(job.out / "adapter" / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}
