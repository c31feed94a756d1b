"""What a folder has to teach: photos with questions and answers, from any of the forms that captions come in.

    photo.txt, photo.caption     sidecars, as `mqwen caption`, kohya and TagGUI write them
    metadata.jsonl               a Hugging Face imagefolder: {"file_name": ..., "text": ...} a line
    *.json                       LLaVA conversations: [{"image": ..., "conversations": [{"from", "value"}, ...]}, ...]
    *.json                       AI Challenger captions: [{"image_id": ..., "caption": [...]}, ...]

The last two are the original's data files (facts/model.md). All that a folder holds counts; what cannot be used becomes
a problem that names the file and the remedy, and nothing is guessed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mqwen.engine.prompts import fill, prompt_for
from mqwen.errors import ImageError, InputError, MqwenError
from mqwen.library.jsonl_rows import parse
from mqwen.library.metadata_jsonl import NAME as METADATA
from mqwen.library.scan import scan
from mqwen.library.sidecar import SUFFIXES, SidecarNames, read_sidecar
from mqwen.training.photo_finder import PhotoFinder

_MARKER = "<image>"  # LLaVA's data files, whatever the model's own is called
_HUMAN, _MODEL = ("human", "user"), ("gpt", "assistant")


@dataclass(frozen=True)
class Turn:
    """One question with its answer; `images` of the example's photos are shown with the question."""

    question: str
    answer: str
    images: int = 0
    image_after: bool = False


@dataclass(frozen=True)
class Example:
    """One conversation about photos.

    Attributes:
        photos: in the order in which the turns show them.
        source: the file, and the place in it, that it comes from.
    """

    photos: tuple[Path, ...]
    turns: tuple[Turn, ...]
    source: str


@dataclass(frozen=True)
class Question:
    """What a caption without a question of its own answers: the user's prompt, else that of a style."""

    prompt: str | None = None
    style: str = "brief"
    language: str = "en"

    def text(self, photo: Path, language: str | None = None) -> str:
        """The question about one photo; `language` is that of the caption, where the data say it."""
        if self.prompt is not None:
            return fill(self.prompt, photo)
        return prompt_for(self.style, language or self.language)


@dataclass
class Found:
    """What was read: usable examples, problems that each name a file, and remarks about the whole."""

    examples: list[Example] = field(default_factory=list)
    problems: list[MqwenError] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def caption(self, photo: Path, text: Any, question: str, source: str, path: Path) -> None:
        """Take one caption, or note what is wrong with it. `path` is the file that holds it."""
        if not isinstance(text, str) or not text.strip():
            what = "is empty" if text is None or isinstance(text, str) else "is not a text"
            where = "" if source == path.name else f" of {photo.name}"
            self.problems.append(
                InputError(f"the caption{where} {what}", path=path, hint="Write one, or remove the entry.")
            )
            return
        self.examples.append(Example((photo,), (Turn(question, text.strip(), images=1),), source))


def read_examples(data: Path, question: Question, images: Sequence[Path] = ()) -> Found:
    """Read a folder, or one data file (.json, .jsonl).

    Args:
        question: what captions answer.
        images: further folders in which photos that a data file names are looked for.

    Raises:
        InputError: `data` is neither a folder nor a data file of a known form.
    """
    found = Found()
    if data.is_dir():
        _read_folder(data, question, images, found)
    elif data.is_file() and data.suffix.lower() in (".json", ".jsonl"):
        finder = PhotoFinder((data.parent, *images))
        if data.suffix.lower() == ".jsonl":
            _read_lines(data, question, finder, found)
        else:
            entries = _entries(data)
            if entries is None:
                raise InputError(
                    "neither LLaVA conversations nor AI Challenger captions",
                    path=data,
                    hint='LLaVA: a list of {"image": ..., "conversations": [...]}.',
                )
            _read_entries(data, entries, question, finder, found)
    else:
        what = "it is neither a folder nor a .json or .jsonl file" if data.exists() else "it does not exist"
        raise InputError(what, path=data, hint="Give a folder of captioned photos, or a data file.")
    _drop_repeated(found)
    return found


def _read_folder(folder: Path, question: Question, images: Sequence[Path], found: Found) -> None:
    folder = Path(os.path.abspath(folder))  # as scan() spells its photos: a file beside them is read once
    photos = list(scan(folder, on_error=found.problems.append))
    finder = PhotoFinder((folder, *images), photos)
    for path in sorted(folder.glob("*.json")):
        entries = _entries(path)
        if entries is None:
            found.remarks.append(f"{path.name} is not a data file that is known, and was not read")
        else:
            _read_entries(path, entries, question, finder, found)
    for parent in sorted({folder, *(photo.parent for photo in photos)}):
        if (path := parent / METADATA).is_file():
            _read_lines(path, question, finder, found)
    named = {photo for example in found.examples for photo in example.photos}
    names = SidecarNames()
    bare = 0
    for photo in photos:
        sidecars = [path for suffix in SUFFIXES if (path := names.path(photo, suffix)).exists()]
        for path in sidecars:
            try:
                text = read_sidecar(path)
            except InputError as error:
                found.problems.append(error)
                continue
            found.caption(photo, text, question.text(photo), path.name, path)
        bare += not sidecars and photo not in named
    if bare:
        found.remarks.append(f"{bare} photo(s) have no caption and are left out")


