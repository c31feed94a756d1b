"""The recipe of the starter model, from nothing: vocabulary, contrastive stage, spliced stage, figures, model card."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from mqwen.engine.prompts import LANGUAGES
from mqwen.model.chat import chatml
from mqwen.model.checkpoint import load_checkpoint
from mqwen.training.concepts import concepts
from mqwen.training.contrastive import ContrastiveSettings, Towers, save_text_tower, train_contrastive
from mqwen.training.losses import name_embeddings
from mqwen.training.model_card import model_card
from mqwen.training.progress import Checkpoint, Log
from mqwen.training.recipe_device import RecipeDevice, recipe_device
from mqwen.training.scenes import SIZE
from mqwen.training.spliced import train_spliced
from mqwen.training.spliced_pictures import REFINEMENTS, SpliceSettings
from mqwen.training.vocabulary import IMAGE_TOKEN, train_tokenizer

if TYPE_CHECKING:
    from transformers import CLIPModel, Qwen2Tokenizer

    from mqwen.model.splice import MQwenForConditionalGeneration


@dataclass(frozen=True)
class StarterRecipe:
    """Everything that decides what comes out."""

    contrastive: ContrastiveSettings = field(default_factory=ContrastiveSettings)
    spliced: SpliceSettings = field(default_factory=SpliceSettings)
    refinements: tuple[SpliceSettings, ...] = REFINEMENTS  # refine_starter() alone
    scenes: int = 1000


def train_starter(
    out: Path, work: Path, recipe: StarterRecipe | None = None, where: RecipeDevice | None = None
) -> dict[str, Any]:
    """Train the starter model into `out`; `work` holds checkpoints, and a second call goes on from them.

    Args:
        where: by default the best device.

    Returns:
        The figures of evaluate_all.
    """
    recipe, where = recipe or StarterRecipe(), where or recipe_device()
    work.mkdir(parents=True, exist_ok=True)
    log = Log(work / "log.jsonl")
    tokenizer = train_tokenizer()
    towers = train_contrastive(tokenizer, recipe.contrastive, Checkpoint(work / "contrastive.pt"), log, where)
    model = train_spliced(towers, tokenizer, recipe.spliced, Checkpoint(work / "spliced.pt"), log, where=where)
    save_starter(model, towers.clip, tokenizer, out)
    return evaluate_starter(out, scenes=recipe.scenes)


def refine_starter(
    folder: Path, out: Path, work: Path, recipe: StarterRecipe | None = None, where: RecipeDevice | None = None
) -> dict[str, Any]:
    """Train a starter folder further into `out`, by one refinement after the other; goes on from what `work` holds.

    Each begins with a folder alone, weights in fp16, so it can be repeated without the checkpoints of what was before.

    Args:
        where: by default the best device.

    Returns:
        The figures of evaluate_all.
    """
    recipe = recipe or StarterRecipe()
    work.mkdir(parents=True, exist_ok=True)
    for number, settings in enumerate(recipe.refinements, start=1):
        target = out if number == len(recipe.refinements) else work / f"refinement {number}"
        _refine(folder, target, settings, work, f"refinement {number}", where)
        folder = target
    return evaluate_starter(out, scenes=recipe.scenes)


def _refine(
    folder: Path, out: Path, settings: SpliceSettings, work: Path, stage: str, where: RecipeDevice | None
) -> None:
    from transformers import Qwen2Tokenizer

    tokenizer = Qwen2Tokenizer.from_pretrained(folder)
    # As they are: saved once more, they would tell how they were loaded here.
    unchanged = {name: (folder / name).read_bytes() for name in ("tokenizer.json", "tokenizer_config.json")}
    begun = load_checkpoint(folder, dtype=torch.float32, device="cpu")
    towers = Towers(tokenizer)
    towers.clip = load_clip(folder).train()
    with torch.no_grad():
        towers.anchors.copy_(name_embeddings(towers.clip, tokenizer))
    checkpoint, log = Checkpoint(work / f"{stage}.pt"), Log(work / "log.jsonl")
    model = train_spliced(towers, tokenizer, settings, checkpoint, log, begun=begun, stage=stage, where=where)
    save_starter(model, towers.clip, tokenizer, out)
    for name, content in unchanged.items():
        (out / name).write_bytes(content)


def evaluate_starter(folder: Path, *, scenes: int = 1000) -> dict[str, Any]:
    """Measure a starter folder on held-out scenes and write the figures into its model card."""
    from mqwen.engine.captioner import Captioner
    from mqwen.training.evaluate import evaluate_all

    figures = evaluate_all(Captioner.load(str(folder), device="cpu"), scenes=scenes)
    (folder / "evaluation.json").write_text(
        json.dumps({"scenes": scenes, **figures}, indent=1) + "\n", encoding="utf-8"
    )
    (folder / "README.md").write_text(model_card(figures, scenes, len(concepts())), encoding="utf-8")
    return figures


def save_starter(model: MQwenForConditionalGeneration, clip: CLIPModel, tokenizer: Qwen2Tokenizer, out: Path) -> None:
    """Write the model folder in fp16: an ordinary LLaVA checkpoint, and the text tower in `clip/` beside it."""
    if out.exists():  # the command has seen that it is an older starter
        shutil.rmtree(out)
    out.mkdir(parents=True)
    model.half().save_pretrained(out)
    tokenizer.chat_template = chatml(IMAGE_TOKEN)  # no system turn; a picture stands right before its text
    tokenizer.save_pretrained(out)
    _write(out / "preprocessor_config.json", _preprocessor())
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    _write(out / "config.json", {**config, "mqwen_starter": True, "languages": list(LANGUAGES)})
    clip.vision_model = nn.Identity()  # the spliced model's own vision tower: not stored twice
    save_text_tower(clip, out / "clip")


def _preprocessor() -> dict[str, Any]:
    from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_resize": True,
        "size": {"shortest_edge": SIZE},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": SIZE, "width": SIZE},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": OPENAI_CLIP_MEAN,
        "image_std": OPENAI_CLIP_STD,
        "do_convert_rgb": True,
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_clip(folder: Path) -> CLIPModel:
    """The CLIP pair of a starter folder: its text tower with the vision tower of the spliced model."""
    from safetensors.torch import load_file
    from transformers import CLIPConfig, CLIPModel

    model = load_checkpoint(folder, dtype=torch.float32, device="cpu")
    config = CLIPConfig.from_pretrained(folder / "clip")
    config.vision_config = model.config.vision_config
    clip = CLIPModel(config)
    clip.load_state_dict(load_file(folder / "clip" / "model.safetensors"), strict=False)  # no vision tower in there
    clip.vision_model.load_state_dict(model.vision_tower.state_dict())
    return clip.eval()
