"""Which stored tensor goes where in a model: the one place where a checkpoint is checked against its architecture."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from mqwen.errors import CheckpointError
from mqwen.model.adapter import LoraPair
from mqwen.model.config import MQwenConfig
from mqwen.model.layouts import QWEN1, QWEN2, Layout
from mqwen.model.splice import MQwenForConditionalGeneration
from mqwen.model.tensors import INCOMPLETE_HINT, StoredTensor, Weights, one_line

Shape = tuple[int, ...]
WEIGHT_DTYPES = (torch.float32, torch.bfloat16, torch.float16, torch.float64)


@dataclass(frozen=True)
class Part:
    """The weights of one folder, how they are named, and what is merged into them."""

    weights: Weights
    layout: Layout
    lora: Mapping[str, LoraPair]


@dataclass(frozen=True)
class Job:
    """One tensor to read and the tensors of the model that it becomes."""

    weights: Weights
    source: StoredTensor
    targets: tuple[str, ...]
    shapes: tuple[Shape, ...]
    lora: LoraPair | None

    @property
    def nbytes(self) -> int:
        return math.prod(self.source.shape) * self.source.dtype.itemsize

    def read(self) -> Iterator[tuple[str, torch.Tensor]]:
        """The model's tensors, in the stored dtype or, where a LoRA was merged, in float32.

        Raises:
            CheckpointError: the file is truncated, or a value is NaN or infinite.
        """
        tensor = self.weights.read(self.source.name)
        if self.lora is not None:
            tensor = self.lora.merged(tensor)
        yield from zip(self.targets, tensor.chunk(len(self.targets)), strict=True)


def meta_model(config: MQwenConfig) -> MQwenForConditionalGeneration:
    """The model on the meta device: names and shapes without memory.

    Raises:
        CheckpointError: the configuration makes no model. It has no path: the caller knows it.
    """
    try:
        with torch.device("meta"):
            return MQwenForConditionalGeneration(config)
    except Exception as error:  # transformers raises whatever the configuration's values lead it to
        raise CheckpointError(f"makes no model ({one_line(error)})") from error


def expected_shapes(model: MQwenForConditionalGeneration) -> dict[str, Shape]:
    """What a checkpoint of this model must hold; a tied lm_head is the embedding's."""
    shapes = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if model.config.tie_word_embeddings:
        del shapes["lm_head.weight"]
    return shapes


def settle_head(config: MQwenConfig, parts: Sequence[Part], *, compare: bool) -> None:
    """Some checkpoints tie their head and store one all the same: use what is stored, unless it is a mere copy.

    Args:
        compare: read head and embedding to see whether they are equal; without it they are taken to differ.
    """
    if not config.tie_word_embeddings:
        return
    for part in parts:
        names = {part.layout.place(name): name for name in part.weights.tensors}
        head, embedding = names.get(("lm_head.weight",)), names.get(("language_model.embed_tokens.weight",))
        if head is None:
            continue
        if compare and embedding is not None and _are_equal(part, head, embedding):
            del part.weights.tensors[head]
        else:
            config.tie_word_embeddings = False
            config.text_config.tie_word_embeddings = False


def _are_equal(part: Part, head: str, embedding: str) -> bool:
    return not part.lora.keys() & {head, embedding} and part.weights.are_copies(head, embedding)


