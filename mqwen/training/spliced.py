"""Second stage of the starter model: the towers' pictures are spliced into a small Qwen2, which learns to answer.

Each picture is asked several things at once. The questions stand one after another behind the shared image tokens,
and a mask keeps each from seeing the others, so every answer must be read off the picture and the picture is paid for
once. The losses of the first stage go on at a lower weight: what things are called is still being learned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPModel, Qwen2Config

from mqwen.model.config import MQwenConfig
from mqwen.model.projector import MultiModalProjector
from mqwen.model.splice import MQwenForConditionalGeneration
from mqwen.training.concepts import concepts
from mqwen.training.contrastive import Towers
from mqwen.training.descent import Descent
from mqwen.training.losses import pair_loss, region_loss, text_embeddings
from mqwen.training.progress import Checkpoint, Log
from mqwen.training.recipe_device import RecipeDevice, recipe_device
from mqwen.training.scenes import MOST_THINGS
from mqwen.training.spliced_pictures import IGNORED, Batch, SplicedPictures, SpliceSettings, Turns, collate
from mqwen.training.vocabulary import IMAGE_TOKEN

if TYPE_CHECKING:
    from transformers import Qwen2Tokenizer


def mqwen_config(clip: CLIPModel, tokenizer: Qwen2Tokenizer) -> MQwenConfig:
    """The starter's architecture: the contrastive tower, 64 image tokens, a Qwen2 of 2.6 M parameters."""
    text = Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=192,
        intermediate_size=640,
        num_hidden_layers=4,
        num_attention_heads=3,
        num_key_value_heads=3,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return MQwenConfig(
        vision_config=clip.config.vision_config,
        text_config=text,
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
        projector_hidden_act="gelu",
        vision_feature_layer=-1,
        vision_feature_select_strategy="default",
        tie_word_embeddings=True,
    )


def forked_attention(prefix: int, forks: Tensor) -> Tensor:
    """Mask [pictures, 1, T, T] (True = may look) of a prefix followed by forks [pictures, L] blind to one another."""
    common = torch.full((len(forks), prefix), -2, device=forks.device)
    owner = torch.cat([common, forks], dim=1)
    causal = torch.ones(owner.shape[1], owner.shape[1], dtype=torch.bool, device=forks.device).tril()
    return (causal & ((owner[:, None, :] == -2) | (owner[:, None, :] == owner[:, :, None])))[:, None]


