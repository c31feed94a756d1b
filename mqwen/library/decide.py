"""What a run does about the text that a photo has: which targets it writes, and why not the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mqwen.errors import InputError
from mqwen.library.compose import digest
from mqwen.library.targets import Standing, Targets
from mqwen.run_settings import RunSettings

HAS_TEXT = "it has its text already"
UP_TO_DATE = "its text is up to date"
DONE = "it was captioned before this run was interrupted"
HUMAN = "a person wrote or edited its text; only --existing overwrite-all replaces that"


@dataclass(frozen=True)
class Known:
    """What the catalog knows of one photo.

    Attributes:
        written: by target, the digest() of the text that MQwen wrote there.
        fresh: the caption came from these very pixels, model, prompt and settings.
    """

    written: Mapping[str, str]
    fresh: bool = False


NOTHING_KNOWN = Known({})


@dataclass(frozen=True)
class Decision:
    """What is to be done about one photo.

    Attributes:
        names: the targets to write; none: the photo is skipped.
        reason: why the others are left as they are, None if there are no others.
        ours: of `names`, those whose text is then all a model's.
        were_ours: of `names`, those whose text is so now.
    """

    names: tuple[str, ...]
    reason: str | None = None
    ours: frozenset[str] = frozenset()
    were_ours: frozenset[str] = frozenset()


def decide(photo: Path, targets: Targets, settings: RunSettings, known: Callable[[], Known]) -> Decision:
    """Look at what stands in each target and decide about it.

    Args:
        known: asked only where whose the text is matters, as it may have to look at the photo's pixels.

    Raises:
        InputError: text cannot be read: nobody's to skip, to add to, or to replace (but with "overwrite-all").
    """
    names: list[str] = []
    ours: set[str] = set()
    were_ours: set[str] = set()
    reasons: list[str] = []
    replaces_all = settings.existing == "overwrite-all"
    for name in targets.names:
        try:
            standing = targets.read(photo, name)
        except InputError:
            if not replaces_all:
                raise
            standing = Standing("", machine=False)
        asks_whose = standing is not None and settings.existing not in ("skip", "fill")
        mine = standing is not None and asks_whose and _is_ours(standing, name, known)
        reason = None if standing is None or replaces_all else _reason_to_leave(standing, settings, known, mine)
        if reason is not None:
            reasons.append(reason)
            continue
        names.append(name)
        were_ours |= {name} if mine else set()
        ours |= {name} if mine or standing is None or replaces_all else set()
    # A person's words weigh most: that is what the user should hear of.
    reason = next((reason for reason in (HUMAN, UP_TO_DATE) if reason in reasons), HAS_TEXT) if reasons else None
    return Decision(tuple(names), reason, frozenset(ours), frozenset(were_ours))


def _is_ours(standing: Standing, name: str, known: Callable[[], Known]) -> bool:
    if standing.machine is not None:
        return standing.machine
    return known().written.get(name) == digest(standing.text)


def _reason_to_leave(standing: Standing, settings: RunSettings, known: Callable[[], Known], ours: bool) -> str | None:
    """Return why text that stands somewhere stays as it is; None if the run writes there."""
    match settings.existing:
        case "skip":
            return HAS_TEXT
        case "fill":
            language = None if settings.prompt else settings.language
            if language is None or not standing.languages or any(_same(language, one) for one in standing.languages):
                return HAS_TEXT
            return None
        case "append":
            return None
        case _ if not ours:
            return HUMAN
        case "stale" if known().fresh:
            return UP_TO_DATE
        case _:
            return None


def _same(language: str, tag: str) -> bool:
    return tag.lower().split("-")[0] == language
