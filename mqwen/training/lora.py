"""LoRA for training, in the shape of the original's adapter: one A for q, k and v together.

W x becomes W x + alpha / r * B A dropout(x) (Hu et al. 2021, arXiv:2106.09685). Qwen-1 computes q, k and v by one
linear layer, c_attn, so its adapter has one A for the three and a B of three parts; training them apart could not be
written back. Here the three linear layers of Qwen2 stay apart and share a `LoraMatrices`.

    lora = attach_lora(model, LoraSettings())     # freezes all but the projector and the LoRA
    ...                                           # train [p for p in model.parameters() if p.requires_grad]
    save_adapter(model, folder)                   # the original's folder layout; load_adapter goes on from it
    merge_lora(model)                             # W += alpha / r * B A: a plain model again
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as safetensors_bytes
from torch import nn

from mqwen.errors import CheckpointError, InputError, WriteError
from mqwen.library.atomic import write_atomic
from mqwen.model.adapter import LoraPair, open_adapter
from mqwen.model.splice import MQwenForConditionalGeneration
from mqwen.model.tensors import Weights, read_json

# The original's names of what it trains, and the layers of ours that they are (facts/model.md).
_TARGETS = {
    "c_attn": ("attn.c_attn", "self_attn", ("q_proj", "k_proj", "v_proj")),
    "w1": ("mlp.w1", "mlp", ("up_proj",)),
    "w2": ("mlp.w2", "mlp", ("gate_proj",)),
}
_PROJECTOR = {"0": "linear_1", "2": "linear_2"}  # other_params.bin's names


LORA_TARGETS = tuple(_TARGETS)


@dataclass(frozen=True)
class LoraSettings:
    """Rank, scale, dropout, and beside which layers (out of LORA_TARGETS); the defaults are the original's."""

    r: int = 128
    alpha: float = 32
    dropout: float = 0.1
    targets: tuple[str, ...] = LORA_TARGETS

    def __post_init__(self) -> None:
        if self.r < 1 or self.alpha <= 0 or not 0 <= self.dropout < 1:
            raise InputError("a LoRA needs r of at least 1, alpha above 0 and dropout from 0 to below 1")
        if not self.targets or not set(self.targets) <= set(LORA_TARGETS):
            raise InputError(
                f"a LoRA cannot stand beside {', '.join(self.targets) or 'nothing'}",
                hint=f"Take some of {', '.join(LORA_TARGETS)}.",
            )


