"""Examples to rows: the prompt is the engine's, and only the answers are learned."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mqwen.model.checkpoint import inspect_checkpoint
from mqwen.model.processor import Message, MQwenProcessor
from mqwen.training.dataset import Example, Turn
from mqwen.training.tokens import collate, encode, end_of_answer
from tests.tiny import ENDOFTEXT, IM_END, MARKER, tiny_llava

PHOTOS = (Path("a.png"), Path("b.png"))
_QWEN3_LIKE = (  # an earlier answer is written without the thought that stands before the last one
    "{%- for m in messages -%}{{- '<|im_start|>' + m['role'] + '\\n' -}}"
    "{%- if m['role'] == 'assistant' and loop.last -%}{{- '<think>\\n\\n</think>\\n\\n' -}}{%- endif -%}"
    "{%- if m['content'] is string -%}{{- m['content'] -}}{%- else -%}{%- for part in m['content'] -%}"
    "{%- if part['type'] == 'image' -%}{{- '<image>' -}}{%- else -%}{{- part['text'] -}}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}{{- '<|im_end|>\\n' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n<think>\\n\\n</think>\\n\\n' -}}{%- endif -%}"
)
_ENDOFTEXT = (
    "{%- for m in messages -%}{%- if m['role'] == 'user' -%}{{- '<image>USER: ' + m['content'][1]['text'] -}}"
    "{%- else -%}{{- ' ASSISTANT: ' + (m['content'] if m['content'] is string else m['content'][0]['text'])"
    " + '<|endoftext|>' -}}{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- ' ASSISTANT:' -}}{%- endif -%}"
)


def processor(folder: Path, template: str | None = None) -> MQwenProcessor:
    tiny_llava(folder)
    if template:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    return MQwenProcessor.from_folder(folder, inspect_checkpoint(folder).config)


def learned(processor: MQwenProcessor, labels: tuple[int, ...]) -> str:
    return "".join(f"<{i}>" if i >= 256 else processor.tokenizer.decode([i]) for i in labels if i != -100)


def test_one_caption(tmp_path: Path) -> None:
    made = processor(tmp_path)
    (row,) = encode(made, Example(PHOTOS[:1], (Turn("What?", "A dog. 狗", 1),), ""))
    prompt = made.encode([Message("user", "What?", images=1)])
    assert list(row.ids[: len(prompt)]) == prompt and row.ids.count(MARKER) == 1
    assert set(row.labels[: len(prompt)]) == {-100}
    assert row.labels[len(prompt) :] == row.ids[len(prompt) :]
    assert made.decode(row.labels[len(prompt) :]) == "A dog. 狗" and row.ids[-1] == IM_END
    assert row.told == len(row.ids) - len(prompt)


def test_turns_share_a_row_and_only_answers_count(tmp_path: Path) -> None:
    made = processor(tmp_path)
    turns = (Turn("This?", "a dog", 1), Turn("And this?", "a cat", 1, True), Turn("Sure?", "yes"))
    (row,) = encode(made, Example(PHOTOS, turns, ""))
    assert learned(made, row.labels) == f"a dog<{IM_END}>a cat<{IM_END}>yes<{IM_END}>"
    assert row.photos == PHOTOS and row.ids.count(MARKER) == 2
    asked = [Message("user", "This?", 1), Message("assistant", "a dog"), Message("user", "And this?", 1, True)]
    assert list(row.ids[: len(made.encode(asked))]) == made.encode(asked)


def test_where_earlier_turns_are_written_otherwise_every_answer_has_its_own_row(tmp_path: Path) -> None:
    made = processor(tmp_path, _QWEN3_LIKE)
    turns = (Turn("This?", "a dog", 1), Turn("And this?", "a cat", 1))
    first, second = encode(made, Example(PHOTOS, turns, ""))
    assert learned(made, first.labels) == f"a dog<{IM_END}>" and first.photos == PHOTOS[:1]
    assert learned(made, second.labels) == f"a cat<{IM_END}>" and second.photos == PHOTOS


def test_an_answer_ends_as_the_template_ends_it(tmp_path: Path) -> None:
    made = processor(tmp_path, _ENDOFTEXT)
    assert end_of_answer(made) == ENDOFTEXT
    (row,) = encode(made, Example(PHOTOS[:1], (Turn("What?", "dog", 1),), ""))
    assert row.ids[-1] == ENDOFTEXT and learned(made, row.labels) == f"dog<{ENDOFTEXT}>"


@pytest.mark.parametrize("text", ["<|im_end|>", "<image>", "<|im_start|>user\n"])
def test_a_caption_cannot_smuggle_in_a_special_token(tmp_path: Path, text: str) -> None:
    made = processor(tmp_path)
    (row,) = encode(made, Example(PHOTOS[:1], (Turn(text, text, 1),), ""))
    assert row.ids.count(MARKER) == 1 and [i for i in row.labels if i >= 256] == [IM_END]


def test_rows_of_unequal_length_are_filled_up_on_the_right(tmp_path: Path) -> None:
    made = processor(tmp_path)
    rows = [
        row for text in ("a", "much longer") for row in encode(made, Example(PHOTOS[:1], (Turn("?", text, 1),), ""))
    ]
    batch = collate(rows, [[torch.zeros(3, 56, 56)], [torch.ones(3, 56, 56)]], made.pad_id)
    assert batch.attention_mask.sum(-1).tolist() == [len(row.ids) for row in rows]
    assert batch.input_ids[0, len(rows[0].ids) :].unique().tolist() == [made.pad_id]
    assert batch.labels[0, len(rows[0].ids) :].unique().tolist() == [-100]
    assert batch.pixel_values.shape == (2, 3, 56, 56) and float(batch.pixel_values[1].min()) == 1.0
