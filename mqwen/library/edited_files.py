"""A person's edit on its way into the files of a photo, and back out of them when it is undone.

The words go wherever the photo's words stand: text files whose text is one of them, the photo's metadata and XMP
sidecars that hold them. Text that says something else is another text, and stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mqwen.engine.caption import split_keywords
from mqwen.errors import MqwenError, WriteError
from mqwen.library.kept_texts import KeptTexts
from mqwen.library.records import Photo, PhotoEdit, PhotoUpdate, State
from mqwen.library.sidecar import one_line
from mqwen.library.targets import METADATA_TARGETS, Targets

if TYPE_CHECKING:
    from mqwen.library.metadata.fields import Edit, Metadata

_X_DEFAULT = "x-default"
Through = Callable[[Path, str, str], bool]  # photo, target, text: True where somebody else wrote it


@dataclass(frozen=True)
class Words:
    """All words of a photo.

    Attributes:
        captions: by language, "" where it is not known.
    """

    captions: Mapping[str, str] = field(default_factory=dict)
    keywords: tuple[str, ...] = ()
    alt_text: str | None = None

    @classmethod
    def of(cls, photo: Photo | None) -> Words:
        """Return what the catalog knows of a photo."""
        return cls() if photo is None else cls(photo.captions, photo.keywords, photo.alt_text)

    def line(self) -> str:
        """Return what stands in a text file of these words: a caption, else the alt text, else the keywords."""
        return self.caption() or self.alt_text or ", ".join(self.keywords)

    def caption(self) -> str:
        """Return the main caption: that of an unknown language, else the first; "" without one."""
        return self.captions.get("") or next(iter(self.captions.values()), "")

    def with_line(self, shown: str, text: str, language: str) -> Words:
        """Return the words with the one that is `shown` as another text: a caption, the alt text or the keywords.

        Args:
            language: of a caption that is the first one.
        """
        line = one_line(shown)
        for name, caption in self.captions.items():
            if line and one_line(caption) == line:
                return self.with_caption(name, text)
        if line and self.alt_text and one_line(self.alt_text) == line:
            return replace(self, alt_text=one_line(text) or None)
        if line and one_line(", ".join(self.keywords)) == line:
            return replace(self, keywords=split_keywords(text))
        return self.with_caption(next(iter(self.captions), language), text)

    def as_shown(self, shown: str) -> Words:
        """Return the words with the text that a list shows, which may be newer than these."""
        lines = {" ".join(text.split()) for text in (*self.captions.values(), self.alt_text or "")}
        if not shown or shown in lines or shown == ", ".join(self.keywords):
            return self
        return self.with_line(self.caption(), shown, "")

    def says(self, shown: str) -> bool:
        """Say whether a text that a list shows is one of these words."""
        said = (*self.captions.values(), self.alt_text or "", ", ".join(self.keywords))
        return one_line(shown) in map(one_line, said)

    def with_caption(self, language: str, text: str) -> Words:
        """Return the words with one language's caption as this text, on one line; a blank one takes it away."""
        captions = {**self.captions, language: one_line(text)}
        return replace(self, captions={name: caption for name, caption in captions.items() if caption})

    def edit_of(self, photo: Path, old: Words, state: State | None = None) -> PhotoEdit:
        """Return the edit that makes these words of a photo's old ones."""
        languages = {**old.captions, **self.captions}
        captions = {
            name: self.captions.get(name) for name in languages if old.captions.get(name) != self.captions.get(name)
        }
        return PhotoEdit(
            photo,
            captions=captions or None,
            keywords=None if self.keywords == old.keywords else self.keywords,
            alt_text=None if self.alt_text == old.alt_text else self.alt_text or "",
            state=state,
        )


def standing_words(photo: Path, known: Words, targets: Targets) -> Words:
    """Return the words of a photo as its files say them; what they say nothing of is as it is `known`.

    Args:
        targets: all places to look at.

    Raises:
        InputError: a text file cannot be read.
    """
    text = next((found.text for name in _text_names(targets) if (found := targets.read(photo, name))), None)
    words = known
    if text is not None and _counterpart(text, known, known) is None:
        languages = list(known.captions)
        words = replace(words, captions={**known.captions, languages[0] if len(languages) == 1 else "": text})
    for data in _metadata(photo).values():
        captions = _captions(data)
        told = set(captions.values()) & set(words.captions.values())
        if captions and text is None and not told and (data.provenance or not words.captions):
            words = replace(words, captions=captions)
        if data.keywords and data.keywords != words.keywords:
            words = replace(words, keywords=data.keywords)
        if data.alt_text and data.alt_text != words.alt_text:
            words = replace(words, alt_text=data.alt_text)
    return words


def adopted(known: Photo, words: Words) -> PhotoUpdate:
    """Return the update by which the catalog knows the words that a photo's files have."""
    return PhotoUpdate(
        known.path,
        state="captioned" if known.state == "new" else known.state,
        captions={**dict.fromkeys(known.captions, ""), **words.captions},
        keywords=words.keywords,
        alt_text=words.alt_text,
        reason=known.reason,
    )