class LoraMatrices(nn.Module):
    """A and B beside one linear layer, or beside several that read the same input.

    Attributes:
        lora_A: [r, in], float32.
        lora_B: [sum of the layers' out, r], float32; the layers' rows one after the other.
    """

    def __init__(self, linears: Sequence[nn.Linear], settings: LoraSettings) -> None:
        super().__init__()
        device = linears[0].weight.device
        outs = [linear.out_features for linear in linears]
        self.lora_A = nn.Parameter(torch.empty(settings.r, linears[0].in_features, device=device, dtype=torch.float32))
        self.lora_B = nn.Parameter(torch.zeros(sum(outs), settings.r, device=device, dtype=torch.float32))
        nn.init.kaiming_uniform_(self.lora_A, a=math.sqrt(5))  # peft's, as in the original
        self.dropout = nn.Dropout(settings.dropout)
        self.scale = settings.alpha / settings.r
        self.on = True
        self._outs = outs
        self._linears = tuple(linears)  # a tuple: they stay where they are in the model's state dict
        self._down: tuple[torch.Tensor, torch.Tensor] | None = None
        self._hooks = [linear.register_forward_hook(self._add(i)) for i, linear in enumerate(linears)]

    def _add(self, index: int) -> Callable[[nn.Module, tuple[Any, ...], torch.Tensor], torch.Tensor]:
        start = sum(self._outs[:index])
        rows = slice(start, start + self._outs[index])
        last = index == len(self._outs) - 1

        def hook(linear: nn.Module, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
            if not self.on:
                return output
            x = inputs[0]
            # q, k and v see one dropout mask, as they do behind the original's one A.
            if self._down is None or self._down[0] is not x:
                self._down = x, nn.functional.linear(self.dropout(x).to(self.lora_A.dtype), self.lora_A)
            down = self._down[1]
            if last:
                self._down = None
            return output + (self.scale * nn.functional.linear(down, self.lora_B[rows])).to(output.dtype)

        return hook

    @torch.no_grad()
    def merge(self) -> None:
        """Add alpha / r * B A to the weights of the layers, computed in float32, and leave them alone from now on."""
        delta = self.scale * (self.lora_B.float() @ self.lora_A.float())
        for linear, part in zip(self._linears, delta.split(self._outs), strict=True):
            linear.weight.copy_((linear.weight.float() + part.to(linear.weight.device)).to(linear.weight.dtype))
        self.detach_hooks()

    def detach_hooks(self) -> None:
        """Leave the layers alone from now on."""
        for hook in self._hooks:
            hook.remove()


class Lora(nn.Module):
    """The LoRA of a whole language model; it stands in the model as `model.lora`."""

    def __init__(self, model: MQwenForConditionalGeneration, settings: LoraSettings) -> None:
        super().__init__()
        self.settings = settings
        self.layers = nn.ModuleList(
            nn.ModuleDict(
                {
                    target: LoraMatrices([getattr(getattr(layer, part), name) for name in names], settings)
                    for target, (_, part, names) in _TARGETS.items()
                    if target in settings.targets
                }
            )
            for layer in model.language_model.layers
        )

    def by_module(self) -> dict[str, LoraMatrices]:
        """The matrices by the original's name of the layer: transformer.h.N.attn.c_attn, ..."""
        return {
            f"transformer.h.{index}.{_TARGETS[target][0]}": matrices
            for index, layer in enumerate(self.layers)
            for target, matrices in layer.items()  # type: ignore[operator]
        }

    @contextmanager
    def off(self) -> Iterator[None]:
        """Within it the language model is as it was before its LoRA."""
        for matrices in self.by_module().values():
            matrices.on = False
        try:
            yield
        finally:
            for matrices in self.by_module().values():
                matrices.on = True


def attach_lora(model: MQwenForConditionalGeneration, settings: LoraSettings | None = None) -> Lora:
    """Put a new LoRA (B = 0: nothing changes yet) beside its targets; freeze all else but the projector.

    Raises:
        InputError: the model has one already.
    """
    if hasattr(model, "lora"):
        raise InputError("the model has a LoRA already", hint="Merge it first.")
    return _attach(model, Lora(model, settings or LoraSettings()))


def _attach(model: MQwenForConditionalGeneration, lora: Lora) -> Lora:
    model.requires_grad_(False)
    model.multi_modal_projector.requires_grad_(True)
    model.lora = lora.train(model.training)
    return lora


def merge_lora(model: MQwenForConditionalGeneration) -> None:
    """Merge the LoRA into the weights and take it away; a model without one is left as it is."""
    lora = getattr(model, "lora", None)
    if lora is not None:
        for matrices in lora.by_module().values():
            matrices.merge()
        del model.lora


def save_adapter(model: MQwenForConditionalGeneration, folder: Path | str, *, base_model: str | None = None) -> None:
    """Write the LoRA and the projector as the original's adapter folder.

    The names are those of Qwen-1's layers, whatever the language model is: `load_adapter` reads them for any model,
    `load_parts` and peft beside a Qwen-1 folder.

    Args:
        base_model: where the language model is, for peft's `base_model_name_or_path`.

    Raises:
        InputError: the model has no LoRA.
        WriteError: the folder cannot be written; each file in it is the old one or the new one.
    """
    lora = getattr(model, "lora", None)
    if lora is None:
        raise InputError("the model has no LoRA to save", hint="Attach one before training, and save before merging.")
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"the folder cannot be made ({error.strerror})", path=folder) from error
    matrices = {
        f"base_model.model.{module}.lora_{letter}.weight": getattr(pair, f"lora_{letter}").detach().cpu().contiguous()
        for module, pair in lora.by_module().items()
        for letter in "AB"
    }
    write_atomic(folder / "adapter_model.safetensors", safetensors_bytes(matrices, {"format": "pt"}))
    projector = {name: value.detach().cpu().clone() for name, value in _projector_parameters(model).items()}
    pickled = io.BytesIO()
    torch.save(projector, pickled)
    write_atomic(folder / "other_params.bin", pickled.getvalue())
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_model,
        "r": lora.settings.r,
        "lora_alpha": lora.settings.alpha,
        "lora_dropout": lora.settings.dropout,
        "target_modules": sorted(lora.settings.targets),
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
    }
    write_atomic(folder / "adapter_config.json", (json.dumps(config, indent=2, sort_keys=True) + "\n").encode())