def plan(parts: Sequence[Part], expected: Mapping[str, Shape]) -> list[Job]:
    """Account for every tensor of the files and of the model.

    Raises:
        CheckpointError: a tensor too many or too few, of a wrong shape or type, or a LoRA that fits no tensor.
    """
    jobs = [job for part in parts for job in _jobs(part, expected)]
    placed: dict[str, Job] = {}
    for job in jobs:
        for target in job.targets:
            if target in placed:
                raise CheckpointError(
                    f"is here twice, as {placed[target].source.name} too", path=job.source.file, tensor=job.source.name
                )
            placed[target] = job
    for target in expected:
        if target not in placed:
            part = next((part for part in parts if target.startswith(part.layout.owns)), parts[0])
            raise CheckpointError(
                "is missing",
                path=part.weights.path,
                tensor=_spelled_like(part, target),
                hint="The model is incomplete, or its config.json is another model's: download it again.",
            )
    for part in parts:
        for name, lora in part.lora.items():
            if name not in part.weights.tensors:
                raise CheckpointError(
                    f"changes {name}, which {part.weights.path} does not have",
                    path=lora.weights.path,
                    tensor=lora.a,
                    hint="This adapter was trained for another language model.",
                )
    return jobs


def fit_lora(part: Part) -> Part:
    """Give a LoRA that is named by a language model's own folder the names of this part's files.

    In a LLaVA checkpoint they have other prefixes, and beside Qwen2's layers an adapter of the original's layout has
    one A for q, k and v, whose B has the rows of the three one after the other.
    """
    if all(name in part.weights.tensors for name in part.lora):
        return part
    named = {targets[0]: name for name in part.weights.tensors if len(targets := part.layout.place(name) or ()) == 1}
    fitted: dict[str, LoraPair] = {}
    for name, lora in part.lora.items():
        targets = QWEN1.place(name) or QWEN2.place(name) or ()
        if name in part.weights.tensors or not targets or not all(target in named for target in targets):
            fitted[name] = lora  # where it fits nothing, plan() tells
            continue
        start = 0
        for target in targets:
            end = start + part.weights.tensors[named[target]].shape[0]
            # The last one takes all that is left, so that a B too long is noticed.
            fitted[named[target]] = replace(lora, rows=slice(start, None if target == targets[-1] else end))
            start = end
    return replace(part, lora=fitted)


def _jobs(part: Part, expected: Mapping[str, Shape]) -> Iterator[Job]:
    for name, stored in part.weights.tensors.items():
        targets = part.layout.place(name)
        if targets == ():
            continue
        if targets is None or any(
            target not in expected or not target.startswith(part.layout.owns) for target in targets
        ):
            raise CheckpointError(
                "is not part of this architecture",
                path=stored.file,
                tensor=name,
                hint="Use a checkpoint whose config.json is its own, without further parts.",
            )
        shapes = tuple(expected[target] for target in targets)
        needed = (sum(shape[0] for shape in shapes), *shapes[0][1:])
        if stored.shape != needed:
            raise CheckpointError(
                f"has the shape {list(stored.shape)}; config.json asks for {list(needed)}",
                path=stored.file,
                tensor=name,
                hint=INCOMPLETE_HINT,
            )
        if stored.dtype not in WEIGHT_DTYPES:
            raise CheckpointError(
                f"holds {str(stored.dtype).removeprefix('torch.')} values where weights belong",
                path=stored.file,
                tensor=name,
                hint="Use the unquantised model.",
            )
        lora = part.lora.get(name)
        if lora is not None:
            _check_lora(lora, stored)
        yield Job(part.weights, stored, targets, shapes, lora)


def _check_lora(lora: LoraPair, stored: StoredTensor) -> None:
    a, b = lora.weights.tensors[lora.a], lora.weights.tensors[lora.b]
    if lora.shape != stored.shape:
        wrong = b if lora.shape[0] != stored.shape[0] else a
        raise CheckpointError(
            f"has the shape {list(wrong.shape)}, which does not fit {stored.name} {list(stored.shape)}",
            path=lora.weights.path,
            tensor=wrong.name,
            hint="This adapter was trained for another language model.",
        )


def _spelled_like(part: Part, target: str) -> str:
    """The name of one of our tensors in the spelling of a part's other tensors."""

    def likeness(name: str) -> int:
        return max((len(os.path.commonprefix([name, other])) for other in part.weights.tensors), default=0)

    return max(part.layout.spellings(target), key=likeness, default=target)
