"""Old knowledge kept: the model's own answers before the tuning, asked again among the new captions.

A model that sees nothing but new captions forgets the rest (Robins 1995, "Catastrophic forgetting, rehearsal and
pseudorehearsal"). Pictures of the kind that it captions well are enough, no captions are needed: what it says of them
before the first step, in every style and language, is what it is to go on saying, as likely as before (answer_loss.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from mqwen.engine.prompts import LANGUAGES, STYLES, prompt_for
from mqwen.errors import MqwenError
from mqwen.library.atomic import write_atomic
from mqwen.library.scan import scan
from mqwen.training.dataset import Example, Found, Turn
from mqwen.training.run_folder import REPLAY

if TYPE_CHECKING:
    from mqwen.engine.captioner import Captioner

QUESTIONS_EACH = 4  # of the styles in each language
_MAX_NEW_TOKENS = 192


def replay_examples(
    folder: Path,
    captioner: Callable[[], Captioner],
    kept_in: Path,
    *,
    seen: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Found:
    """Return the model's own answers about the pictures in `folder`.

    Args:
        captioner: loads the model as it is before the tuning; called only if it has something to say.
        kept_in: the run's folder; the answers are written there, and a second call reads them.

    Raises:
        Cancelled: cancelled() was true.
    """
    found = Found()
    kept = kept_in / REPLAY
    if kept.exists():
        records = [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()]
    else:
        problems: dict[Path, MqwenError] = {}
        photos = list(scan(folder, on_error=found.problems.append))
        records = list(_answers(photos, captioner, problems, seen, cancelled)) if photos else []
        found.problems += problems.values()
        write_atomic(kept, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode())
    for photo, asked, told in records:
        found.examples.append(Example((Path(photo),), (Turn(asked, told, images=1),), "its own answer"))
    return found


def _answers(
    photos: list[Path],
    captioner: Callable[[], Captioner],
    problems: dict[Path, MqwenError],
    seen: Callable[[int, int], None] | None,
    cancelled: Callable[[], bool] | None,
) -> Iterator[tuple[str, str, str]]:
    """(photo, question, answer), every photo asked QUESTIONS_EACH of the questions in turn; in a fixed order."""
    kinds = list(product(STYLES, LANGUAGES))
    speaker = captioner()
    done, total = 0, len(photos) * QUESTIONS_EACH
    try:
        for kind, (style, language) in enumerate(kinds):
            asked = prompt_for(style, language)
            mine = [
                photo
                for i, photo in enumerate(photos)
                if (kind - i * QUESTIONS_EACH - i // 2) % len(kinds) < QUESTIONS_EACH
            ]
            results = speaker.caption_many(
                mine, prompt=asked, ordered=True, max_new_tokens=_MAX_NEW_TOKENS, cancelled=cancelled
            )
            for photo, result in results:
                done += 1
                if seen is not None:
                    seen(done, total)
                if isinstance(result, MqwenError):
                    problems[photo] = result
                elif result.text:
                    yield str(photo), asked, result.text
    finally:
        speaker.unload()
