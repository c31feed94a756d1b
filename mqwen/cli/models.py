"""`mqwen models`: the models on this machine, and making one folder of the parts of another layout."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mqwen.errors import InputError
from mqwen.hub import find_model, installed_models, models_folder

_LINE_EVERY_S = 2.0


def add_parser(commands: Any) -> None:
    """Add the command to the parser of `mqwen`."""
    parser = commands.add_parser(
        "models", help="list the models here, import one", description="Models on this machine."
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION", title="actions")

    action = actions.add_parser("list", help="list the models that --model knows by name")
    action.set_defaults(run=list_models)

    action = actions.add_parser("path", help="print where a model is, or where models are kept")
    action.add_argument("model", nargs="?", help="the name of a model; without it, the folder of all")
    action.set_defaults(run=print_path)

    action = actions.add_parser(
        "import",
        help="join a language model, a vision tower and an adapter into one folder",
        description="Join a Qwen folder, a CLIP folder and an adapter folder (LoRA and projector) into one folder. "
        "The memory needed is small, whatever the model's size.",
    )
    action.add_argument("--language-model", required=True, type=Path, metavar="DIR", help="Qwen-1, Qwen2 or Qwen3")
    action.add_argument("--vision-tower", required=True, type=Path, metavar="DIR", help="CLIP, SigLIP or Chinese-CLIP")
    action.add_argument("--adapter", type=Path, metavar="DIR", help="the LoRA and the projector; without it, untrained")
    action.add_argument("--image-token-id", type=int, metavar="ID", help="the marker (default: the tokenizer's own)")
    action.add_argument("out", type=Path, metavar="OUT", help="the folder to make")
    action.set_defaults(run=import_model)


def list_models(arguments: argparse.Namespace) -> int:
    """Print a line `name, size, folder` for each installed model; return 0."""
    for name in installed_models():
        folder = find_model(name)
        size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
        print(f"{name}\t{size / 1e9:.2f} GB\t{folder}")
    return 0


def print_path(arguments: argparse.Namespace) -> int:
    """Print a model's folder, or the folder of all models; return 0."""
    print(find_model(arguments.model) if arguments.model else models_folder())
    return 0


def import_model(arguments: argparse.Namespace) -> int:
    """Join the parts, tell the progress on stderr, print the new folder on stdout; return 0."""
    if arguments.image_token_id is not None and arguments.image_token_id < 0:
        raise InputError(f"--image-token-id is {arguments.image_token_id}", hint="Give the id of a token.")
    _say("checking the parts")
    from mqwen.model.importer import import_parts

    import_parts(
        arguments.language_model,
        arguments.vision_tower,
        arguments.adapter,
        arguments.out,
        image_token_id=arguments.image_token_id,
        progress=_progress_lines(),
    )
    if arguments.adapter is None:
        _say("without an adapter the projector is untrained: train it before captions mean anything")
    print(arguments.out.absolute())
    return 0


def _progress_lines() -> Callable[[int, int], None]:
    shown_at = time.monotonic()

    def show(done: int, total: int) -> None:
        nonlocal shown_at
        now = time.monotonic()
        if done == total or now - shown_at >= _LINE_EVERY_S:
            shown_at = now
            _say(f"{done / 1e9:.2f} of {total / 1e9:.2f} GB, {100 * done // total} %")

    return show


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
