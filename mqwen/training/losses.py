"""The contrastive losses of the starter's recipe (Radford et al. 2021, https://arxiv.org/abs/2103.00020).

Pictures against their captions within the batch; patches against an anchor for everything that a scene can hold; and
its English and Chinese names against the same anchors. Patches carry most of the learning: the recipe knows what covers
each of them, so a batch of 64 pictures is some 4,000 examples. Against the names themselves the vision tower would have
to wait for the text tower, which at first does not tell 300 names apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from mqwen.engine.prompts import LANGUAGES
from mqwen.training.captions import phrase
from mqwen.training.concepts import concepts
from mqwen.training.scenes import BACKGROUNDS

if TYPE_CHECKING:
    from transformers import CLIPModel, Qwen2Tokenizer

TEXT_LENGTH = 32  # tokens; of 40,000 brief captions the longest has 31
_SCALE = 20.0  # of cosines, before the softmax over anchors
_BACKGROUND_WEIGHT = 0.2  # most patches are background, and it is easy


def tokenize(tokenizer: Qwen2Tokenizer, texts: list[str]) -> Tensor:
    """Texts -> input_ids [texts, longest], each closed by the end token and padded with it."""
    end = tokenizer.eos_token_id
    rows = [[*tokenizer(text).input_ids[: TEXT_LENGTH - 1], end] for text in texts]
    longest = max(map(len, rows))
    return torch.tensor([row + [end] * (longest - len(row)) for row in rows])


def text_embeddings(model: CLIPModel, tokenizer: Qwen2Tokenizer, texts: list[str]) -> Tensor:
    """Projected embeddings of texts, [texts, width]."""
    return model.text_projection(model.text_model(tokenize(tokenizer, texts).to(model.device)).pooler_output)


def region_loss(model: CLIPModel, patches: Tensor, labels: Tensor, anchors: Tensor) -> tuple[Tensor, float]:
    """Cross entropy of patches [pictures, patches, width] against anchors, and the share of things named rightly."""
    known = labels >= 0
    embeds = model.visual_projection(model.vision_model.post_layernorm(patches[known]))
    logits = _SCALE * _unit(embeds) @ _unit(anchors).T
    target = labels[known]
    weights = torch.where(target < len(concepts()), 1.0, _BACKGROUND_WEIGHT)
    loss = (F.cross_entropy(logits, target, reduction="none") * weights).sum() / weights.sum()
    things = target < len(concepts())
    right = (logits.detach().argmax(-1) == target)[things].float().mean().item()
    return loss, right


def name_loss(model: CLIPModel, tokenizer: Qwen2Tokenizer, language: str, anchors: Tensor) -> Tensor:
    """Cross entropy of the text embeddings of all names against the anchors."""
    names = _names(language)
    logits = _SCALE * _unit(text_embeddings(model, tokenizer, names)) @ _unit(anchors).T
    return F.cross_entropy(logits, torch.arange(len(names), device=logits.device))


def name_embeddings(model: CLIPModel, tokenizer: Qwen2Tokenizer) -> Tensor:
    """Mean over the languages of where names lie, [concepts + backgrounds, width], of unit length.

    The first stage drew the names to its anchors, so this is where the anchors were.
    """
    each = [_unit(text_embeddings(model, tokenizer, _names(language))) for language in LANGUAGES]
    return _unit(torch.stack(each).mean(0))


def _names(language: str) -> list[str]:
    names = [phrase(concept, 1, language) for concept in concepts()]
    return names + [pair[LANGUAGES.index(language)] for pair in BACKGROUNDS]


def pair_loss(images: Tensor, texts: Tensor, scale: Tensor) -> Tensor:
    """Symmetric cross entropy of picture and caption embeddings [pairs, width]."""
    logits = scale * _unit(images) @ _unit(texts).T
    same = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, same) + F.cross_entropy(logits.T, same)) / 2


def _unit(embeds: Tensor) -> Tensor:
    return F.normalize(embeds.float(), dim=-1)
