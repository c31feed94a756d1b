"""Tokenizers: the original's ids from qwen.tiktoken, the other two forms, and user text without special tokens."""

from __future__ import annotations

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from mqwen.errors import CheckpointError
from mqwen.model.tokenizer import QwenTokenizer, load_tokenizer
from tests.tiny import SPECIAL_TOKENS, write_tokenizer
from tests.tiny_parts import tiny_parts


@cache
def _real() -> QwenTokenizer | None:
    found = find_spec("dashscope")
    if found is None or found.origin is None:
        return None
    folder = Path(found.origin).parent / "resources"
    return load_tokenizer(folder) if (folder / "qwen.tiktoken").is_file() else None


@pytest.fixture(scope="session")
def qwen() -> QwenTokenizer:
    """Qwen's own vocabulary of 151,643 ranks, converted."""
    tokenizer = _real()
    if tokenizer is None:
        pytest.skip("PyPI's dashscope, which carries the real qwen.tiktoken, is not installed")
    return tokenizer


@pytest.fixture(scope="session")
def golden(data_folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((data_folder / "golden_seed" / "tokenizer.json").read_text(encoding="utf-8"))
    return content


def with_specials(tokenizer: QwenTokenizer, text: str) -> list[int]:
    ids: list[int] = []
    for part in tokenizer.split(text):
        ids += tokenizer.plain(part) if isinstance(part, str) else [part]
    return ids


def test_special_tokens_of_qwen1(qwen: QwenTokenizer, golden: dict[str, Any]) -> None:
    assert qwen.is_qwen1
    assert {name: qwen.added[name] for name in golden["specials"]} == golden["specials"]
    assert max(qwen.added.values()) + 1 == golden["n_vocab"]
    assert qwen.name_of(151646) == "<|extra_0|>"
    assert qwen.name_of(5) is None


def test_the_goldens_texts(qwen: QwenTokenizer, golden: dict[str, Any]) -> None:
    for case in golden["texts"]:
        assert qwen.plain(case["text"]) == case["allowed_none"], case["text"]
        assert with_specials(qwen, case["text"]) == case["ids"], case["text"]
        assert qwen.decode(case["ids"]) == case["decoded_skip"], case["text"]


def test_the_goldens_prompts(qwen: QwenTokenizer, golden: dict[str, Any]) -> None:
    for case in golden["prompts"]:
        assert with_specials(qwen, case["raw_text"]) == case["encode_raw_ids"], case["raw_text"]


def test_half_a_character(qwen: QwenTokenizer, golden: dict[str, Any]) -> None:
    assert qwen.decode(golden["partial_utf8"]["ids"]) == golden["partial_utf8"]["decoded"]


_FRAGMENTS = st.sampled_from(
    [
        *("<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|extra_0|>", "<image>", "<|", "|>", "im_start", "\ufeff"),
        *("<think>", " ", "\n", "\n\n", "你好", "é", "e\u0301", "＜|im_end|＞", "\u200b", "\0", "\ud800", "user", "<"),
    ]
)
_TEXTS = st.lists(_FRAGMENTS | st.text(max_size=6), max_size=8).map("".join)


@given(_TEXTS)
def test_no_user_text_becomes_a_special_token(text: str) -> None:
    tokenizer = _real() or _tiny()
    ids = tokenizer.plain(text)
    assert not set(ids) & set(tokenizer.added.values())


@given(_TEXTS)
def test_no_user_text_becomes_a_special_token_of_a_vocabulary_that_lists_them(text: str) -> None:
    """As the starter's: trained by tokenizers, which puts special tokens into the vocabulary proper."""
    tokenizer = _tiny(listed=True)
    assert not set(tokenizer.plain(text)) & set(tokenizer.added.values())


@given(st.text())
def test_text_comes_back(text: str) -> None:
    import unicodedata

    tokenizer = _real() or _tiny()
    assert tokenizer.decode(tokenizer.plain(text)) == unicodedata.normalize("NFC", text)


@cache
def _tiny(listed: bool = False) -> QwenTokenizer:
    alphabet = {chr(i): i for i in range(0x21, 0x7F)} | {chr(i): i for i in range(0xA1, 0x180)}
    vocabulary = {letter: number for number, letter in enumerate(alphabet)}
    added = [
        {"id": len(vocabulary) + i, "content": name, "special": i != 2, "normalized": False}
        | {"single_word": False, "lstrip": False, "rstrip": False}
        for i, name in enumerate((*SPECIAL_TOKENS, "<think>"))
    ]
    if listed:
        vocabulary |= {token["content"]: token["id"] for token in added}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    model = {"type": "BPE", "vocab": vocabulary, "merges": [], "ignore_merges": True, "unk_token": None}
    model |= {"dropout": None, "fuse_unk": False, "byte_fallback": False}
    model |= {"continuing_subword_prefix": None, "end_of_word_suffix": None}
    return QwenTokenizer(
        {
            **{"version": "1.0", "added_tokens": added, "normalizer": {"type": "NFC"}, "model": model},
            **{"pre_tokenizer": byte_level, "decoder": byte_level},
        }
    )


def test_tokenizer_json(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    whole = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    text = "<|im_start|>user\nhi <image> there<|im_end|>\n"
    assert with_specials(tokenizer, text) == whole.encode(text).ids
    assert not tokenizer.is_qwen1


@pytest.fixture(scope="session")
def short(tmp_path_factory: pytest.TempPathFactory, qwen: QwenTokenizer) -> QwenTokenizer:
    """Qwen's first 4,000 ranks."""
    found = find_spec("dashscope")
    assert found is not None
    ranks = (Path(found.origin or "").parent / "resources" / "qwen.tiktoken").read_bytes().splitlines(keepends=True)
    folder = tmp_path_factory.mktemp("short")
    (folder / "qwen.tiktoken").write_bytes(b"".join(ranks[:4000]))
    return load_tokenizer(folder)


def test_tiktoken_and_its_tokenizer_json_are_one(short: QwenTokenizer, tmp_path: Path, golden: dict[str, Any]) -> None:
    short.save(tmp_path / "tokenizer.json")
    again, whole = load_tokenizer(tmp_path), Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert again.added == short.added
    for text in (case["text"] for case in golden["texts"]):
        assert again.plain(text) == short.plain(text), text
        assert whole.encode(text).ids == with_specials(short, text), text


def test_vocabulary_and_merges(short: QwenTokenizer, tmp_path: Path, golden: dict[str, Any]) -> None:
    short.save(tmp_path / "whole.json")
    model = json.loads((tmp_path / "whole.json").read_text(encoding="utf-8"))["model"]
    vocabulary = {token: i for token, i in model["vocab"].items() if token not in short.added}
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    merges = "\n".join(" ".join(pair) for pair in model["merges"])
    (tmp_path / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", encoding="utf-8")
    declared = {"special": True, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False}
    decoder = {str(i): declared | {"content": name} for name, i in (("<|im_end|>", 4002), ("<image>", 4700))}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"added_tokens_decoder": decoder}))
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.added == {"<|im_end|>": 4002, "<image>": 4700}
    for text in (case["text"] for case in golden["texts"]):
        assert tokenizer.plain(text) == short.plain(text), text
    assert with_specials(tokenizer, "<image>") == [4700]
    assert tokenizer.decode([4700, *tokenizer.plain("猫"), 4002]) == "猫"
    tokenizer.save(tmp_path / "tokenizer.json")
    again = load_tokenizer(tmp_path)
    assert again.added == tokenizer.added
    assert with_specials(again, "a<image>b") == with_specials(tokenizer, "a<image>b")


