"""`mqwen models list`: the models that MQwen knows and those that are here, in 80 columns."""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path
from typing import Any

from mqwen.cli.transfer import size
from mqwen.errors import CheckpointError
from mqwen.hub import (
    KnownModel,
    find_model,
    installed_models,
    known_model,
    known_models,
    partial_bytes,
    partial_models,
)
from mqwen.hub.download import manifest_of
from mqwen.hub.machine import Machine, recommended, suits, this_machine

_WIDTH, _NAME = 80, 27
_ON_CARD, _IN_RAM = ("bf16", "int8", "nf4"), "fp32"
_HEAD = (
    f"  {'':<{_NAME}} {'':<4} {'size':>6} {'GB on a card':^15} {'in RAM':>6}",
    f"  {'name':<{_NAME}} {'here':<4} {'in GB':>6} {''.join(f'{name:>5}' for name in _ON_CARD)} {_IN_RAM:>6} licence",
)


def add_list(actions: Any) -> None:
    """Add the action to the parser of `mqwen models`."""
    action = actions.add_parser(
        "list",
        help="list the models that --model knows by name, and those that can be had",
        description="List the models that MQwen knows and those that are here. * marks the one to begin with on this "
        "machine: the largest with a permissive licence that fits its memory.",
    )
    action.add_argument("model", nargs="?", help="tell all of this one")
    action.add_argument("--json", action="store_true", help="one JSON object a model")
    action.set_defaults(run=list_models)


def list_models(arguments: argparse.Namespace) -> int:
    """Print the models; return 0."""
    machine = this_machine()
    best = recommended(machine)
    known = known_models()
    rows = [_known_row(model, best) for model in known]
    parts = {part for model in known for part in _hub_ids(model)}
    others = list(dict.fromkeys([*installed_models(), *partial_models()]))
    others = [name for name in others if name not in parts and known_model(name) is None]
    # To look into a model takes transformers, whose import takes seconds: not for the table.
    looked_into = [arguments.model] if arguments.model else others if arguments.json else []
    rows += [_other_row(name, look=name in looked_into) for name in others]
    if arguments.model:
        model = known_model(arguments.model)
        name = model.name if model else arguments.model
        rows = [row for row in rows if row["name"] == name]
        if not rows:
            raise CheckpointError(f"there is no model {name!r} in the list", hint="See `mqwen models list`.")
    if arguments.json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
    elif arguments.model:
        _print_all_of(rows[0])
    else:
        print("\n".join(line.rstrip() for line in _HEAD))
        for row in rows:
            _print_row(row)
        print(f"\n{_advice(best, machine)}")
    return 0


def _known_row(model: KnownModel, best: KnownModel) -> dict[str, Any]:
    folder = _folder(model.name)
    note = _note(folder)
    return {
        **_place(model.name, folder, _hub_ids(model)),
        "recommended": model == best,
        "hub_id": model.hub_id,
        "revision": note.get("revision") or model.revision,
        "made_of": model.made_of,
        "about": model.about,
        "licence": note.get("licence") or model.licence,
        "languages": note.get("languages") or model.languages,
        "image_tokens": model.image_tokens,
        "parameters": model.parameters,
        "download_gb": model.download_gb,
        "memory_gb": dict(model.memory_gb),
        "kv_cache_kb": model.kv_cache_kb,
    }


def _other_row(name: str, *, look: bool) -> dict[str, Any]:
    """A model that models.toml does not have: what its own files say."""
    folder = _folder(name)
    row = _place(name, folder, [name])
    note = _note(folder)
    row |= {name: note.get(name) for name in ("hub_id", "revision", "licence", "languages")}
    if folder is None or not look:
        return row
    from mqwen.model.checkpoint import inspect_checkpoint

    try:
        report = inspect_checkpoint(folder)
    except CheckpointError as error:
        return row | {"why_not": str(error)}
    return row | {
        "image_tokens": report.config.image_tokens,
        "parameters": report.parameters,
        "memory_gb": {name: round(count / 1e9, 4) for name, count in report.memory.items()},
        "kv_cache_kb": round(report.kv_cache_bytes / 1024),
    }


def _place(name: str, folder: Path | None, hub_ids: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "installed": folder is not None,
        "folder": str(folder) if folder else None,
        "size_bytes": _size(folder) if folder else None,
        "partial_bytes": sum(map(partial_bytes, hub_ids)),
    }


def _hub_ids(model: KnownModel) -> list[str]:
    return [name for name in (model.hub_id, model.language_model, model.vision_tower) if name]


def _note(folder: Path | None) -> dict[str, Any]:
    """What was noted at the download; nothing where there is no note, or a damaged one, which `verify` tells."""
    try:
        return (manifest_of(folder) if folder else None) or {}
    except CheckpointError:
        return {}


def _folder(name: str) -> Path | None:
    try:
        return find_model(name)
    except CheckpointError:
        return None


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def _print_row(row: dict[str, Any]) -> None:
    here = "yes" if row["installed"] else "part" if row["partial_bytes"] else "-"
    size_gb = row["size_bytes"] / 1e9 if row["installed"] else row.get("download_gb")
    known = "about" in row
    figures = [_gb(row["memory_gb"][name], 1) if known else "-" for name in (*_ON_CARD, _IN_RAM)]
    unknown = "see its page" if row.get("hub_id") else "see their pages" if known else "-"
    name = row["name"]
    if len(name) > _NAME:
        print(f"  {_cut(name, _WIDTH - 2)}")
        name = ""
    line = f"{'*' if row.get('recommended') else ' '} {name:<{_NAME}} {here:<4} {_gb(size_gb, 2):>6} "
    line += f"{''.join(f'{figure:>5}' for figure in figures[:-1])} {figures[-1]:>6} "
    print(line + _cut(row.get("licence") or unknown, _WIDTH - len(line)))
    if known:
        _print_indented(f"{row['made_of']}. {row['about']}")


def _print_indented(text: str) -> None:
    print(textwrap.fill(text, _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 4))


def _gb(size_gb: float | None, digits: int) -> str:
    if size_gb is None:
        return "?"
    least = 10**-digits
    return f"{size_gb:.{digits}f}" if size_gb >= least / 2 else f"<{least}"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def _print_all_of(row: dict[str, Any]) -> None:
    for label, value in row.items():
        text = ", ".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(value, dict):
            text = ", ".join(f"{name} {figure}" for name, figure in value.items())
        if label.endswith("_bytes") and value is not None:
            text = size(value)
        if isinstance(value, bool):
            text = "yes" if value else "no"
        print(f"{label.removesuffix('_bytes').replace('_', ' '):<14}{'not known' if text in (None, '') else text}")


def _advice(best: KnownModel, machine: Machine) -> str:
    room = f"a card of {machine.card / 1e9:.1f} GB" if machine.card else f"{machine.memory / 1e9:.1f} GB of memory"
    precision = suits(best, machine) or "fp32"
    lines = [
        f"* is for this machine, with {room}: it runs there in {precision}. Beside the weights, pictures need memory "
        "too; `mqwen doctor --model NAME` tells more. A ? is read from the hub by `get`. All of one model: "
        "`mqwen models list NAME`.",
        "Get one: mqwen models get NAME. Any other of the hub that MQwen can run: mqwen models get OWNER/NAME",
    ]
    return "\n".join(textwrap.fill(line, _WIDTH, break_on_hyphens=False) for line in lines)