def _read_lines(path: Path, question: Question, finder: PhotoFinder, found: Found) -> None:
    """A metadata.jsonl (of several lines of one photo the last counts), or conversations, one a line."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise _unreadable(path, error) from error
    captions: dict[str, tuple[int, Any]] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row = parse(line)
        if row is not None:
            captions.pop(row.name, None)
            captions[row.name] = number, 0 if row.foreign else row.text
            continue
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            entry = None
        if isinstance(entry, dict) and "conversations" in entry:
            _read_entries(path, [entry], question, finder, found, number)
        else:
            hint = 'Each line is {"file_name": ..., "text": ...}.'
            found.problems.append(InputError(f"line {number} describes no photo", path=path, hint=hint))
    for name, (number, text) in captions.items():
        photo = _find(finder, name, path, f"line {number}", found)
        if photo is not None:
            found.caption(photo, text, question.text(photo), f"{path.name}, line {number}", path)


def _entries(path: Path) -> list[Any] | None:
    """The list in a JSON file if its first entry is of a known form, else None."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, list) or not content or not isinstance(content[0], dict):
        return None
    first = content[0]
    return content if "conversations" in first or {"image_id", "caption"} <= first.keys() else None


def _read_entries(
    path: Path, entries: Iterable[Any], question: Question, finder: PhotoFinder, found: Found, start: int = 1
) -> None:
    for number, entry in enumerate(entries, start):
        place = f"entry {number}"
        if not isinstance(entry, dict):
            found.problems.append(InputError(f"{place} is not an object", path=path, hint="Remove it."))
        elif "conversations" in entry:
            _read_conversation(path, place, entry, finder, found)
        else:
            photo = _find(finder, entry.get("image_id"), path, place, found)
            if photo is not None:
                captions = entry.get("caption")
                asked = question.text(photo, "zh")  # AI Challenger's captions are Chinese
                for text in captions if isinstance(captions, list) and captions else [captions]:
                    found.caption(photo, text, asked, f"{path.name}, {place}", path)


def _read_conversation(path: Path, place: str, entry: dict[str, Any], finder: PhotoFinder, found: Found) -> None:
    named = entry.get("image")
    names = named if isinstance(named, list) else [] if named is None else [named]
    photos = [_find(finder, name, path, place, found) for name in names]
    if None in photos:
        return
    try:
        turns = tuple(_turns(entry["conversations"], len(photos)))
    except InputError as error:
        found.problems.append(InputError(f"{place}: {error.what}", path=path, hint="Mend it, or remove the entry."))
        return
    found.examples.append(Example(tuple(p for p in photos if p), turns, f"{path.name}, {place}"))


def _turns(conversation: Any, photos: int) -> Iterator[Turn]:
    """LLaVA's messages in pairs. A marker tells with which question a photo is shown; without any, with the first."""
    said = conversation if isinstance(conversation, list) else []
    pairs = list(zip(said[::2], said[1::2], strict=False))
    if not photos:
        raise InputError("it has no image")
    if not pairs or len(said) % 2:
        raise InputError("its turns are not questions with answers")
    shown = 0
    questions: list[tuple[str, str, int, bool]] = []
    for asked, told in pairs:
        for turn, speakers in ((asked, _HUMAN), (told, _MODEL)):
            if not isinstance(turn, dict) or turn.get("from") not in speakers:
                raise InputError("its turns are not questions with answers")
            if not isinstance(turn.get("value"), str):
                raise InputError("the value of a turn is not a text")
        if not told["value"].strip():
            raise InputError("an answer is empty")
        text = asked["value"].strip()
        count = text.count(_MARKER)
        after = count > 0 and text.endswith(_MARKER) and not text.startswith(_MARKER)
        shown += count
        questions.append((text.replace(_MARKER, "").strip(), told["value"].strip(), count, after))
    if shown not in (0, photos):
        raise InputError(f"it has {photos} image(s) and {shown} marker(s) {_MARKER}")
    for number, (text, answer, count, after) in enumerate(questions):
        yield Turn(text, answer, photos if not shown and number == 0 else count, after)


def _find(finder: PhotoFinder, name: Any, path: Path, place: str, found: Found) -> Path | None:
    """The photo of an entry; None, and a problem noted, if it is not there."""
    if not isinstance(name, str) or not name:
        found.problems.append(InputError(f"{place} names no photo", path=path, hint="Remove the entry."))
        return None
    try:
        return finder.find(name, beside=path.parent)
    except ImageError as error:
        found.problems.append(ImageError(f"{place}: {error.what}", path=path, hint=error.hint))
        return None


def _drop_repeated(found: Found) -> None:
    """Keep one of what was read twice: a caption may stand in a sidecar and in metadata.jsonl as well."""
    kept = {(example.photos, example.turns): example for example in reversed(found.examples)}
    repeated = len(found.examples) - len(kept)
    if repeated:
        found.remarks.append(f"{repeated} caption(s) stand in the data twice and count once")
    found.examples = list(reversed(kept.values()))


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"it cannot be read ({error.strerror})", path=path, hint="Check its permissions.")
