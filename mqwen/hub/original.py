"""The original recipe as a guided import: two public parts from the hub, joined with the adapter that users bring."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mqwen.errors import CheckpointError
from mqwen.hub.download import download, manifest_of
from mqwen.hub.folders import discard, model_folder, models_folder, parts_folder
from mqwen.hub.known import KnownModel
from mqwen.hub.meter import Progress
from mqwen.hub.remote import Kind, Offer, look_up
from mqwen.hub.trouble import Asked

PARTS: tuple[Kind, Kind] = ("language_model", "vision_tower")


def check_adapter(adapter: Path) -> None:
    """See that a folder holds LoRA and projector before 15 GB are downloaded for it; raises CheckpointError."""
    from mqwen.model.adapter import open_adapter

    if not adapter.is_dir():
        hint = "It holds adapter_config.json, adapter_model.bin and other_params.bin, as the training left them."
        raise CheckpointError("there is no such folder", path=adapter, hint=hint)
    open_adapter(adapter)


def look_up_parts(model: KnownModel, *, waiting: Callable[[str], None], cancelled: Asked) -> list[Offer]:
    """Ask the hub about those parts of a known model that are not here yet; raises as look_up()."""
    offers = []
    for kind in PARTS:
        hub_id = getattr(model, kind)
        if manifest_of(parts_folder(hub_id)) is None:
            offers.append(look_up(hub_id, kind=kind, waiting=waiting, cancelled=cancelled))
    return offers


def join_parts(
    model: KnownModel,
    offers: list[Offer],
    adapter: Path,
    *,
    accept_licence: bool,
    allow_pickles: bool,
    progress: Progress | None = None,
    joining: Callable[[int, int], None] | None = None,
    cancelled: Asked = lambda: False,
) -> Path:
    """Download the parts that are missing, join them with the adapter, and return the model's folder.

    The parts are removed at the end: the model holds all that is used of them.

    Args:
        joining: told the bytes that are joined and the bytes in all; what it raises ends the work.

    Raises:
        CheckpointError: see importer.import_parts(); download()'s errors, too.
    """
    from mqwen.model.importer import import_parts

    for offer in offers:
        download(
            offer,
            accept_licence=accept_licence,
            allow_pickles=allow_pickles,
            progress=progress,
            cancelled=cancelled,
        )
    out = model_folder(model.name)
    language_model, vision_tower = (parts_folder(getattr(model, kind)) for kind in PARTS)
    assert out is not None
    # Joined aside: a folder that grows among the models would be taken for one.
    aside = models_folder() / ".partial" / model.name
    import_parts(language_model, vision_tower, adapter, aside, progress=joining)
    if out.exists():
        discard(out)
    aside.rename(out)
    for part in (language_model, vision_tower):
        discard(part)
    return out