def write_words(
    photo: Path,
    old: Words,
    new: Words,
    targets: Targets,
    write: Sequence[str],
    through: Through | None = None,
    *,
    again: bool = False,
    kept: KeptTexts | None = None,
) -> None:
    """Bring the files of a photo from its old words to its new ones; all places are tried.

    Args:
        targets: all places to look at.
        write: where words go of which none stand anywhere yet. Keywords and alt text, which no text file can hold
            beside a caption, stay in the catalog alone where no metadata is written.
        through: writes in place of this function, where something else has a file open.
        again: it was begun before, and some places may have the new words, or others that somebody wrote since, which
            stay.
        kept: keeps the text files that are changed, and gives back those that had these words before.

    Raises:
        InputError: a text that stands somewhere cannot be read.
        WriteError, DiskFullError: a place could not be written; the others were.
    """
    errors: list[MqwenError] = []
    held = False
    for name in _text_names(targets):
        standing = targets.read(photo, name)
        becomes = None if standing is None else _counterpart(standing.text, old, new)
        if again and standing is not None:
            held = held or bool(old.line()) or one_line(standing.text) != one_line(new.line())
        if standing is None or becomes is None:
            continue
        held = True
        if becomes != standing.text:
            if kept is not None and name != "jsonl":
                kept.keep(name, targets.sidecar(photo, name), standing.text)
            _attempt(errors, lambda name=name, text=becomes: _put(photo, name, text, targets, through, kept))  # type: ignore[misc]
    edit = _edit(old, new)
    found = _metadata(photo)
    places = [
        "embed" if path == photo else "xmp" for path, data in found.items() if data.provenance or _says(data, old)
    ]
    chosen = [name for name in write if name in METADATA_TARGETS]
    if again and any(_captions(data) for data in found.values()):
        held, chosen = True, []
    held = held or bool(places)
    if edit is not None:
        for name in dict.fromkeys(places or chosen):
            _attempt(errors, lambda name=name: _put_metadata(photo, name, edit, targets))  # type: ignore[misc]
    if not held and new.line() and (old.captions != new.captions or not old.line()):
        texts = [name for name in write if name not in (*METADATA_TARGETS, "none")]
        for name in texts or ([] if chosen or not new.captions else ["txt"]):
            _attempt(errors, lambda name=name: _put(photo, name, new.line(), targets, through, kept))  # type: ignore[misc]
    if errors:
        raise errors[0]


def _counterpart(text: str, old: Words, new: Words) -> str | None:
    """Return what a text of the old words is in the new ones, "" where it is gone; None where it is none of them."""
    line = one_line(text)
    for language, caption in old.captions.items():
        if one_line(caption) == line:
            becomes = new.captions.get(language, "")
            return text if becomes == caption else becomes
    if old.alt_text and one_line(old.alt_text) == line:
        return text if new.alt_text == old.alt_text else new.alt_text or ""
    if old.keywords and one_line(", ".join(old.keywords)) == line:
        return text if new.keywords == old.keywords else ", ".join(new.keywords)
    return None


def _put(photo: Path, name: str, text: str, targets: Targets, through: Through | None, kept: KeptTexts | None) -> None:
    from mqwen.library.metadata.commit import commit

    if not one_line(text):
        targets.take_away(photo, name)
    elif through is not None and through(photo, name, text):
        return
    elif name == "jsonl":
        targets.write(photo, name, text, append=False)
    elif (planned := targets.plan(photo, name, text, append=False)) is not None:
        # As it was, where an undone edit had made one line of several.
        former = kept.former(name, text) if kept is not None else None
        commit(planned.path, former or text.encode("utf-8", "replace"), planned.stat_at_read)


def _put_metadata(photo: Path, name: str, edit: Edit, targets: Targets) -> None:
    from mqwen.library.metadata.blocks import Refusal
    from mqwen.library.metadata.commit import commit

    try:
        for planned in targets.plan_metadata(photo, name, edit):
            if planned.after is not None:
                commit(planned.path, planned.after, planned.stat_at_read)
    except Refusal as refusal:
        raise WriteError(refusal.reason, path=photo) from refusal


def _edit(old: Words, new: Words) -> Edit | None:
    """Return the edit of metadata that makes the new words of the old ones; None where they are the same."""
    from mqwen.library.metadata.fields import Edit

    changed = {
        language: new.captions.get(language, "")
        for language in {**old.captions, **new.captions}
        if new.captions.get(language) != old.captions.get(language)
    }
    if changed.get("") == "":  # taking away the main one takes all: the others are written again
        changed |= new.captions
    known = [language for language in changed if language in old.captions or not old.captions]
    main = "" if "" in changed else next(iter(known), None)
    keywords = None if old.keywords == new.keywords else new.keywords
    alt_text = None if old.alt_text == new.alt_text else new.alt_text or ""
    if not changed and keywords is None and alt_text is None:
        return None
    return Edit(
        caption=None if main is None else changed[main],
        language=main or None,
        translations={language: text for language, text in changed.items() if language not in (main, "")},
        keywords=keywords,
        alt_text=alt_text,
    )


def _attempt(errors: list[MqwenError], write: Callable[[], None]) -> None:
    try:
        write()
    except MqwenError as error:
        errors.append(error)


def _metadata(photo: Path) -> dict[Path, Metadata]:
    from mqwen.library.metadata.plan import read_photo

    try:
        return read_photo(photo)
    except WriteError:  # it is gone, or cannot be opened: its text files may still be there
        return {}


def _captions(data: Metadata) -> dict[str, str]:
    captions = {language: text for language, text in data.captions.items() if language != _X_DEFAULT and text}
    return captions or ({"": data.caption} if data.caption else {})


def _says(data: Metadata, words: Words) -> bool:
    """Tell whether metadata hold one of these words."""
    return bool(
        {*data.captions.values(), data.caption} & set(words.captions.values())
        or (words.keywords and data.keywords == words.keywords)
        or (words.alt_text and data.alt_text == words.alt_text)
    )


def _text_names(targets: Targets) -> list[str]:
    return [name for name in targets.names if name not in METADATA_TARGETS]