@torch.no_grad()
def load_adapter(model: MQwenForConditionalGeneration, folder: Path | str) -> Lora:
    """Attach the LoRA of the original's adapter folder, to train on or to merge, and fill the projector from it.

    Raises:
        InputError: the model has a LoRA already.
        CheckpointError: a file is missing or damaged, or its tensors are not those of this model.
    """
    folder = Path(folder)
    if hasattr(model, "lora"):
        raise InputError("the model has a LoRA already", hint="Merge it first.")
    adapter = open_adapter(folder)
    if not adapter.lora:
        raise CheckpointError("holds no LoRA", path=folder, hint="This folder holds a projector alone.")
    config = read_json(folder / "adapter_config.json")
    settings = LoraSettings(
        r=config["r"],
        alpha=config["lora_alpha"],
        dropout=config.get("lora_dropout", 0.0),
        targets=tuple(name for name in LORA_TARGETS if any(f".{name}." in weight for weight in adapter.lora))
        or LORA_TARGETS,
    )
    lora = Lora(model, settings)
    try:
        _fill_lora(lora, adapter.lora)
        projector = _read_projector(model, adapter.projector)
    except CheckpointError:
        for matrices in lora.by_module().values():
            matrices.detach_hooks()
        raise
    for parameter, value in projector:
        parameter.copy_(value)
    return _attach(model, lora)


def _fill_lora(lora: Lora, pairs: Mapping[str, LoraPair]) -> None:
    modules = lora.by_module()
    path = next(iter(pairs.values())).weights.path
    if missing := [module for module in modules if f"{module}.weight" not in pairs]:
        raise CheckpointError("is missing", path=path, tensor=f"base_model.model.{missing[0]}.lora_A.weight")
    for weight, pair in pairs.items():
        matrices = modules.get(weight.removesuffix(".weight"))
        if matrices is None:
            raise CheckpointError("belongs to a layer that cannot be trained on here", path=path, tensor=pair.a)
        if pair.scale != matrices.scale:
            raise CheckpointError("has a scale of its own, which cannot be trained on here", path=path, tensor=pair.a)
        matrices.lora_A.copy_(_read(pair.weights, pair.a, matrices.lora_A))
        matrices.lora_B.copy_(_read(pair.weights, pair.b, matrices.lora_B))


def _read_projector(model: MQwenForConditionalGeneration, weights: Weights) -> list[tuple[torch.Tensor, torch.Tensor]]:
    expected = _projector_parameters(model)
    for name in {**expected, **weights.tensors}:
        if name not in weights.tensors or name not in expected:
            what = "is missing" if name in expected else "does not belong to this model's projector"
            raise CheckpointError(what, path=weights.path, tensor=name)
    return [(parameter, _read(weights, name, parameter)) for name, parameter in expected.items()]


def _projector_parameters(model: MQwenForConditionalGeneration) -> dict[str, torch.Tensor]:
    """The projector's weights by the names in other_params.bin."""
    return {
        f"{number}.{name}": parameter
        for number, linear in _PROJECTOR.items()
        for name, parameter in getattr(model.multi_modal_projector, linear).named_parameters()
    }


def _read(weights: Weights, name: str, parameter: torch.Tensor) -> torch.Tensor:
    shape = weights.tensors[name].shape
    if shape != tuple(parameter.shape):
        raise CheckpointError(
            f"has the shape {list(shape)}, this model's is {list(parameter.shape)}", path=weights.path, tensor=name
        )
    return weights.read(name)
