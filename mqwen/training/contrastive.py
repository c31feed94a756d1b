"""First stage of the starter model: a CLIP pair of towers learns what things are called."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPConfig, CLIPModel

from mqwen.engine.prompts import LANGUAGES
from mqwen.training.captions import answer
from mqwen.training.concepts import concepts
from mqwen.training.descent import Descent
from mqwen.training.drawing import draw, pixels
from mqwen.training.losses import TEXT_LENGTH, name_loss, pair_loss, region_loss, text_embeddings
from mqwen.training.progress import Checkpoint, Log
from mqwen.training.recipe_device import RecipeDevice, drawing_workers, recipe_device
from mqwen.training.scenes import BACKGROUNDS, PATCH, SIZE, compose, crowd

if TYPE_CHECKING:
    from transformers import Qwen2Tokenizer

_NAMES_EVERY = 4  # steps: the text tower knows its names long before the vision tower knows things
_WIDTH = 256  # of the space that pictures and texts share


@dataclass(frozen=True)
class ContrastiveSettings:
    """What the first stage does; the defaults made the shipped model."""

    steps: int = 2000
    batch: int = 64
    learning_rate: float = 2e-3
    muon_learning_rate: float = 0.02
    warmup: int = 60
    crowds: float = 0.5
    seed: int = 1
    workers: int = field(default_factory=drawing_workers)


def clip_config(vocabulary: int, end_id: int) -> CLIPConfig:
    """The towers: 5.0 M parameters for pictures, 1.8 M for text."""
    return CLIPConfig(
        projection_dim=_WIDTH,
        vision_config={
            "hidden_size": 256,
            "intermediate_size": 1024,
            "num_hidden_layers": 6,
            "num_attention_heads": 4,
            "image_size": SIZE,
            "patch_size": PATCH,
            "hidden_act": "gelu",
            "projection_dim": _WIDTH,
        },
        text_config={
            "hidden_size": 192,
            "intermediate_size": 768,
            "num_hidden_layers": 3,
            "num_attention_heads": 3,
            "hidden_act": "gelu",
            "vocab_size": vocabulary,
            "max_position_embeddings": TEXT_LENGTH,
            "eos_token_id": end_id,
            "bos_token_id": end_id,
            "pad_token_id": 0,
            "projection_dim": _WIDTH,
        },
    )


class Towers(nn.Module):
    """A CLIP pair, and the anchors [concepts, then backgrounds; width] that its two towers meet at."""

    def __init__(self, tokenizer: Qwen2Tokenizer) -> None:
        super().__init__()
        config = clip_config(len(tokenizer), tokenizer.eos_token_id)
        # 65 tokens are few for fused attention: on a CPU its backward pass takes longer than the plain products.
        self.clip = CLIPModel._from_config(config, attn_implementation="eager")
        self.anchors = nn.Parameter(torch.randn(len(concepts()) + len(BACKGROUNDS), _WIDTH))
        # Small random positions would drown beside the patches: no head could tell a neighbour from a stranger.
        positions = self.clip.vision_model.embeddings.position_embedding.weight
        with torch.no_grad():
            positions[1:] = grid_positions(SIZE // PATCH, positions.shape[1])


def grid_positions(side: int, width: int) -> Tensor:
    """Sines and cosines of row and column, [side * side, width] (https://arxiv.org/abs/2205.01580, section 2)."""
    frequencies = 1 / 100 ** (torch.arange(width // 4) / (width // 4))
    angles = torch.arange(side)[:, None] * frequencies
    line = torch.cat([angles.sin(), angles.cos()], dim=1)
    rows = line.repeat_interleave(side, dim=0)
    columns = line.repeat(side, 1)
    return 0.5 * torch.cat([rows, columns], dim=1)


class ContrastivePictures(torch.utils.data.Dataset[tuple[Tensor, Tensor, str]]):
    """Pictures made from their index: (pixel_values [3, SIZE, SIZE], patch labels, caption or '' for a crowd)."""

    def __init__(self, settings: ContrastiveSettings) -> None:
        self._settings = settings

    def __len__(self) -> int:
        return self._settings.steps * self._settings.batch

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, str]:
        rng = random.Random(f"contrastive {self._settings.seed} {index}")
        crowded = rng.random() < self._settings.crowds
        scene = crowd(rng) if crowded else compose(rng)
        picture, labels = draw(scene, rng)
        caption = "" if crowded else answer(scene, "brief", rng.choice(LANGUAGES))
        return pixels(picture), torch.from_numpy(labels).flatten(), caption


def train_contrastive(
    tokenizer: Qwen2Tokenizer,
    settings: ContrastiveSettings,
    checkpoint: Checkpoint,
    log: Log,
    where: RecipeDevice | None = None,
) -> Towers:
    """Train both towers, by default on the best device; goes on from the checkpoint if there is one."""
    where = where or recipe_device()
    torch.manual_seed(settings.seed)
    towers = Towers(tokenizer).to(where.device).train()
    clip = towers.clip
    descent = Descent(
        [(clip, 1.0)],
        fast=[towers.anchors],
        learning_rate=settings.learning_rate,
        muon_learning_rate=settings.muon_learning_rate,
        steps=settings.steps,
        warmup=settings.warmup,
        bf16=where.bf16,
    )
    first = checkpoint.load(towers, descent.optimizers)
    for step, (values, labels, captions) in enumerate(_batches(settings, first), first):
        told = torch.tensor([bool(caption) for caption in captions], device=where.device)
        values, labels = values.to(where.device), labels.to(where.device)
        with where.autocast():
            seen = clip.vision_model(values)
            regions, right = region_loss(clip, seen.last_hidden_state[:, 1:], labels, towers.anchors)
            texts = text_embeddings(clip, tokenizer, [caption for caption in captions if caption])
            images = clip.visual_projection(seen.pooler_output[told])
            loss = regions + 0.3 * pair_loss(images, texts, clip.logit_scale.exp().clamp(max=100))
            if step % _NAMES_EVERY == 0:
                names = name_loss(clip, tokenizer, LANGUAGES[step // _NAMES_EVERY % 2], towers.anchors)
                loss = loss + names
                log.write(stage="contrastive", step=step, regions=regions.item(), right=right, names=names.item())
        descent.step(step, loss)
        checkpoint.save_if_due(step + 1, towers, descent.optimizers)
    checkpoint.save(settings.steps, towers, descent.optimizers)
    return towers.eval()


def _batches(settings: ContrastiveSettings, first: int) -> Iterator[tuple[Tensor, Tensor, list[str]]]:
    dataset = ContrastivePictures(settings)
    rest = torch.utils.data.Subset(dataset, range(first * settings.batch, len(dataset)))
    return iter(
        torch.utils.data.DataLoader(rest, batch_size=settings.batch, num_workers=settings.workers, drop_last=True)
    )


def save_text_tower(model: CLIPModel, folder: Path) -> None:
    """Write what a CLIP pair has beside its vision tower: text tower, both projections, temperature; in fp16."""
    folder.mkdir(parents=True)
    tensors = {
        name: tensor.to(torch.float16).contiguous()
        for name, tensor in model.state_dict().items()
        if not name.startswith("vision_model.")
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    model.config.save_pretrained(folder)
