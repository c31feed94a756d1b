"""The models that MQwen knows by name: resources/models.toml. Nothing here uses the network."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from mqwen.resources import resources_path

# Licences that let everybody use a model for everything, as the hub spells them: nothing to confirm.
_PERMISSIVE = {"apache-2.0", "mit", "isc", "bsd", "bsd-2-clause", "bsd-3-clause", "unlicense", "cc0-1.0", "cc-by-4.0"}


@dataclass(frozen=True)
class KnownModel:
    """One entry of models.toml, which says what the fields mean; None and empty: not known before the hub is asked."""

    name: str
    kind: Literal["embedded", "llava", "parts"]
    made_of: str
    about: str
    image_tokens: int
    parameters: int
    memory_gb: Mapping[str, float]
    kv_cache_kb: int
    hub_id: str | None = None
    language_model: str | None = None
    vision_tower: str | None = None
    revision: str | None = None
    licence: str | None = None
    languages: list[str] = field(default_factory=list)
    download_gb: float | None = None


@lru_cache(maxsize=1)
def known_models() -> tuple[KnownModel, ...]:
    """Return the known models in the order of models.toml."""
    content: Any = tomllib.loads((resources_path() / "models.toml").read_text(encoding="utf-8"))
    return tuple(KnownModel(**fields) for fields in content["model"])


def known_model(name: str) -> KnownModel | None:
    """Return the known model of this name or hub id, None if there is none."""
    return next((model for model in known_models() if name in (model.name, model.hub_id)), None)


def is_permissive(licence: str | None) -> bool:
    """Say whether a licence (as the hub spells it) allows every use, so that nobody needs to confirm it."""
    return licence is not None and licence.lower() in _PERMISSIVE
