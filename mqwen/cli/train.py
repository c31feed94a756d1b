"""`mqwen train FOLDER`: tune a model on captioned photos; `mqwen train --recipe starter`: the starter model anew."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqwen.cli.options import add_model_options, positive, seed, some_path
from mqwen.engine.prompts import LANGUAGES, STYLES
from mqwen.errors import InputError
from mqwen.hub import is_starter

if TYPE_CHECKING:
    from mqwen.training.settings import TuningJob

_ABOUT = """\
Tune a model on captioned photos: the vision tower stays as it is, projector and a LoRA learn. FOLDER holds photos with
captions beside them (photo.txt, photo.caption), a metadata.jsonl, or LLaVA conversations or AI Challenger captions
(*.json); or it is one such data file. OUT becomes a model folder for --model, with the adapter alone in OUT/adapter. A
run that was stopped or killed goes on when the same command is given again. For several GPUs put `accelerate launch -m
mqwen.cli.main` in place of `mqwen`. Exit status 0: done; 1: with --dry-run, something is wrong with the data; 2: it
could not start; 130: stopped, and kept."""


def add_parser(commands: Any) -> None:
    """Add the command to the parser of `mqwen`."""
    parser = commands.add_parser("train", help="tune a model on captioned photos", description=_ABOUT)
    parser.add_argument("data", nargs="?", type=some_path, metavar="FOLDER", help="captioned photos, or a data file")
    add_model_options(parser)
    parser.add_argument("--out", type=some_path, metavar="OUT", help="the model folder to make")
    parser.add_argument(
        "--work", type=some_path, metavar="DIR", help="where the run keeps its state (default: OUT-work)"
    )
    parser.add_argument(
        "--images",
        type=some_path,
        action="append",
        default=[],
        metavar="DIR",
        help="look for photos here, too; repeatable",
    )
    asked = parser.add_argument_group("what captions answer")
    asked.add_argument("--prompt", help="your own question; {name} {folder} {date} are filled in")
    asked.add_argument("--style", choices=STYLES, default="brief", help="else this style's (default: brief)")
    asked.add_argument("--language", choices=LANGUAGES, default="en", help="in this language (default: en)")
    how = parser.add_argument_group("how it learns (the defaults are those of the original, for large data)")
    how.add_argument("--epochs", type=float, default=2.0, metavar="N", help="times every photo is seen (default: 2)")
    how.add_argument("--steps", type=positive, metavar="N", help="steps instead of epochs")
    how.add_argument("--batch-size", type=positive, default=8, metavar="N", help="captions a step (default: 8)")
    how.add_argument("--micro-batch", type=positive, metavar="N", help="captions in memory at a time (default: chosen)")
    how.add_argument("--learning-rate", type=float, default=3e-5, metavar="X", help="of the LoRA (default: 3e-5)")
    how.add_argument(
        "--projector-learning-rate", type=float, default=1e-4, metavar="X", help="of the projector (default: 1e-4)"
    )
    how.add_argument("--rank", type=positive, default=128, metavar="N", help="of the LoRA (default: 128)")
    how.add_argument("--alpha", type=float, default=32.0, metavar="X", help="its scale is alpha / rank (default: 32)")
    how.add_argument("--dropout", type=float, default=0.1, metavar="X", help="in the LoRA (default: 0.1)")
    how.add_argument(
        "--lora-targets", default="c_attn,w1,w2", metavar="LIST", help="beside which layers (default: c_attn,w1,w2)"
    )
    how.add_argument("--seed", type=seed, default=0, metavar="N", help="the same seed, the same run (default: 0)")
    how.add_argument("--precision", default="auto", metavar="auto|fp32|bf16", help="bf16 on cards that have it")
    kept = parser.add_argument_group("keeping what it knows")
    kept.add_argument(
        "--replay",
        type=some_path,
        metavar="DIR",
        help="pictures that it captions well now, and is to go on captioning so; they need no captions",
    )
    kept.add_argument(
        "--replay-share", type=float, default=0.5, metavar="X", help="their part of each batch (default: 0.5)"
    )
    kept.add_argument(
        "--replay-weight", type=float, default=2.0, metavar="X", help="how strictly they are kept (default: 2)"
    )
    watched = parser.add_argument_group("watching it")
    watched.add_argument(
        "--validation", type=float, default=0.1, metavar="X", help="part of the photos only measured (default: 0.1)"
    )
    watched.add_argument(
        "--save-every", type=float, default=180.0, metavar="SECONDS", help="time between two states (default: 180)"
    )
    watched.add_argument("--strict", action="store_true", help="do not begin if anything is wrong with the data")
    watched.add_argument("--dry-run", action="store_true", help="only look through the data")
    watched.add_argument("--json", action="store_true", help="the log on stdout, one JSON object a line")
    recipe = parser.add_argument_group("the starter model (needs the extra `train` and the font Noto Color Emoji)")
    recipe.add_argument("--recipe", choices=("starter",), help="train it anew into OUT, from pictures that are drawn")
    recipe.add_argument("--refine", type=some_path, metavar="DIR", help="train this starter folder further, into OUT")
    recipe.add_argument(
        "--evaluate", type=some_path, metavar="DIR", help="measure a starter folder, write its model card"
    )
    recipe.add_argument("--scenes", type=int, default=1000, metavar="N", help="held-out scenes (default: 1000)")
    parser.set_defaults(run=train)


def train(arguments: argparse.Namespace) -> int:
    """Run `mqwen train` and return its exit status."""
    # Before torch is imported: on some machines oneDNN's AMX code dies with SIGILL.
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")
    if arguments.recipe or arguments.refine or arguments.evaluate:
        return train_recipe(arguments)
    if arguments.data is None:
        raise InputError("there is nothing to train on", hint="Give a folder: mqwen train FOLDER --model M --out OUT.")
    if arguments.out is None and not arguments.dry_run:
        raise InputError("--out is missing", hint="Name the model folder to make: --out OUT.")
    from mqwen.cli.tuning import check_data, run_tuning

    job = tuning_job(arguments)
    if arguments.dry_run:
        return check_data(job, as_json=arguments.json)
    return run_tuning(job, as_json=arguments.json)


def tuning_job(arguments: argparse.Namespace) -> TuningJob:
    """The job that the options describe. Raises InputError for settings that make no sense."""
    from mqwen.training.dataset import Question
    from mqwen.training.lora import LoraSettings
    from mqwen.training.settings import TuningJob, TuningSettings

    out = arguments.out or Path("tuned")
    targets = tuple(name.strip() for name in arguments.lora_targets.split(",") if name.strip())
    return TuningJob(
        data=arguments.data,
        model=arguments.model,
        out=out,
        work=arguments.work or out.with_name(out.name + "-work"),
        settings=TuningSettings(
            question=Question(arguments.prompt, arguments.style, arguments.language),
            epochs=arguments.epochs,
            steps=arguments.steps,
            batch_size=arguments.batch_size,
            learning_rate=arguments.learning_rate,
            projector_learning_rate=arguments.projector_learning_rate,
            lora=LoraSettings(arguments.rank, arguments.alpha, arguments.dropout, targets),
            validation=arguments.validation,
            replay_share=arguments.replay_share,
            replay_weight=arguments.replay_weight,
            seed=arguments.seed,
        ),
        images=tuple(arguments.images),
        replay=arguments.replay,
        device=arguments.device,
        precision=arguments.precision,
        strict=arguments.strict,
        save_every=arguments.save_every,
        micro_batch=arguments.micro_batch,
    )


def train_recipe(arguments: argparse.Namespace) -> int:
    """Train the starter or evaluate one; print the figures as JSON; return 0."""
    if (arguments.out is None) == (arguments.evaluate is None):
        raise InputError("give either --out, to train, or --evaluate, to measure")
    _need("emoji")
    from mqwen.training.recipe_device import recipe_device
    from mqwen.training.starter import StarterRecipe, evaluate_starter, refine_starter, train_starter

    for folder, may_be_new in ((arguments.out, True), (arguments.refine, False), (arguments.evaluate, False)):
        if folder is not None and not (may_be_new and _is_free(folder)) and not _is_starter(folder):
            raise InputError(
                "it is not a starter model, so it is left alone", path=folder, hint="Name a new folder, or a starter's."
            )
    if arguments.evaluate is not None:
        figures = evaluate_starter(arguments.evaluate, scenes=arguments.scenes)
    else:
        work = arguments.work or arguments.out.with_name(arguments.out.name + "-work")
        recipe = StarterRecipe(scenes=arguments.scenes)
        where = recipe_device(arguments.device)
        if arguments.refine is not None:
            figures = refine_starter(arguments.refine, arguments.out, work, recipe, where)
        else:
            figures = train_starter(arguments.out, work, recipe, where)
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