def read(
    model: MQwenForConditionalGeneration, prefix_ids: Tensor, features: Tensor, batch: Batch
) -> tuple[Tensor, Tensor, Tensor]:
    """Run pictures with all their forks through the language model.

    Args:
        features: projected, [pictures, image tokens, hidden].

    Returns:
        hidden states of the image tokens half way up and at the end, both [pictures, image tokens, hidden], and of the
        forks [pictures, L, hidden].
    """
    embed = model.get_input_embeddings()
    start = embed(prefix_ids).expand(len(features), -1, -1)
    inputs_embeds = torch.cat([start, features.to(start.dtype), embed(batch.ids)], dim=1)
    prefix = inputs_embeds.shape[1] - batch.ids.shape[1]
    common = torch.arange(prefix, device=batch.ids.device).expand(len(features), -1)
    out = model.language_model(
        inputs_embeds=inputs_embeds,
        attention_mask=forked_attention(prefix, batch.forks),
        position_ids=torch.cat([common, prefix + batch.places], dim=1),
        use_cache=False,
        output_hidden_states=True,
    )
    image = slice(start.shape[1], prefix)
    half_way = out.hidden_states[len(model.language_model.layers) // 2]
    return half_way[:, image], out.last_hidden_state[:, image], out.last_hidden_state[:, prefix:]


def answer_loss(model: MQwenForConditionalGeneration, hidden: Tensor, batch: Batch) -> Tensor:
    """Mean cross entropy of the answers' tokens, given the hidden states of the forks."""
    target = batch.labels[:, 1:]
    told = target != IGNORED
    return F.cross_entropy(model.lm_head(hidden[:, :-1][told]).float(), target[told])


def naming_loss(model: MQwenForConditionalGeneration, hidden: Tensor, regions: Tensor, first: Tensor) -> Tensor:
    """Cross entropy of the image tokens against the first tokens of what they show, in each language.

    So the language model learns from every patch what it would otherwise have to find out from a few words an answer.

    Args:
        hidden: of the image tokens.
        first: first token of each concept's name, [concepts, languages].
    """
    shown = (regions >= 0) & (regions < len(first))
    logits = model.lm_head(hidden[shown]).float()
    return sum((F.cross_entropy(logits, column[regions[shown]]) for column in first.T), start=torch.tensor(0.0))


def tally_loss(head: nn.Linear, tokens: Tensor, tallies: Tensor) -> Tensor:
    """Cross entropy of what patches or image tokens [pictures, patches, width] say against their tallies, summed.

    A count is one word of an answer, and a batch has a few dozen: too few to find out what to look at. So every patch
    is made to know its own.

    Args:
        tallies: [pictures, patches, kinds of tally]; the head gives MOST_THINGS logits for each.
    """
    thing = tallies[..., 0] != IGNORED
    logits = head(F.layer_norm(tokens[thing], tokens.shape[-1:])).float()
    each = F.cross_entropy(logits.view(-1, MOST_THINGS), tallies[thing].flatten())
    return each * tallies.shape[-1]


@torch.no_grad()
def calibrate(projector: MultiModalProjector, patches: Tensor, scale: float = 0.5) -> None:
    """Start the projector as a centred rotation to features of this scale, by a batch of patches [..., width].

    The tower's hidden states are large (rms about 30) and share an offset; unlike them, what a language model embeds
    must be small enough for its layers to change it.
    """
    rows = patches.flatten(0, -2).float()
    for linear, size in ((projector.linear_1, 1.0), (projector.linear_2, scale)):
        mean = rows.mean(0)
        nn.init.orthogonal_(linear.weight, gain=size / (rows - mean).pow(2).mean().sqrt().item())
        linear.bias.copy_(-linear.weight @ mean)
        rows = projector.act(linear(rows))


class Pupil(nn.Module):
    """What the second stage trains: the spliced model, the projection through which patches still meet anchors, and
    heads that only training has, for tallies: of the tower's patches, and of image tokens half way up the language
    model.

    The vision tower of `towers` becomes the spliced model's own; its text tower and its anchors are only asked.
    """

    def __init__(self, towers: Towers, tokenizer: Qwen2Tokenizer) -> None:
        super().__init__()
        clip = towers.clip
        self.model = MQwenForConditionalGeneration(mqwen_config(clip, tokenizer))
        self.model.vision_tower.load_state_dict(clip.vision_model.state_dict())
        clip.vision_model = self.model.vision_tower
        self.visual_projection = clip.visual_projection
        self.patch_tally = nn.Linear(clip.config.vision_config.hidden_size, 2 * MOST_THINGS)
        self.token_tally = nn.Linear(self.model.config.text_config.hidden_size, MOST_THINGS)


def train_spliced(
    towers: Towers,
    tokenizer: Qwen2Tokenizer,
    settings: SpliceSettings,
    checkpoint: Checkpoint,
    log: Log,
    *,
    begun: MQwenForConditionalGeneration | None = None,
    stage: str = "spliced",
    where: RecipeDevice | None = None,
) -> MQwenForConditionalGeneration:
    """Train vision tower, projector and language model; goes on from the checkpoint if there is one.

    Args:
        begun: a model that an earlier stage has trained; its weights are where this one starts.
        stage: what the log calls it.
        where: by default the best device.

    Returns:
        The spliced model, on the CPU; `towers.clip` has its vision tower from now on.
    """
    where = where or recipe_device()
    torch.manual_seed(settings.seed)
    towers = towers.cpu()  # so that what starts at random is the same on every device
    clip, anchors = towers.clip, towers.anchors.detach()
    clip.text_model.requires_grad_(False)
    clip.text_projection.requires_grad_(False)
    pupil = Pupil(towers, tokenizer).train()
    model = pupil.model
    turns = Turns(tokenizer)
    if begun is not None:
        model.load_state_dict(begun.state_dict())
    else:
        with torch.no_grad():
            sample = next(_batches(replace(settings, workers=0), turns, 0)).pixel_values
            calibrate(model.multi_modal_projector, model.vision_tower(sample).last_hidden_state[:, 1:])
    pupil.to(where.device)
    clip.to(where.device)
    anchors = anchors.to(where.device)
    descent = Descent(
        [
            (model.vision_tower, settings.tower_share),
            (pupil.visual_projection, settings.tower_share),
            (pupil.patch_tally, 1.0),
            (pupil.token_tally, 1.0),
            (model.multi_modal_projector, settings.projector_share),
            (model.language_model, 1.0),
        ],
        learning_rate=settings.learning_rate,
        muon_learning_rate=settings.muon_learning_rate,
        steps=settings.steps,
        warmup=settings.warmup,
        bf16=where.bf16,
    )
    first = checkpoint.load(pupil, descent.optimizers)
    first_tokens = torch.tensor(
        [[tokenizer(f" {c.en_one}").input_ids[0], tokenizer(c.zh).input_ids[0]] for c in concepts()],
        device=where.device,
    )
    prefix_ids = torch.tensor([turns.prefix], device=where.device)
    scale = clip.logit_scale.detach().exp().clamp(max=100)
    for step, batch in enumerate(_batches(settings, turns, first), first):
        batch = batch.to(where.device)
        with where.autocast():
            seen = model.vision_tower(batch.pixel_values)
            patches = seen.last_hidden_state[:, 1:]
            regions, right = region_loss(clip, patches, batch.regions, anchors)
            asked = len(batch.ids)  # crowds follow
            patches = patches[:asked]
            half_way, image_hidden, fork_hidden = read(model, prefix_ids, model.multi_modal_projector(patches), batch)
            answers = answer_loss(model, fork_hidden, batch)
            naming = naming_loss(model, image_hidden, batch.regions[:asked], first_tokens)
            patch_tallies = tally_loss(pupil.patch_tally, patches, batch.tallies[..., :2])
            token_tallies = tally_loss(pupil.token_tally, half_way, batch.tallies[..., 2:])
            with torch.no_grad():
                texts = text_embeddings(clip, tokenizer, batch.captions)
            pairs = pair_loss(clip.visual_projection(seen.pooler_output[:asked]), texts, scale)
        tallies = 0.2 * patch_tallies + 0.5 * token_tallies
        descent.step(step, answers + 0.1 * naming + tallies + 0.3 * regions + 0.05 * pairs)
        log.write(
            stage=stage,
            step=step,
            answers=answers.item(),
            naming=naming.item(),
            patch_tallies=patch_tallies.item(),
            token_tallies=token_tallies.item(),
            regions=regions.item(),
            right=right,
            pairs=pairs.item(),
        )
        checkpoint.save_if_due(step + 1, pupil, descent.optimizers)
    checkpoint.save(settings.steps, pupil, descent.optimizers)
    towers.cpu()
    return pupil.cpu().model.eval()


def _batches(settings: SpliceSettings, turns: Turns, first: int) -> Iterator[Batch]:
    dataset = SplicedPictures(settings, turns)
    rest = torch.utils.data.Subset(dataset, range(first * settings.batch, len(dataset)))
    return iter(
        torch.utils.data.DataLoader(
            rest, batch_size=settings.batch, num_workers=settings.workers, collate_fn=collate, drop_last=True
        )
    )
