"""What the catalog is told of a photo that got its words, from a run or from healing one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mqwen.library.records import PhotoUpdate


def photo_update(
    photo: Path,
    style: str,
    language: str,
    text: str,
    keywords: Sequence[str],
    *,
    model: str,
    fingerprint: str,
    logprob: float | None = None,
    finish_reason: str | None = None,
    run: int | None = None,
    written: Mapping[str, str] | None = None,
) -> PhotoUpdate:
    """Return the update: the text is a caption, in the style "alt" an alt text, in "keywords" the keywords.

    Args:
        language: "" where it is not known.
        written: by target, the digest of the text that is all ours.
    """
    return PhotoUpdate(
        photo,
        captions={language: text} if style not in ("alt", "keywords") else None,
        alt_text=text if style == "alt" else None,
        keywords=keywords if style == "keywords" else None,
        model=model,
        fingerprint=fingerprint,
        logprob=logprob,
        finish_reason=finish_reason,
        run=run,
        written=written,
    )
