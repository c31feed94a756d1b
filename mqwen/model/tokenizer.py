"""A model folder's tokenizer, from any of the three forms in which Qwen's is published, without its code.

Special and added tokens are taken out of it and kept beside it: what a user writes can so never become one, however
it is written. They are put in by id, where a chat template names them.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from mqwen.errors import CheckpointError

ENDOFTEXT, IM_START, IM_END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
QWEN1_FILE = "qwen.tiktoken"
# Qwen-1 counts its special tokens on from the last rank of qwen.tiktoken (151643 in the published one), in this order.
_QWEN1_SPECIALS = (ENDOFTEXT, IM_START, IM_END, *(f"<|extra_{i}|>" for i in range(205)))
# How Qwen (1, 2, 2.5 and 3 alike) cuts text before merging, from its published tokenizer.json.
_QWEN_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class QwenTokenizer:
    """Text to ids and back, with special tokens only where they are asked for.

    Attributes:
        added: every special or added token and its id.
        is_qwen1: read from a qwen.tiktoken.
    """

    def __init__(self, content: dict[str, Any], *, is_qwen1: bool = False) -> None:
        self.is_qwen1 = is_qwen1
        self._tokens: list[dict[str, Any]] = content.get("added_tokens") or []
        self.added: dict[str, int] = {token["content"]: int(token["id"]) for token in self._tokens}
        self._names = {number: name for name, number in self.added.items()}
        self._special = {int(token["id"]) for token in self._tokens if token.get("special")}
        self._pattern = _added_pattern(self._tokens)
        self._plain = Tokenizer.from_str(json.dumps(_without_added(content, self.added)))
        self._listed = {name: i for name, i in self.added.items() if name in content["model"]["vocab"]}
        self._post_processor = content.get("post_processor")

    def plain(self, text: str) -> list[int]:
        """Encode a user's text: no special or added token comes of it."""
        return self._plain.encode(_encodable(text), add_special_tokens=False).ids

    def split(self, text: str) -> list[str | int]:
        """Cut the text of a chat template into plain text and the ids of the tokens that it names."""
        if self._pattern is None:
            return [text] if text else []
        parts: list[str | int] = []
        end = 0
        for match in self._pattern.finditer(text):
            if match.start() > end:
                parts.append(text[end : match.start()])
            parts.append(self.added[match[0].strip() if match[0] not in self.added else match[0]])
            end = match.end()
        if end < len(text):
            parts.append(text[end:])
        return parts

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids` without special tokens."""
        text, run = "", list[int]()
        for number in ids:
            if number not in self._names:
                run.append(number)
            elif number not in self._special:  # a token like <think>, which is text as well
                text += self._plain.decode(run, skip_special_tokens=False) + self._names[number]
                run = []
        return text + self._plain.decode(run, skip_special_tokens=False)

    def name_of(self, token_id: int) -> str | None:
        """Return the text of a special or added token, None if there is none of this id."""
        return self._names.get(token_id)

    def save(self, path: Path) -> None:
        """Write it as a tokenizer.json."""
        content = json.loads(self._plain.to_str())
        content |= {"added_tokens": self._tokens, "post_processor": self._post_processor}
        content["model"]["vocab"] |= self._listed
        path.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def load_tokenizer(folder: Path) -> QwenTokenizer:
    """Load tokenizer.json, vocab.json with merges.txt, or qwen.tiktoken, whichever the folder has first.

    Raises:
        CheckpointError: none is there, or one is damaged or of a kind that no Qwen has.
    """
    path = tokenizer_file(folder)
    if path is None:
        raise CheckpointError(
            "there is no tokenizer (tokenizer.json, vocab.json with merges.txt, or qwen.tiktoken)",
            path=folder,
            hint="Copy it from the language model's folder.",
        )
    with _naming(path):
        if path.name == QWEN1_FILE:
            return QwenTokenizer(_from_ranks(path), is_qwen1=True)
        return QwenTokenizer(_from_vocabulary(folder) if path.name == "vocab.json" else read_json(path))


def added_tokens(folder: Path) -> dict[str, int]:
    """Return the special and added tokens of a folder's tokenizer, without making it (seconds for a qwen.tiktoken).

    Returns:
        ids by name, none if the folder has no tokenizer.

    Raises:
        CheckpointError: the file that names them is damaged.
    """
    path = tokenizer_file(folder)
    if path is None:
        return {}
    with _naming(path):
        if path.name == QWEN1_FILE:
            tokens = _qwen1_tokens(_read_ranks(path))
        else:
            content = read_json(path)
            declared = path.name == "vocab.json"
            tokens = _declared_tokens(folder, content) if declared else content.get("added_tokens") or []
        return {token["content"]: int(token["id"]) for token in tokens}


def tokenizer_file(folder: Path) -> Path | None:
    """Return the file from which a folder's tokenizer is made, None if there is none."""
    names = ("tokenizer.json", "vocab.json", QWEN1_FILE)
    return next((folder / name for name in names if (folder / name).is_file()), None)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:  # tokenizers raises plain Exception
        raise CheckpointError(
            f"the tokenizer cannot be read ({error})", path=path, hint="Download the model again."
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """Return a JSON file's object.

    Raises:
        CheckpointError: it cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"it cannot be read ({error})", path=path, hint="Download the model again.") from error
    if not isinstance(content, dict):
        raise CheckpointError("it holds no JSON object", path=path, hint="Download the model again.")
    return content


def _without_added(content: dict[str, Any], added: dict[str, int]) -> dict[str, Any]:
    model = content["model"]
    vocabulary = model.get("vocab")
    if not isinstance(vocabulary, dict):
        raise ValueError(f"a {model.get('type')} tokenizer is not one of Qwen's")
    kept = {token: i for token, i in vocabulary.items() if token not in added or token == model.get("unk_token")}
    without = dict.fromkeys(("truncation", "padding", "post_processor"))
    return {**content, **without, "added_tokens": [], "model": {**model, "vocab": kept}}


def _added_pattern(tokens: list[dict[str, Any]]) -> re.Pattern[str] | None:
    ordered = sorted(tokens, key=lambda token: len(token["content"]), reverse=True)
    alternatives = [
        (r"\s*" if token.get("lstrip") else "") + re.escape(token["content"]) + (r"\s*" if token.get("rstrip") else "")
        for token in ordered
        if token["content"]
    ]
    return re.compile("|".join(alternatives)) if alternatives else None


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")  # a lone surrogate has no bytes


def _bpe(
    vocabulary: dict[str, int], merges: list[tuple[str, str]], added: list[dict[str, Any]], *, whole_words: bool
) -> dict[str, Any]:
    """Return the content of a tokenizer.json with Qwen's cutting and normal form."""
    # A token in the vocabulary keeps its id: tokenizers numbers any other on from the last one.
    vocabulary = vocabulary | {token["content"]: token["id"] for token in added}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    cut = {"type": "Split", "pattern": {"Regex": _QWEN_PATTERN}, "behavior": "Isolated", "invert": False}
    return {
        "version": "1.0",
        "added_tokens": added,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [cut, byte_level]},
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": whole_words,
            "vocab": vocabulary,
            "merges": [list(pair) for pair in merges],
        },
    }


def _added_token(content: str, number: int, **flags: Any) -> dict[str, Any]:
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {"id": number, "content": content} | plain | {name: flags[name] for name in plain if name in flags}


def _from_vocabulary(folder: Path) -> dict[str, Any]:
    vocabulary = {str(token): int(number) for token, number in read_json(folder / "vocab.json").items()}
    path = folder / "merges.txt"
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"it cannot be read ({error})", path=path, hint="Download the model again.") from error
    merges = []
    for line in lines:
        if line.strip() and not line.startswith("#version"):
            left, _, right = line.rstrip("\r").partition(" ")
            merges.append((left, right))
    return _bpe(vocabulary, merges, _declared_tokens(folder, vocabulary), whole_words=False)


def _declared_tokens(folder: Path, vocabulary: dict[str, int]) -> list[dict[str, Any]]:
    tokens: dict[str, dict[str, Any]] = {}
    if (path := folder / "added_tokens.json").is_file():
        for content, number in read_json(path).items():
            tokens[content] = _added_token(content, int(number))
    if (path := folder / "tokenizer_config.json").is_file():
        for number, token in (read_json(path).get("added_tokens_decoder") or {}).items():
            tokens[token["content"]] = _added_token(**{**token, "number": int(number)})
    if not tokens:
        free = max(vocabulary.values(), default=-1) + 1
        for content in (ENDOFTEXT, IM_START, IM_END):
            if content not in vocabulary:
                tokens[content] = _added_token(content, free)
                free += 1
            else:
                tokens[content] = _added_token(content, vocabulary[content])
    return sorted(tokens.values(), key=lambda token: token["id"])


def _from_ranks(path: Path) -> dict[str, Any]:
    """Return a tokenizer.json's content for a tiktoken file: each line a token in base64, and its rank.

    tiktoken merges the neighbours whose union has the lowest rank. A token that comes about so is always made of the
    same two parts, whatever stands around it: those that are left when its own bytes are merged with lower ranks
    only. They are the merge rule that tokenizers wants. A token that no merging reaches is found as a whole word
    (`ignore_merges`).
    """
    ranks = _read_ranks(path)
    letters = _byte_letters()
    spelled = {token: "".join(letters[byte] for byte in token) for token in ranks}
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        parts = _merged(token, ranks, rank) if len(token) > 1 else []
        if len(parts) == 2:
            merges.append((spelled[parts[0]], spelled[parts[1]]))
    vocabulary = {spelled[token]: rank for token, rank in ranks.items()}
    return _bpe(vocabulary, merges, _qwen1_tokens(ranks), whole_words=True)


def _qwen1_tokens(ranks: dict[bytes, int]) -> list[dict[str, Any]]:
    first = max(ranks.values(), default=-1) + 1
    return [_added_token(content, first + i) for i, content in enumerate(_QWEN1_SPECIALS)]


def _read_ranks(path: Path) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        try:
            encoded, rank_text = line.split()
            ranks[base64.b64decode(encoded, validate=True)] = int(rank_text)
        except (ValueError, binascii.Error) as error:
            raise CheckpointError(f"line {number} is damaged", path=path, hint="Download the model again.") from error
    return ranks


def _merged(token: bytes, ranks: dict[bytes, int], below: int) -> list[bytes]:
    """Return the two parts that merging with lower ranks leaves of a token; more where no merging reaches it."""
    cuts = [i for i in range(1, len(token)) if token[:i] in ranks and token[i:] in ranks]
    if len(cuts) < 2:
        return [token[: cuts[0]], token[cuts[0] :]] if cuts else []
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(left + right, below) for left, right in pairwise(parts)]
        rank = min(pairs)
        if rank >= below:
            break
        best = pairs.index(rank)
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts


def _byte_letters() -> list[str]:
    """Return the letter that byte-level BPE (GPT-2) writes for each byte: itself if printable, else from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]
