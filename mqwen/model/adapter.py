"""The adapter folder of the original: LoRA matrices for the language model, and the projector.

    adapter_config.json   peft's: r, lora_alpha, ...
    adapter_model.bin     or .safetensors: base_model.model.<module>.lora_{A,B}.weight
    other_params.bin      or .safetensors: the projector, 0.weight 0.bias 2.weight 2.bias

A folder without adapter_config.json is one of a projector trained alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch

from mqwen.errors import CheckpointError
from mqwen.model.tensors import Weights, naming, open_file, read_json

_IN_A_LAYER = re.compile(r"(.*?\.)(\d+)(\..*)")
_LORA_NAME = re.compile(r"base_model\.model\.(?P<module>.+)\.lora_(?P<matrix>[AB])(\.default)?\.weight")
# What peft may do beside W += scale * B @ A. Merging as if it did not would give another model without a word.
_REFUSED = (
    "use_dora",
    "fan_in_fan_out",
    "modules_to_save",
    "use_qalora",
    "lora_bias",
    "megatron_config",
    "alora_invocation_tokens",
)
# With these `init_lora_weights` the base's own weights are untouched; pissa, olora, corda and loftq change them, too.
_PLAIN_STARTS = (None, True, False, "gaussian", "eva", "orthogonal")


@dataclass(frozen=True)
class LoraPair:
    """The two matrices of one module in their file: W += scale * B @ A.

    Attributes:
        rows: of B, that are this weight's; the others are of weights that share the A. None: all of them.
    """

    weights: Weights
    a: str
    b: str
    scale: float
    rows: slice | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """[out, in] of the weight that it fits."""
        out, seen = self.weights.tensors[self.b].shape[0], self.weights.tensors[self.a].shape[1]
        return (out if self.rows is None else len(range(out)[self.rows])), seen

    def merged(self, weight: torch.Tensor) -> torch.Tensor:
        """`weight` [out, in] with the pair added, computed in float32 whatever the three are stored in; float32."""
        a, b = self.weights.read(self.a).float(), self.weights.read(self.b).float()
        return torch.addmm(weight.float(), b if self.rows is None else b[self.rows], a, alpha=self.scale)


@dataclass(frozen=True)
class Adapter:
    """An opened adapter folder; `lora` is by the name of the weight that a pair changes."""

    projector: Weights
    lora: dict[str, LoraPair]


def open_adapter(folder: Path) -> Adapter:
    """Read the headers of an adapter folder.

    Raises:
        CheckpointError: a file is missing or damaged, or it holds a kind of adapter that cannot be merged.
    """
    projector = open_file(_either(folder, "other_params"))
    config_path = folder / "adapter_config.json"
    if not config_path.exists() and not any(folder.glob("adapter_model.*")):
        return Adapter(projector, {})
    config = read_json(config_path)
    weights = open_file(_either(folder, "adapter_model"))
    with naming(config_path):
        return Adapter(projector, pair_up(config, weights))


def pair_up(config: Mapping[str, Any], weights: Weights) -> dict[str, LoraPair]:
    """Find the A and the B of every module and the scale to merge them with.

    Raises:
        CheckpointError: see `open_adapter`.
    """
    if config.get("peft_type") != "LORA":
        raise CheckpointError(f"peft_type is {config.get('peft_type')!r}; MQwen merges LORA only")
    if config.get("bias", "none") != "none":
        raise CheckpointError(f"bias is {config['bias']!r}: biases trained with a LoRA cannot be merged")
    if refused := [name for name in _REFUSED if config.get(name)]:
        raise CheckpointError(f"{refused[0]} is set: this kind of LoRA cannot be merged")
    if (start := config.get("init_lora_weights")) not in _PLAIN_STARTS:
        raise CheckpointError(f"init_lora_weights is {start!r}: such a LoRA changes its base, and cannot be merged")
    found: dict[str, dict[str, str]] = {}
    for name in weights.tensors:
        match = _LORA_NAME.fullmatch(name)
        if match is None:
            raise CheckpointError("is not part of a LoRA", path=weights.path, tensor=name)
        found.setdefault(match["module"], {})[match["matrix"]] = name
    pairs = {}
    for module, names in found.items():
        if len(names) != 2:
            (name,) = names.values()
            raise CheckpointError("has no counterpart (a LoRA has an A and a B)", path=weights.path, tensor=name)
        a, b = weights.tensors[names["A"]], weights.tensors[names["B"]]
        rank = _setting(config, "rank_pattern", "r", module)
        if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[0] != rank or b.shape[1] != rank:
            raise CheckpointError(
                f"shapes {list(a.shape)} and {list(b.shape)} are not those of rank {rank:g}",
                path=weights.path,
                tensor=a.name,
            )
        alpha = _setting(config, "alpha_pattern", "lora_alpha", module)
        scale = alpha / (math.sqrt(rank) if config.get("use_rslora") else rank)
        pairs[module + ".weight"] = LoraPair(weights, a.name, b.name, scale)
    _require_all(config, found, weights.path)
    return pairs


def _require_all(config: Mapping[str, Any], found: Collection[str], path: Path) -> None:
    """Refuse what was saved in part: some old scripts left a file without any matrix."""
    hint = "The adapter was not saved whole: save or copy it again."
    if not found:
        raise CheckpointError("holds no LoRA", path=path, hint=hint)
    if config.get("layers_to_transform") is not None or config.get("exclude_modules"):
        return  # meant to be in some layers only
    placed = [match.groups() for module in found if (match := _IN_A_LAYER.fullmatch(module))]
    layers, kinds = {(before, layer) for before, layer, _ in placed}, {(before, kind) for before, _, kind in placed}
    for (before, layer), (other, kind) in product(sorted(layers), sorted(kinds)):
        name = f"{before}{layer}{kind}"
        if before == other and name not in found:
            raise CheckpointError(
                "is missing, though other layers have it",
                path=path,
                tensor=f"base_model.model.{name}.lora_A.weight",
                hint=hint,
            )


def _setting(config: Mapping[str, Any], pattern_field: str, field: str, module: str) -> float:
    """The value for one module; peft's patterns are matched by name or ending, true regular expressions refused."""
    value = config.get(field)
    patterns = config.get(pattern_field) or {}
    if not isinstance(patterns, Mapping):
        raise CheckpointError(f"{pattern_field} is {patterns!r}")
    for key in patterns:
        if not re.fullmatch(r"[\w.]+", key):
            raise CheckpointError(f"{pattern_field} holds the pattern {key!r}; MQwen reads plain module names only")
    value = next((patterns[key] for key in patterns if module == key or module.endswith("." + key)), value)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < 1e9:
        raise CheckpointError(f"{field} is {value!r}")
    return value


def _either(folder: Path, stem: str) -> Path:
    safetensors = folder / f"{stem}.safetensors"
    return safetensors if safetensors.exists() else folder / f"{stem}.bin"
