"""The recipe in small: both stages run, go on after a stop, and end in a folder that the app captions with."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import CLIPModel, Qwen2Tokenizer

from mqwen.cli.main import main
from mqwen.engine import device as devices
from mqwen.model.checkpoint import load_checkpoint
from mqwen.model.processor import Message, MQwenProcessor
from mqwen.training import recipe_device
from mqwen.training.captions import question
from mqwen.training.contrastive import ContrastiveSettings, Towers, clip_config, train_contrastive
from mqwen.training.progress import Checkpoint, Log
from mqwen.training.spliced import answer_loss, mqwen_config, read, train_spliced
from mqwen.training.spliced_pictures import SpliceSettings, Turns, collate
from mqwen.training.starter import StarterRecipe, load_clip, refine_starter, train_starter
from mqwen.training.vocabulary import train_tokenizer

CONTRASTIVE = ContrastiveSettings(steps=4, batch=4, warmup=2, workers=0)
SPLICED = SpliceSettings(steps=4, batch=2, warmup=2, workers=0)
pytestmark = pytest.mark.usefixtures("emoji_font")


@pytest.fixture(scope="module")
def tokenizer() -> Qwen2Tokenizer:
    return train_tokenizer(scenes=300)


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipe")
    recipe = StarterRecipe(replace(CONTRASTIVE, steps=1), replace(SPLICED, steps=1), scenes=2)
    train_starter(folder / "starter", folder / "work", recipe)
    return folder / "starter"


class Stopped(Exception):
    """What ends a stage in the middle."""


class StoppingCheckpoint(Checkpoint):
    """Saves at a step, then the machine goes down."""

    def save_if_due(self, step: int, model: torch.nn.Module, optimizers: object) -> None:
        if step == 2:
            self.save(step, model, optimizers)  # type: ignore[arg-type]
            raise Stopped


def test_a_stopped_stage_goes_on_to_the_same_weights(tmp_path: Path, tokenizer: Qwen2Tokenizer) -> None:
    log = Log(tmp_path / "log")
    straight = train_contrastive(tokenizer, CONTRASTIVE, Checkpoint(tmp_path / "a.pt", every=1e9), log)
    with pytest.raises(Stopped):
        train_contrastive(tokenizer, CONTRASTIVE, StoppingCheckpoint(tmp_path / "b.pt"), log)
    resumed = train_contrastive(tokenizer, CONTRASTIVE, Checkpoint(tmp_path / "b.pt", every=1e9), log)
    for name, tensor in straight.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_the_second_stage_goes_on_to_the_same_weights(tmp_path: Path, tokenizer: Qwen2Tokenizer) -> None:
    def towers() -> Towers:
        torch.manual_seed(0)
        return Towers(tokenizer)

    log = Log(tmp_path / "log")
    straight = train_spliced(towers(), tokenizer, SPLICED, Checkpoint(tmp_path / "a.pt", every=1e9), log)
    with pytest.raises(Stopped):
        train_spliced(towers(), tokenizer, SPLICED, StoppingCheckpoint(tmp_path / "b.pt"), log)
    resumed = train_spliced(towers(), tokenizer, SPLICED, Checkpoint(tmp_path / "b.pt", every=1e9), log)
    for name, tensor in straight.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_a_finished_starter_is_trained_further(tmp_path: Path, starter: Path) -> None:
    """The folder's weights are where the training begins: at rate 0 they are where it ends, too."""
    untouched = load_file(starter / "model.safetensors")
    for rate, moves in ((0.0, False), (1e-3, True)):
        settings = replace(SPLICED, steps=1, learning_rate=rate, muon_learning_rate=rate, crowds=True)
        out = tmp_path / f"{rate}"
        refine_starter(starter, out, tmp_path / f"{rate} work", StarterRecipe(refinements=(settings,), scenes=1))
        trained = load_file(out / "model.safetensors")
        assert trained.keys() == untouched.keys()
        assert any(not torch.equal(trained[name], tensor) for name, tensor in untouched.items()) is moves
        for name in ("tokenizer.json", "tokenizer_config.json"):
            assert (out / name).read_bytes() == (starter / name).read_bytes()
        text = load_file(starter / "clip" / "model.safetensors")["text_projection.weight"]
        assert torch.equal(load_file(out / "clip" / "model.safetensors")["text_projection.weight"], text)


def test_refinements_follow_one_another(tmp_path: Path, starter: Path) -> None:
    first = replace(SPLICED, steps=1, learning_rate=1e-3, muon_learning_rate=1e-3)
    second = replace(first, seed=9)

    def refined(begin: Path, name: str, *settings: SpliceSettings) -> dict[str, torch.Tensor]:
        recipe = StarterRecipe(refinements=settings, scenes=1)
        refine_starter(begin, tmp_path / name, tmp_path / f"{name} work", recipe)
        return load_file(tmp_path / name / "model.safetensors")

    at_once = refined(starter, "at once", first, second)
    refined(starter, "one", first)
    apart = refined(tmp_path / "one", "other", second)
    for name, tensor in at_once.items():
        assert torch.equal(tensor, apart[name]), name


