"""The starter model's own small vocabulary: byte-level BPE in the form of Qwen2's tokenizer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mqwen.engine.prompts import LANGUAGES, STYLES
from mqwen.training.captions import answer, question
from mqwen.training.scenes import compose

if TYPE_CHECKING:
    from transformers import Qwen2Tokenizer

SPECIAL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|extra_0|>")
IMAGE_TOKEN = "<|extra_0|>"
VOCABULARY_SIZE = 2560
# How Qwen cuts text before BPE (its published pattern): contractions, words, digits, punctuation, line breaks, spaces.
_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _corpus(scenes: int, seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    for _ in range(scenes):
        scene = compose(rng)
        for language in LANGUAGES:
            for style in (*STYLES, "number", "background"):
                yield question(style, language)
                yield answer(scene, style, language)
        yield "system\nuser\nassistant\n"


def train_tokenizer(*, scenes: int = 8000, seed: int = 0) -> Qwen2Tokenizer:
    """Train the vocabulary on the captions of made-up scenes."""
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import Qwen2Tokenizer

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PATTERN), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=list(SPECIAL_TOKENS),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(scenes, seed), trainer)
    return Qwen2Tokenizer(
        tokenizer_object=tokenizer,
        unk_token=None,
        bos_token=None,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>", "<|extra_0|>"],
    )