def test_without_declared_tokens_qwens_follow_the_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "vocab.json").write_text('{"a": 0, "b": 1, "ab": 2}')
    (tmp_path / "merges.txt").write_text("a b\n")
    tokenizer = load_tokenizer(tmp_path)
    assert tokenizer.added == {"<|endoftext|>": 3, "<|im_start|>": 4, "<|im_end|>": 5}
    assert tokenizer.plain("abb") == [2, 1]


def test_the_tiny_original_layout(tmp_path: Path) -> None:
    """Its folder holds Python files that end the process if they are run."""
    tokenizer = load_tokenizer(tiny_parts(tmp_path).language_model)
    assert tokenizer.added["<|extra_0|>"] == 259
    assert tokenizer.decode(tokenizer.plain("猫!")) == "猫!"


@pytest.mark.parametrize(
    ("files", "named"),
    [
        ({}, "there is no tokenizer"),
        ({"tokenizer.json": "{}"}, r"tokenizer\.json"),
        ({"tokenizer.json": "[1]"}, r"tokenizer\.json"),
        ({"tokenizer.json": '{"model": {"type": "Unigram", "vocab": [["a", 0.5]]}}'}, "Unigram"),
        ({"vocab.json": '{"a": 0}'}, r"merges\.txt"),
        ({"vocab.json": '{"a": "x"}', "merges.txt": ""}, r"vocab\.json"),
        ({"vocab.json": '{"a": 0}', "merges.txt": "a b\n"}, r"vocab\.json"),
        ({"qwen.tiktoken": "IQ== 0\nnot base64! 1\n"}, r"qwen\.tiktoken: line 2"),
        ({"qwen.tiktoken": "IQ==\n"}, r"qwen\.tiktoken: line 1"),
    ],
)
def test_a_damaged_tokenizer_is_named(tmp_path: Path, files: dict[str, str], named: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(CheckpointError, match=named):
        load_tokenizer(tmp_path)
