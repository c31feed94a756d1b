"""A tiny random model that always has something to say, in plain letters: for tests of files and processes."""

from __future__ import annotations

import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from tests.tiny import tiny_llava


def change_head(folder: Path, change: Callable[[torch.Tensor], Any]) -> Path:
    """Change the output head of a tiny model folder in place: [vocabulary, hidden]."""
    file = folder / "model.safetensors"
    tensors = load_file(file)
    change(next(tensor for name, tensor in tensors.items() if name.endswith("lm_head.weight")))
    save_file(tensors, file, metadata={"format": "pt"})
    return folder


def talkative(folder: Path) -> Path:
    """Write a model whose answers are letters and never end by themselves; return `folder`.

    All other tokens get the logit 0, and of 52 random ones some are above.
    """
    tiny_llava(folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    letters = [tokenizer.token_to_id(letter) for letter in string.ascii_letters]

    def letters_only(head: torch.Tensor) -> None:
        kept = head[letters].clone()
        head.zero_()
        head[letters] = kept

    return change_head(folder, letters_only)
