"""The data looked through before the first step: unreadable photos, copies, captions that are all alike; and the split.

Every photo is decoded once, as it will be in training: hours later is too late to hear of a broken download.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mqwen.engine.read_ahead import read_ahead
from mqwen.errors import Cancelled, ImageError, MqwenError
from mqwen.library.image import read_image
from mqwen.training.dataset import Example, Found

_ALIKE_SHARE, _ALIKE_LEAST = 0.2, 10
_DEPTH = 64

Seen = Callable[[int, int], None]
"""Called with the photos looked at and the photos in all."""
Known = dict[str, list[Any]]
"""Photo -> [size, date, hash] of those that were decoded before."""


@dataclass(frozen=True)
class Checked:
    """Examples that can be trained on, and what is known of their photos.

    Attributes:
        keys: of each photo a hash of its file's content.
    """

    examples: list[Example]
    keys: dict[Path, str]
    problems: list[MqwenError]
    remarks: list[str]


def check(
    found: Found,
    *,
    at_least: int | None = None,
    known: Known | None = None,
    seen: Seen | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Checked:
    """Decode every photo and sort out what cannot be trained on.

    Args:
        at_least: as in `read_image`.
        known: photos that need no second look as long as their size and date stay; what is seen now is added.
        cancelled: asked while photos are read.

    Raises:
        Cancelled: cancelled() was true.
    """
    photos = list(dict.fromkeys(photo for example in found.examples for photo in example.photos))
    problems, keys = list(found.problems), dict[Path, str]()

    known = {} if known is None else known

    def look(photo: Path) -> str | MqwenError:
        try:
            stat = photo.stat()
            size, date, key = known.get(str(photo), [None, None, ""])
            if (size, date) == (stat.st_size, stat.st_mtime_ns):
                return str(key)
            read_image(photo, at_least=at_least)
            with photo.open("rb") as file:
                key = hashlib.file_digest(file, "sha256").hexdigest()
            known[str(photo)] = [stat.st_size, stat.st_mtime_ns, key]
            return key
        except MqwenError as error:
            return error
        except OSError as error:
            return ImageError(f"it cannot be read ({error.strerror})", path=photo, hint="Copy it again.")

    number = 0
    with closing(read_ahead(photos, look, depth=_DEPTH, ordered=True)) as looked:
        for ready in looked:
            if cancelled is not None and cancelled():
                raise Cancelled("stopped while photos were being looked through")
            if ready is None:  # none is decoded yet
                continue
            photo, result = ready
            number += 1
            if isinstance(result, MqwenError):
                problems.append(result)
            else:
                keys[photo] = result
            if seen is not None:
                seen(number, len(photos))
    examples = [example for example in found.examples if all(photo in keys for photo in example.photos)]
    examples, copies = _without_copies(examples, keys)
    remarks = list(found.remarks)
    if copies:
        first, other = copies[0]
        remarks.append(
            f"{len(copies)} photo(s) are copies of others and count once ({first.name} is a copy of {other})"
        )
    if alike := _most_alike(examples):
        text, count = alike
        remarks.append(f"{count} photos have the same caption, {text[:60]!r}: the model will learn to say it always")
    return Checked(examples, keys, problems, remarks)


def _without_copies(examples: Sequence[Example], keys: dict[Path, str]) -> tuple[list[Example], list[tuple[Path, str]]]:
    """Leave out what says the same of the same content under another name."""
    kept: dict[object, Example] = {}
    copies = []
    for example in examples:
        what = tuple(keys[photo] for photo in example.photos), example.turns
        if what in kept:
            copies.append((example.photos[0], kept[what].photos[0].name))
        else:
            kept[what] = example
    return list(kept.values()), copies


def _most_alike(examples: Iterable[Example]) -> tuple[str, int] | None:
    answers = Counter(example.turns[0].answer for example in examples)
    if not answers:
        return None
    text, count = answers.most_common(1)[0]
    return (text, count) if count >= max(_ALIKE_LEAST, _ALIKE_SHARE * answers.total()) else None


def split(checked: Checked, share: float) -> tuple[list[Example], list[Example]]:
    """Part the examples into (training, validation) by photo.

    A photo's content decides, not its name nor the run's seed: it stays on its side when files are renamed, others are
    added or the run is repeated, and copies of it, or other captions of it, are never on the other side.

    Args:
        share: of the photos, for validation. Above 0 at least one photo, if there are two.
    """
    groups = _linked_photos(checked)
    ranked = sorted(set(groups.values()), key=lambda key: hashlib.sha256(f"validation {key}".encode()).digest())
    number = min(max(1, round(share * len(ranked))), len(ranked) - 1) if share > 0 else 0
    held = set(ranked[:number])
    sides: tuple[list[Example], list[Example]] = ([], [])
    for example in checked.examples:
        sides[groups[example.photos[0]] in held].append(example)
    return sides


def _linked_photos(checked: Checked) -> dict[Path, str]:
    """Photo -> the least hash among all photos that it shares a conversation with, directly or through others."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = key = parent[parent[key]]
        return key

    for example in checked.examples:
        first = root(checked.keys[example.photos[0]])
        for photo in example.photos[1:]:
            other = root(checked.keys[photo])
            first, last = sorted((first, other))
            parent[last] = first
    return {photo: root(checked.keys[photo]) for example in checked.examples for photo in example.photos}


def fingerprint(parts: Iterable[tuple[Sequence[Path], object]]) -> str:
    """A hash of photos, by path, size and date, and of what is said with them: the same data, the same run."""
    digest = hashlib.sha256()
    for photos, said in parts:
        for photo in photos:
            try:
                stat = photo.stat()
                digest.update(f"{photo}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
            except OSError:
                digest.update(f"{photo}\0gone\0".encode("utf-8", "surrogateescape"))
        digest.update(repr(said).encode("utf-8", "surrogateescape") + b"\0")
    return digest.hexdigest()
