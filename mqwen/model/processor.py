"""Image and messages -> what the spliced model takes: pixel_values and input_ids; and ids back to a caption."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from mqwen.errors import CheckpointError
from mqwen.library.image import Reduced, to_rgb
from mqwen.model.chat import ORIGINAL_SYSTEM, ChatTemplate, Literals, Message, chatml, find_template
from mqwen.model.config import MQwenConfig
from mqwen.model.pixel_values import load_transform
from mqwen.model.tokenizer import ENDOFTEXT, IM_END, IM_START, QwenTokenizer, load_tokenizer, read_json

__all__ = ["MQwenProcessor", "Message"]

# Qwen3 may think aloud first; a template can have opened the thought already, and the token limit can cut it off.
_THOUGHT = re.compile(r"\A.*</think>|<think>.*", re.DOTALL)


class MQwenProcessor:
    """A checkpoint's tokenizer, chat template and image processing. Thread-safe.

    Attributes:
        tokenizer: the QwenTokenizer.
        stop_ids: any of these ends an answer.
        pad_id: fills up rows.
        image_token_id: the marker, one per image.
        image_size: (height, width) of pixel_values.
    """

    def __init__(self, language_model: Path, vision_tower: Path, config: MQwenConfig) -> None:
        self.tokenizer: QwenTokenizer = load_tokenizer(language_model)
        self.image_token_id: int = config.image_token_id
        size = config.vision_config.image_size
        self.image_size: tuple[int, int] = (size, size) if isinstance(size, int) else (size[0], size[1])
        vision_type = config.vision_config.model_type
        self._transform, self._image_processor_type = load_transform(vision_tower, vision_type, self.image_size)
        self._config = config
        self._settings = _tokenizer_settings(language_model)
        self._generation = _optional_json(language_model / "generation_config.json")
        self.stop_ids: tuple[int, ...] = self._find_stop_ids(language_model)
        self.pad_id: int = self._find_pad_id()
        source = find_template(language_model)
        if source is None:
            system = ORIGINAL_SYSTEM if self.tokenizer.is_qwen1 else None
            source = chatml(self.tokenizer.name_of(self.image_token_id), system)
        self._template = ChatTemplate(source, self._settings, self._count_images, language_model)

    @classmethod
    def from_folder(cls, folder: Path | str, config: MQwenConfig) -> MQwenProcessor:
        """Load from a checkpoint folder in the LLaVA layout.

        Raises:
            CheckpointError: something is missing, damaged, or does not fit the config.
        """
        return cls(Path(folder), Path(folder), config)

    @classmethod
    def from_parts(cls, language_model: Path | str, vision_tower: Path | str, config: MQwenConfig) -> MQwenProcessor:
        """Load from the original layout's folders; raises as `from_folder`."""
        return cls(Path(language_model), Path(vision_tower), config)

    def pixel_values(self, image: Image.Image | Reduced) -> torch.Tensor:
        """Return a picture of any mode as float32 [3, height, width], turned as its EXIF orientation says.

        Raises:
            ImageError: it cannot be decoded.
        """
        if isinstance(image, Reduced):
            return self._transform(image.picture, image.size, image.box)
        return self._transform(to_rgb(image))

    @property
    def least_side(self) -> int | None:
        """What the shorter side of a picture must keep, in pixels, where it is decoded smaller; None: it must not be.

        Twice what the model sees: JPEG's own reduction then differs by 0.2 to 0.5 of 255 after the resize.
        """
        return None if self._transform.size is None else 2 * max(self.image_size)

    def encode(self, messages: Sequence[Message], add_generation_prompt: bool = True) -> list[int]:
        """Return the prompt's ids, one marker per image.

        Args:
            add_generation_prompt: end with what an answer is to follow.

        Raises:
            InputError: the checkpoint's chat template cannot express the conversation.
        """
        ids: list[int] = []
        plain = ""  # text that is encoded in one go, so that its tokens are those of the whole prompt
        for piece in self._template.render(messages, add_generation_prompt=add_generation_prompt):
            if isinstance(piece, Literals):
                parts = self.tokenizer.split(piece.text)
            elif piece.kind == "text":
                parts = [messages[piece.message].text]
            else:
                parts = [self.image_token_id]
            for part in parts:
                if isinstance(part, str):
                    plain += part
                    continue
                ids += self.tokenizer.plain(plain)
                ids.append(part)
                plain = ""
        return ids + self.tokenizer.plain(plain)

    def decode(self, ids: Sequence[int]) -> str:
        """Return an answer's text: up to the first stop id, without special tokens and without a <think> part."""
        end = next((i for i, number in enumerate(ids) if number in self.stop_ids), len(ids))
        text = self.tokenizer.decode([int(number) for number in ids[:end] if number != self.image_token_id])
        # The token limit can cut a character in half, which leaves U+FFFD at the end.
        return _THOUGHT.sub("", text).rstrip("\ufffd").strip()

    def save_pretrained(self, folder: Path | str) -> None:
        """Write the files from which this class, and transformers, load the same processor."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.tokenizer.save(folder / "tokenizer.json")
        (folder / "chat_template.jinja").write_text(self._template.source, encoding="utf-8")
        _write_json(folder / "tokenizer_config.json", self._tokenizer_config())
        _write_json(folder / "preprocessor_config.json", self._transform.to_dict(self._image_processor_type))
        _write_json(folder / "processor_config.json", self._processor_config())

    def _count_images(self, text: str) -> int:
        return self.tokenizer.split(text).count(self.image_token_id)

    def _find_stop_ids(self, folder: Path) -> tuple[int, ...]:
        text_config = self._config.text_config
        names = (IM_END, ENDOFTEXT, IM_START, self._settings.get("eos_token"))
        found = [self.tokenizer.added.get(name) for name in names if name]
        for declared in (self._generation.get("eos_token_id"), getattr(text_config, "eos_token_id", None)):
            found += declared if isinstance(declared, list) else [declared]
        vocabulary = text_config.vocab_size
        stops = dict.fromkeys(i for i in found if isinstance(i, int) and 0 <= i < vocabulary)
        if not stops:
            raise CheckpointError("no token of its tokenizer ends an answer", path=folder)
        return tuple(stops)

    def _find_pad_id(self) -> int:
        for name in (self._settings.get("pad_token"), ENDOFTEXT):
            number = self.tokenizer.added.get(name) if name else None
            if number is not None and number < self._config.text_config.vocab_size:
                return number
        return self.stop_ids[0]

    def _tokenizer_config(self) -> dict[str, Any]:
        name_of = self.tokenizer.name_of
        return {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "processor_class": "LlavaProcessor",
            "bos_token": self._settings.get("bos_token"),
            "eos_token": self._settings.get("eos_token") or name_of(self.stop_ids[0]),
            "pad_token": name_of(self.pad_id),
            "clean_up_tokenization_spaces": False,
            "model_max_length": self._settings.get("model_max_length") or self._config.seq_length,
            "image_token": name_of(self.image_token_id),
        }

    def _processor_config(self) -> dict[str, Any]:
        vision = self._config.vision_config
        return {
            "processor_class": "LlavaProcessor",
            "image_token": self.tokenizer.name_of(self.image_token_id),
            "patch_size": vision.patch_size,
            "vision_feature_select_strategy": self._config.vision_feature_select_strategy,
            "num_additional_image_tokens": 0 if vision.model_type.startswith("siglip") else 1,
        }


def _tokenizer_settings(folder: Path) -> dict[str, Any]:
    """Return the special tokens that tokenizer_config.json names, as texts, and the context length."""
    content = _optional_json(folder / "tokenizer_config.json")
    settings: dict[str, Any] = {}
    for name in ("bos_token", "eos_token", "pad_token", "unk_token"):
        token = content.get(name)
        token = token.get("content") if isinstance(token, dict) else token
        settings[name] = token if isinstance(token, str) else None
    length = content.get("model_max_length")
    settings["model_max_length"] = length if isinstance(length, int) and length < 10**9 else None
    return settings


def _optional_json(path: Path) -> dict[str, Any]:
    return read_json(path) if path.is_file() else {}


def _write_json(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps({k: v for k, v in content.items() if v is not None}, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
