"""`mqwen train`: train the starter model anew, or measure it."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from mqwen.errors import InputError
from mqwen.hub import is_starter


def add_parser(commands: Any) -> None:
    """Add the command to the parser of `mqwen`."""
    parser = commands.add_parser(
        "train",
        help="train the starter model anew, or measure it",
        description="Train the starter model from nothing on pictures that its recipe draws, or measure a starter. "
        "Needs the extra `train` and the font Noto Color Emoji.",
    )
    parser.add_argument("--recipe", required=True, choices=("starter",), help="which recipe")
    parser.add_argument("--out", type=Path, metavar="DIR", help="train, and make this model folder")
    parser.add_argument("--work", type=Path, metavar="DIR", help="where checkpoints are kept (default: OUT-work)")
    parser.add_argument(
        "--evaluate", type=Path, metavar="DIR", help="measure this starter folder, write its model card"
    )
    parser.add_argument(
        "--scenes", type=int, default=1000, metavar="N", help="held-out scenes to measure (default: 1000)"
    )
    parser.set_defaults(run=train)


def train(arguments: argparse.Namespace) -> int:
    """Train or evaluate; print the figures as JSON; return 0."""
    if (arguments.out is None) == (arguments.evaluate is None):
        raise InputError("give either --out, to train, or --evaluate, to measure")
    # Before torch is imported: on some machines oneDNN's AMX code dies with SIGILL.
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")
    _need("emoji")
    from mqwen.training.starter import StarterRecipe, evaluate_starter, train_starter

    for folder, may_be_new in ((arguments.out, True), (arguments.evaluate, False)):
        if folder is not None and not (may_be_new and _is_free(folder)) and not _is_starter(folder):
            raise InputError(
                "it is not a starter model, so it is left alone", path=folder, hint="Name a new folder, or a starter's."
            )
    if arguments.evaluate is not None:
        figures = evaluate_starter(arguments.evaluate, scenes=arguments.scenes)
    else:
        work = arguments.work or arguments.out.with_name(arguments.out.name + "-work")
        figures = train_starter(arguments.out, work, StarterRecipe(scenes=arguments.scenes))
    print(json.dumps(figures, indent=1))
    return 0


def _is_free(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))


def _is_starter(folder: Path) -> bool:
    return (folder / "config.json").is_file() and is_starter(folder)


def _need(package: str) -> None:
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise InputError(f"the package {package} is missing", hint="Install it: pip install 'mqwen[train]'.")
