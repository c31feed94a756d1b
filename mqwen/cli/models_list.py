"""`mqwen models list`: the models that MQwen knows and those that are here, in 80 columns."""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path
from typing import Any

from mqwen.cli.transfer import size
from mqwen.errors import CheckpointError
from mqwen.hub import KnownModel, find_model, installed_models, known_model, known_models, partial_bytes
from mqwen.hub.machine import Machine, recommended, suits, this_machine

_WIDTH = 80
_HEAD = (
    f"  {'':<27} {'':<5} {'to get':>7} {'on a card, GB':>15} {'in RAM':>6} ",
    f"  {'name':<27} {'here':<5} {'GB':>7} {'bf16':>5}{'int8':>5}{'nf4':>5} {'fp32':>6} licence",
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
    rows = [_row(model.name, model, best) for model in known_models()]
    known_ids = {model.hub_id for model in known_models()} | {model.name for model in known_models()}
    rows += [_row(name, None, best) for name in installed_models() if name not in known_ids]
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


def _row(name: str, model: KnownModel | None, best: KnownModel) -> dict[str, Any]:
    folder = _folder(name)
    row: dict[str, Any] = {
        "name": name,
        "installed": folder is not None,
        "folder": str(folder) if folder else None,
        "size_bytes": _size(folder) if folder else None,
        "partial_bytes": partial_bytes(model.hub_id) if model and model.hub_id else 0,
    }
    if model is not None:
        row |= {
            "recommended": model == best,
            "hub_id": model.hub_id,
            "made_of": model.made_of,
            "about": model.about,
            "licence": model.licence,
            "languages": model.languages,
            "image_tokens": model.image_tokens,
            "parameters": model.parameters,
            "download_gb": model.download_gb,
            "memory_gb": dict(model.memory_gb),
            "kv_cache_kb": model.kv_cache_kb,
        }
    return row


def _folder(name: str) -> Path | None:
    try:
        return find_model(name)
    except CheckpointError:
        return None


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


def _print_row(row: dict[str, Any]) -> None:
    here = "yes" if row["installed"] else "part" if row["partial_bytes"] else "-"
    if "memory_gb" not in row:
        print(f"  {_cut(row['name'], _WIDTH - 2)}\n  {'':<27} {here:<5} {row['size_bytes'] / 1e9:>7.2f}")
        return
    memory = row["memory_gb"]
    size_gb = row["size_bytes"] / 1e9 if row["installed"] else row["download_gb"]
    figures = "".join(f"{memory[name]:>5.1f}" for name in ("bf16", "int8", "nf4"))
    print(
        f"{'*' if row['recommended'] else ' '} {row['name']:<27} {here:<5} {_figure(size_gb):>7} {figures} "
        f"{memory['fp32']:>6.1f} {_cut(row['licence'] or 'see its page', 15)}".rstrip()
    )
    print(textwrap.fill(f"{row['made_of']}. {row['about']}", _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 4))


def _figure(size_gb: float | None) -> str:
    return "?" if size_gb is None else f"{size_gb:.2f}"


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
        "too; `mqwen doctor --model NAME` tells more. A ? is read from the hub by `get`.",
        "Get one: mqwen models get NAME. Any other of the hub that MQwen can run: mqwen models get OWNER/NAME",
    ]
    return "\n".join(textwrap.fill(line, _WIDTH, break_on_hyphens=False) for line in lines)
