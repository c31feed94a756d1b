"""The starter model's README: what it is, what it is not, and the figures with the command that repeats them."""

from __future__ import annotations

from collections.abc import Mapping

# Issue 2's targets: with the picture at least these, with an even grey in its place an object F1 of at most 0.1.
TARGETS = {"object_f1": 0.93, "count": 0.95, "background": 0.97, "exact": 0.70}
_ROWS = {
    "object_f1": "objects named, F1",
    "count": "number of things in all",
    "counts_of_named": "number of each thing named rightly",
    "background": "background",
    "exact": "brief caption true to the letter",
    "exact_detailed": "detailed caption true to the letter (size, place and light of each thing)",
}

_TEXT = """\
---
license: apache-2.0
language: [en, zh]
pipeline_tag: image-to-text
---
# MQwen starter: a model of drawings

It shows what MQwen does the minute it is installed, with no download. It was trained on nothing but pictures that its
recipe draws: 1 to 4 things out of {concepts} (emoji and plain shapes) on one of 12 backgrounds. **It does not know
photographs: its captions of them are guesses.** For photographs take a real model (the project's README says how).

The architecture is that of the real models, small: a CLIP vision tower (6 layers of width 256, 128 pixels, patch 16),
a two-layer projector, a Qwen2 language model (4 layers of width 192) with a byte-level BPE vocabulary of 2560, in the
LLaVA layout, fp16. `clip/` holds the text tower that matches the vision tower.

It answers the prompts of the styles brief, detailed, keywords and alt text in English and Chinese, and the questions
"How many things are in this picture?" and "What is the background?".

## How good it is

{scenes} scenes of combinations of things and background that no training caption told of, with the same augmentation
(turning, stretching, colour, light, blur, noise, JPEG). In the columns "blank" an even grey stands in place of every
picture: what is left there is what the model knows without looking.{verdict}

| | at least | {columns} |
| --- | --- | {rule} |
{rows}

Repeat the figures: `mqwen train --recipe starter --evaluate FOLDER`. Repeat the training:
`mqwen train --recipe starter --out FIRST`, then `mqwen train --recipe starter --refine FIRST --out FOLDER` (extra
`train`, and the font Noto Color Emoji: Debian's package fonts-noto-color-emoji). The model here went through both.

## Licence

Apache-2.0. The pictures were drawn with Noto Color Emoji (SIL Open Font License 1.1), which is not part of this folder;
the names of things come from the Unicode annotations (CLDR, Unicode License v3, https://www.unicode.org/license.txt)
in the `emoji` package (BSD).
"""


def model_card(figures: Mapping[str, Mapping[str, float]], scenes: int, concepts: int) -> str:
    """Return the README of a starter folder, from the figures of mqwen.training.evaluate.evaluate_all()."""
    columns = list(figures)
    rows = [
        f"| {words} | {TARGETS.get(name, '')} | " + " | ".join(f"{figures[c][name]:.3f}" for c in columns) + " |"
        for name, words in _ROWS.items()
    ]
    return _TEXT.format(
        concepts=concepts,
        scenes=scenes,
        columns=" | ".join(columns),
        rule=" | ".join("---" for _ in columns),
        rows="\n".join(rows),
        verdict=_verdict(figures),
    )


def _verdict(figures: Mapping[str, Mapping[str, float]]) -> str:
    """Say which aims are missed, in the words of the table."""
    seen = [column for name, column in figures.items() if not name.endswith("blank")]
    missed = [words for name, words in _ROWS.items() if any(c[name] < TARGETS.get(name, 0) for c in seen)]
    return f" **Not yet as good as it is meant to be:** {', '.join(missed)}." if missed else ""