@pytest.mark.parametrize(("bf16_seconds", "pays"), [(1.0, False), (0.1, True)])
def test_bf16_is_used_only_where_it_is_faster(monkeypatch: pytest.MonkeyPatch, bf16_seconds: float, pays: bool) -> None:
    monkeypatch.setattr(devices, "bf16_works_on_cpu", lambda: True)
    monkeypatch.setattr(recipe_device, "_seconds", {torch.bfloat16: bf16_seconds, torch.float32: 0.5}.__getitem__)
    recipe_device.bf16_pays_on_cpu.cache_clear()
    try:
        where = recipe_device.recipe_device("cpu")
    finally:
        recipe_device.bf16_pays_on_cpu.cache_clear()
    assert where.bf16 is pays
    with where.autocast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if pays else torch.float32)


def test_forked_questions_cost_what_separate_ones_do(tokenizer: Qwen2Tokenizer) -> None:
    """The loss of several questions behind one picture is that of each asked alone, through the model's own forward."""
    from mqwen.model.splice import MQwenForConditionalGeneration

    torch.manual_seed(0)
    clip = CLIPModel(clip_config(len(tokenizer), tokenizer.eos_token_id))
    model = MQwenForConditionalGeneration(mqwen_config(clip, tokenizer)).eval()
    turns = Turns(tokenizer)
    asked = [("What?", "A dog on a beach."), ("背景是什么？", "蓝色背景。"), ("Describe it at length.", "Two.")]
    forks = [turns.fork(*pair) for pair in asked]
    values = torch.randn(1, 3, 128, 128)
    batch = collate([((values[0], torch.zeros(64, dtype=torch.long)), torch.zeros(64, 3), forks, "", None)])
    with torch.no_grad():
        *_, hidden = read(model, torch.tensor([turns.prefix]), model.get_image_features(values), batch)
        together = answer_loss(model, hidden, batch)
        marker = model.config.image_token_id
        summed, tokens = torch.tensor(0.0), 0
        for ids, labels in forks:
            row = torch.tensor([[*turns.prefix, marker, *ids]])
            told = torch.tensor([[-100] * (len(turns.prefix) + 1) + labels])
            number = int((told != -100).sum())
            summed += model(row, values, labels=told).loss * number
            tokens += number
    assert together.item() == pytest.approx(summed.item() / tokens, abs=1e-5)


def test_the_app_asks_just_what_training_asked(starter: Path, tokenizer: Qwen2Tokenizer) -> None:
    model = load_checkpoint(starter)
    processor = MQwenProcessor.from_folder(starter, model.config)
    own = Qwen2Tokenizer.from_pretrained(starter)
    turns = Turns(own)
    for style, language in (("brief", "en"), ("brief", "zh"), ("keywords", "zh")):
        text = question(style, language)
        ids, labels = turns.fork(text, "")
        prompt = [*turns.prefix, model.config.image_token_id, *ids[: labels.index(turns.end)]]
        assert processor.encode([Message("user", text, images=1)]) == prompt


def test_the_text_tower_beside_it_matches(starter: Path) -> None:
    clip = load_clip(starter)
    tower = load_checkpoint(starter).vision_tower
    values = torch.randn(1, 3, 128, 128)
    with torch.no_grad():
        assert torch.allclose(clip.vision_model(values).pooler_output, tower(values).pooler_output)
    assert (starter / "README.md").read_text(encoding="utf-8").count("photographs") >= 2


def test_the_shipped_starter_is_as_good_as_its_card_says(root: Path) -> None:
    """A small part of `mqwen train --evaluate`: enough to notice a broken folder, or one that never looks."""
    from mqwen.engine.captioner import Captioner
    from mqwen.training.evaluate import evaluate

    folder = root / "resources" / "starter"
    published = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    captioner = Captioner.load("starter", device="cpu")
    for language in ("en", "zh"):
        seen = evaluate(captioner, language, scenes=60)
        assert seen.object_f1 >= published[language]["object_f1"] - 0.1
        assert seen.background >= published[language]["background"] - 0.1
        assert evaluate(captioner, language, scenes=60, blank=True).object_f1 <= 0.1
    assert f"{published['en']['object_f1']:.3f}" in (folder / "README.md").read_text(encoding="utf-8")


def test_the_starter_is_small_enough_to_be_embedded(root: Path) -> None:
    sizes = [file.stat().st_size for file in (root / "resources" / "starter").rglob("*") if file.is_file()]
    assert 1e6 < sum(sizes) <= 24e6


def test_no_folder_but_a_starter_is_replaced_or_written_into(tmp_path: Path) -> None:
    kept = tmp_path / "photos"
    kept.mkdir()
    (kept / "only copy.jpg").write_bytes(b"precious")
    for option in ("--out", "--evaluate"):
        assert main(["train", "--recipe", "starter", option, str(kept)]) == 2
    assert [file.name for file in kept.iterdir()] == ["only copy.jpg"]
