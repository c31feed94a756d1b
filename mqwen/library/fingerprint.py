"""By what a caption is known to be up to date: the model, the prompt and the settings that it came from."""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path

from mqwen.errors import MqwenError
from mqwen.run_settings import RunSettings

_PIECES = 64  # places of each weights file that are looked at
_PIECE_BYTES = 4096
_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth")
_OF_THE_MODEL = ("config.json", "preprocessor_config.json", "processor_config.json", "tokenizer.json", "qwen.tiktoken")


def fingerprint(settings: RunSettings, model: str) -> str:
    """Return a hash of all that decides a caption but its pixels.

    A prompt counts with its variables not filled in: a renamed photo is not stale.

    Args:
        model: model_fingerprint().
    """
    deciding = {
        "model": model,
        "prompt": settings.question(),
        "style": settings.style,
        "language": settings.language,
        "max_new_tokens": settings.max_new_tokens,
        "temperature": settings.temperature,
        "seed": settings.seed if settings.temperature else None,
        "prepend": settings.prepend,
        "append": settings.append_text,
        "trigger": settings.trigger,
    }
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def prompt_hash(settings: RunSettings) -> str:
    """Return what is said of the prompt in a photo's metadata: not its words, which may be private."""
    return hashlib.sha256(settings.question().encode("utf-8", "surrogatepass")).hexdigest()[:16]


def model_fingerprint(model: str) -> str:
    """Return a hash of a model's files, of a name that leads to none the name itself.

    Weights are looked at in 64 places each: any training changes them everywhere, and a 16 GB file is not read whole.

    Args:
        model: as mqwen.hub.find_model() takes it.
    """
    from mqwen.hub import find_model

    try:
        folder = find_model(model)
    except MqwenError:
        return model
    files = sorted(path for path in folder.iterdir() if path.suffix in _WEIGHTS or path.name in _OF_THE_MODEL)
    stamps = tuple((str(path), found.st_size, found.st_mtime_ns) for path in files if (found := os.stat(path)))
    return _hashed(stamps)


@lru_cache(maxsize=8)
def _hashed(stamps: tuple[tuple[str, int, int], ...]) -> str:
    whole = hashlib.sha256()
    for name, size, _ in stamps:
        path = Path(name)
        whole.update(f"{path.name}\0{size}\0".encode("utf-8", "surrogateescape"))
        with open(path, "rb") as file:
            step = max(_PIECE_BYTES, size // _PIECES)
            for start in range(0, size, step):
                file.seek(start)
                whole.update(file.read(_PIECE_BYTES))
    return whole.hexdigest()
