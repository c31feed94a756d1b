"""What a run asks and where it writes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mqwen.engine.prompts import LANGUAGES, STYLES, prompt_for
from mqwen.errors import InputError
from mqwen.library.targets import TARGETS

EXISTING = ("skip", "fill", "stale", "overwrite", "append", "overwrite-all")
SIDECAR_NAMING = ("name", "stem")
SEEDS = range(2**64)

Existing = Literal["skip", "fill", "stale", "overwrite", "append", "overwrite-all"]


@dataclass(frozen=True)
class RunSettings:
    """What a run asks and where it writes.

    "Ours" is text that MQwen wrote and nobody changed since; all other text is a person's, and only "overwrite-all"
    replaces that.

    Attributes:
        prompt: the user's own question, with {name} {folder} {date} {existing}; None takes the style's.
        write: any of mqwen.library.targets.TARGETS; () writes nothing.
        existing: what happens to text that is there already.
            "skip" leaves it, and asks the model only about photos that lack some of what `write` names;
            "fill" is "skip" field by field: in metadata, a caption in another language is no reason to leave this one
            out;
            "stale" also replaces ours where the pixels, the model, the prompt or these settings have changed since;
            "overwrite" replaces ours;
            "append" adds to whatever stands there;
            "overwrite-all" replaces everything, a person's words too.
        dry_run: no model, nothing written: say what would be done.
        batch_size: pictures at a time, or "auto".
        temperature: 0 is greedy; otherwise `seed` decides, whatever the batch.
        seed: out of SEEDS.
        model: name or folder of the model, for the record; "" takes the captioner's own folder.
        prepend, append_text: stand before and after each caption. In the keywords style: further keywords.
        trigger: words that stand first, divided by commas, where the caption does not hold them anyway.
        keep_mtime: a photo with embedded metadata keeps its date of change.
        sidecar_naming: of new XMP sidecars: "name" is IMG.jpg.xmp, "stem" is IMG.xmp.
        exiftool: let the user's own ExifTool embed where MQwen itself does not.

    Raises:
        InputError: a value is not known or out of range.
    """

    prompt: str | None = None
    style: str = "brief"
    language: str = "en"
    write: tuple[str, ...] = ("txt",)
    existing: Existing = "skip"
    recursive: bool = True
    dry_run: bool = False
    batch_size: int | Literal["auto"] = "auto"
    max_new_tokens: int = 256
    temperature: float = 0.0
    seed: int | None = None
    model: str = ""
    prepend: str = ""
    append_text: str = ""
    trigger: tuple[str, ...] = ()
    keep_mtime: bool = False
    sidecar_naming: Literal["name", "stem"] = "name"
    exiftool: bool = False

    def __post_init__(self) -> None:
        for what, value, known in (
            ("style", self.style, STYLES),
            ("language", self.language, LANGUAGES),
            ("existing", self.existing, EXISTING),
            ("sidecar naming", self.sidecar_naming, SIDECAR_NAMING),
        ):
            if value not in known:
                raise InputError(f"{what} {value!r} is not known", hint=f"Take one of {', '.join(known)}.")
        for target in self.write:
            if target not in TARGETS:
                raise InputError(f"cannot write {target!r}", hint=f"Take any of {', '.join(TARGETS)}.")
        if not 0 <= self.temperature < math.inf:
            raise InputError(f"the temperature cannot be {self.temperature}", hint="Take a finite number from 0.")
        if self.seed is not None and self.seed not in SEEDS:
            raise InputError(f"the seed cannot be {self.seed}", hint=f"Take a whole number from 0 to {SEEDS[-1]}.")

    def question(self) -> str:
        """Return what the model is asked, its variables not yet filled in."""
        return self.prompt or prompt_for(self.style, self.language)

    def writes(self) -> bool:
        """Say whether anything at all is written."""
        return any(name != "none" for name in self.write)
