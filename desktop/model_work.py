"""What the models dialog has done in a thread: looking, downloading, joining, checking. No widget in here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from desktop.task import Task
from mqwen.errors import CheckpointError, InputError, MqwenError
from mqwen.hub import (
    STARTER,
    KnownModel,
    find_model,
    installed_models,
    known_model,
    known_models,
    models_folder,
    partial_bytes,
    remove_model,
)
from mqwen.hub.folders import discard, model_folder
from mqwen.hub.machine import Machine, recommended, suits, this_machine

if TYPE_CHECKING:
    from mqwen.hub.remote import Offer
    from mqwen.hub.verify import Verified


@dataclass(frozen=True)
class Row:
    """One model of the list.

    Attributes:
        name: as find_model() takes it.
        known: what MQwen knows of it, None of others that are here.
        folder: where it is on this machine, None if it is not.
        size: bytes in that folder.
        partial: bytes of a download that was interrupted.
        fits: the best precision in which it fits this machine, None where it fits in none, "" where nobody knows.
        recommended: the one to begin with on this machine.
    """

    name: str
    known: KnownModel | None
    folder: Path | None
    size: int
    partial: int
    fits: str | None
    recommended: bool


@dataclass(frozen=True)
class Seen:
    """The list of models, and the machine that it was made for; None: that is being looked at."""

    machine: Machine | None
    rows: tuple[Row, ...]


def look(task: Task) -> Seen:
    """List the known models and those that are here: told at once, and returned with what fits this machine.

    Imports torch, which takes seconds, and alone knows whether it can use a card.
    """
    task.tell(Seen(None, _rows(None)))
    machine = _machine()
    return Seen(machine, _rows(machine))


@lru_cache(maxsize=1)
def _machine() -> Machine:
    return this_machine()


def _rows(machine: Machine | None) -> tuple[Row, ...]:
    known = known_models()
    best = recommended(machine) if machine else None
    names = {name for model in known for name in (model.name, model.hub_id) if name}
    rows = [_row(model.name, model, machine, model == best) for model in known]
    rows += [_row(name, None, machine, False) for name in installed_models() if name not in names]
    return tuple(rows)


def _row(name: str, known: KnownModel | None, machine: Machine | None, best: bool) -> Row:
    try:
        folder = find_model(name)
    except CheckpointError:
        folder = None
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file()) if folder else 0
    partial = partial_bytes(known.hub_id) if known and known.hub_id else 0
    return Row(name, known, folder, size, partial, suits(known, machine) if known and machine else "", best)


def ask_hub(name: str) -> Callable[[Task], list[Offer]]:
    """Return work that asks the hub what a download of a model, or of the original recipe's parts, would bring."""

    def work(task: Task) -> list[Offer]:
        from mqwen.hub.original import look_up_parts
        from mqwen.hub.remote import look_up

        known = known_model(name)
        if known is not None and known.kind == "parts":
            return look_up_parts(known, waiting=task.tell, cancelled=task.stopping)
        return [look_up(name, waiting=task.tell, cancelled=task.stopping)]

    return work


def bring(name: str, offers: list[Offer], adapter: Path | None = None) -> Callable[[Task], Path]:
    """Return work that downloads what the user has agreed to, and joins it with an adapter if there is one."""

    def work(task: Task) -> Path:
        from mqwen.hub.download import download
        from mqwen.hub.original import check_adapter, join_parts

        known = known_model(name)
        if known is None or known.kind != "parts":
            return download(
                offers[0], accept_licence=True, allow_pickles=True, progress=task.tell, cancelled=task.stopping
            )
        if adapter is None:
            raise InputError("the adapter is missing", hint="Choose its folder.")
        check_adapter(adapter)
        return join_parts(
            known,
            offers,
            adapter,
            accept_licence=True,
            allow_pickles=True,
            progress=task.tell,
            joining=_bytes_told(task),
            cancelled=task.stopping,
        )

    return work


def check(name: str) -> Callable[[Task], Verified]:
    """Return work that reads all of a model and compares it with what was downloaded."""

    def work(task: Task) -> Verified:
        from mqwen.hub.verify import verify_model

        return verify_model(find_model(name), progress=_bytes_told(task), cancelled=task.stopping)

    return work


def remove(name: str) -> Callable[[Task], int]:
    """Return work that deletes a model and returns the bytes that became free."""
    return lambda task: remove_model(name)


def inspect(folder: Path) -> Callable[[Task], Path]:
    """Return work that sees whether a folder is a model that MQwen can run."""

    def work(task: Task) -> Path:
        from mqwen.model.checkpoint import inspect_checkpoint

        inspect_checkpoint(folder)
        return folder

    return work


def join(language_model: Path, vision_tower: Path, adapter: Path | None, name: str) -> Callable[[Task], Path]:
    """Return work that joins the original recipe's three folders to a model of this name."""

    def work(task: Task) -> Path:
        from mqwen.model.importer import import_parts

        out = model_folder(name)
        if out is None or name == STARTER or known_model(name) is not None:
            raise InputError(f"{name!r} cannot be the name of a model", hint="Take letters, digits, - and _.")
        if out.exists():
            raise CheckpointError("there is a model of this name already", path=out, hint="Take another name.")
        # Joined aside: a folder that grows among the models would be taken for one.
        aside = models_folder() / ".partial" / f"joining-{name}"
        try:
            aside.parent.mkdir(parents=True, exist_ok=True)
            if aside.exists():  # of a process that was killed
                discard(aside)
            import_parts(language_model, vision_tower, adapter, aside, progress=_bytes_told(task))
            aside.rename(out)
        except OSError as error:
            raise MqwenError(f"it cannot be written ({error.strerror})", path=out) from error
        return out

    return work


def _bytes_told(task: Task) -> Callable[[int, int], None]:
    """Return a function that tells bytes done and in all, and ends the work if it is to end."""
    last = -1

    def tell(done: int, total: int) -> None:
        nonlocal last
        task.check()
        permille = 1000 * done // max(1, total)
        if permille != last:
            last = permille
            task.tell((done, total))

    return tell
