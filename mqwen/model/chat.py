"""Messages -> the pieces of a prompt, through the model's own chat template or ChatML.

A template comes from a model folder, so it is rendered in transformers' sandbox; and it never sees what the user
wrote: each text and each image is a placeholder while it is rendered. So no template can mangle a text, and no text
can pass for the template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from mqwen.errors import CheckpointError, InputError
from mqwen.model.tokenizer import read_json

# The system text that the original was trained with (facts/model.md).
ORIGINAL_SYSTEM = "你是一位图像理解助手。"
_PLACEHOLDER = re.compile(r"mqwen(text|image)(\d+)placeholder")


@dataclass(frozen=True)
class Message:
    """One turn of a conversation.

    Attributes:
        role: "system", "user" or "assistant".
        text: what it says; nothing in it is ever read as a marker or a special token.
        images: how many pictures belong to it, each one marker in the prompt.
        image_after: the markers stand behind the text instead of before it.
    """

    role: Literal["system", "user", "assistant"]
    text: str
    images: int = 0
    image_after: bool = False


@dataclass(frozen=True)
class Literals:
    """Text that the template wrote: special tokens in it count."""

    text: str


@dataclass(frozen=True)
class Slot:
    """Where message `message` puts its text, or one of its images."""

    kind: Literal["text", "image"]
    message: int


Shape = tuple[tuple[str, int, bool], ...]  # of each message: role, images, image_after


def chatml(image_token: str | None, system: str | None = None) -> str:
    """Return a chat template for ChatML, Qwen's own form.

    Args:
        image_token: what an image's marker is called.
        system: said where the conversation brings no system message of its own.
    """
    default = (
        "{%- if messages[0]['role'] != 'system' -%}"
        f"{{{{- '<|im_start|>system\\n{system}<|im_end|>\\n' -}}}}"
        "{%- endif -%}"
        if system
        else ""
    )
    return (
        default + "{%- for message in messages -%}"
        "{{- '<|im_start|>' + message['role'] + '\\n' -}}"
        "{%- if message['content'] is string -%}{{- message['content'] -}}"
        "{%- else -%}{%- for part in message['content'] -%}"
        f"{{%- if part['type'] == 'image' -%}}{{{{- {image_token or ''!r} -}}}}"
        "{%- else -%}{{- part['text'] -}}{%- endif -%}"
        "{%- endfor -%}{%- endif -%}"
        "{{- '<|im_end|>\\n' -}}"
        "{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
    )


def find_template(folder: Path) -> str | None:
    """Return the chat template of a model folder; None if it has none.

    Raises:
        CheckpointError: one of the files that may hold it is damaged.
    """
    if (path := folder / "chat_template.jinja").is_file():
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CheckpointError(f"it cannot be read ({error})", path=path) from error
    for name in ("chat_template.json", "processor_config.json", "tokenizer_config.json"):
        if (path := folder / name).is_file():
            template = read_json(path).get("chat_template")
            if isinstance(template, list):  # several, by name
                named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, dict)}
                template = named.get("default")
            if isinstance(template, str) and template.strip():
                return template
    return None


class ChatTemplate:
    """Renders the shape of a conversation to pieces; the same shape is rendered once.

    Args:
        source: the Jinja template.
        variables: what it may ask for besides the messages (bos_token, eos_token).
        count_images: how many image markers a template's own text holds.
        path: the model folder, for errors.
    """

    def __init__(self, source: str, variables: dict[str, Any], count_images: Callable[[str], int], path: Path) -> None:
        self.source = source
        self._variables = variables
        self._count_images = count_images
        self._path = path
        self._rendered = lru_cache(maxsize=64)(self._render_shape)

    def render(self, messages: Sequence[Message], *, add_generation_prompt: bool) -> tuple[Literals | Slot, ...]:
        """Return the prompt's pieces in order; an image that the template itself wrote out stays in its Literals.

        Raises:
            InputError: the template refuses such a conversation.
            CheckpointError: the template is damaged.
        """
        shape = tuple((message.role, message.images, message.image_after) for message in messages)
        return self._rendered(shape, add_generation_prompt)

    def _render_shape(self, shape: Shape, add_generation_prompt: bool) -> tuple[Literals | Slot, ...]:
        """Try the contents as lists of parts, as templates for pictures want them, then as strings."""
        images = sum(count for _, count, _ in shape)
        refusal: Exception | None = None
        for as_parts in (set(range(len(shape))), {i for i, (_, n, _) in enumerate(shape) if n}, set[int]()):
            try:
                text = self._render(shape, as_parts, add_generation_prompt)
            except Exception as error:  # a template raises whatever its author did not think of
                refusal = error
                continue
            pieces = _pieces(_without_open_thought(text))
            texts = [piece.message for piece in pieces if isinstance(piece, Slot) and piece.kind == "text"]
            slots = sum(isinstance(piece, Slot) and piece.kind == "image" for piece in pieces)
            written = sum(self._count_images(piece.text) for piece in pieces if isinstance(piece, Literals))
            if texts == list(range(len(shape))) and slots + written == images and "{'type'" not in text:
                return pieces
        if _is_syntax_error(refusal):
            raise CheckpointError(f"its chat template is damaged ({refusal})", path=self._path) from refusal
        raise InputError(
            f"the model's chat template cannot express this conversation{f' ({refusal})' if refusal else ''}",
            path=self._path,
            hint="Ask without a system message, one question and its picture at a time.",
        ) from refusal

    def _render(self, shape: Shape, as_parts: set[int], add_generation_prompt: bool) -> str:
        from transformers.utils.chat_template_utils import render_jinja_template

        messages: list[dict[str, Any]] = []
        for i, (role, count, after) in enumerate(shape):
            text = f"mqwentext{i}placeholder"
            content: Any
            if i in as_parts:
                parts = [{"type": "image"}] * count
                content = [{"type": "text", "text": text}]
                content = content + parts if after else parts + content
            else:
                # LLaVA's training data: each marker on its own line.
                marker = f"mqwenimage{i}placeholder"
                content = text + f"\n{marker}" * count if after else f"{marker}\n" * count + text
            messages.append({"role": role, "content": content})
        rendered, _ = render_jinja_template(
            conversations=[messages],
            chat_template=self.source,
            add_generation_prompt=add_generation_prompt,
            enable_thinking=False,
            **self._variables,
        )
        return str(rendered[0])


def _without_open_thought(text: str) -> str:
    """Close a thought that the template opens for the answer, empty, as Qwen3's does where thinking is off.

    Otherwise an answer that the token limit ends too early is a thought, and nothing in it tells.
    """
    begun = text.rstrip()
    return f"{begun}\n\n</think>\n\n" if begun.endswith("<think>") else text


def _pieces(text: str) -> tuple[Literals | Slot, ...]:
    pieces: list[Literals | Slot] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        if match.start() > end:
            pieces.append(Literals(text[end : match.start()]))
        pieces.append(Slot("text" if match[1] == "text" else "image", int(match[2])))
        end = match.end()
    if end < len(text):
        pieces.append(Literals(text[end:]))
    return tuple(pieces)


def _is_syntax_error(error: Exception | None) -> bool:
    return type(error).__name__ == "TemplateSyntaxError"
