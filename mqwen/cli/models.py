"""`mqwen models`: the models on this machine, those that can be had, and making one folder of parts."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from mqwen.cli.models_get import add_get, confirmed
from mqwen.cli.models_list import add_list
from mqwen.cli.options import some_path
from mqwen.cli.transfer import byte_lines, say, size
from mqwen.errors import InputError
from mqwen.hub import find_model, models_folder, remove_model, set_models_folder

_DTYPES = ("float32", "bfloat16", "float16")


def add_parser(commands: Any) -> None:
    """Add the command to the parser of `mqwen`."""
    parser = commands.add_parser(
        "models",
        help="list models, get one, import or export one",
        description="The models on this machine and those that can be had. Only `get` uses the network.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION", title="actions")
    add_list(actions)
    add_get(actions)

    action = actions.add_parser("verify", help="check that a model is whole and unchanged")
    action.add_argument("model", help="a name that `mqwen models list` shows, or a folder")
    action.set_defaults(run=verify)

    action = actions.add_parser("remove", help="delete a downloaded or imported model, or what came of a download")
    action.add_argument("model", help="its name")
    action.add_argument("--yes", action="store_true", help="do not ask")
    action.set_defaults(run=remove)

    action = actions.add_parser(
        "path",
        help="print where a model is, or where models are kept; keep them elsewhere",
        description="Print where a model is, or where models are kept. $MQWEN_MODELS goes before what --set chose.",
    )
    action.add_argument("model", nargs="?", help="the name of a model; without it, the folder of all")
    action.add_argument(
        "--set", type=some_path, metavar="DIR", help="keep models in DIR from now on; move them yourself"
    )
    action.add_argument("--reset", action="store_true", help="keep models in the usual folder again")
    action.set_defaults(run=print_path)

    action = actions.add_parser(
        "import",
        help="join a language model, a vision tower and an adapter, or a model and an adapter, into one folder",
        description="Join a Qwen folder, a CLIP folder and an adapter folder (LoRA and projector) into one folder; or "
        "add an adapter, as `mqwen train` leaves it in OUT/adapter, to the model that it was trained on. The memory "
        "needed is small, whatever the model's size. `mqwen models get original` downloads the first two.",
    )
    action.add_argument("--language-model", type=some_path, metavar="DIR", help="Qwen-1, Qwen2 or Qwen3")
    action.add_argument("--vision-tower", type=some_path, metavar="DIR", help="CLIP, SigLIP or Chinese-CLIP")
    action.add_argument("--model", metavar="NAME", help="instead of the two: a model, by its name or folder")
    action.add_argument(
        "--adapter", type=some_path, metavar="DIR", help="the LoRA and the projector; without it, untrained"
    )
    action.add_argument("--image-token-id", type=int, metavar="ID", help="the marker (default: the tokenizer's own)")
    action.add_argument("out", type=some_path, metavar="OUT", help="the folder to make")
    action.set_defaults(run=import_model)

    action = actions.add_parser(
        "export",
        help="write a model for transformers, vLLM and llama.cpp",
        description="Write a model as a folder that transformers, vLLM and llama.cpp's converter take: safetensors in "
        "the LLaVA layout, with tokenizer, chat template and image settings.",
    )
    action.add_argument("model", help="a name that `mqwen models list` shows, or a folder")
    action.add_argument("out", type=some_path, metavar="OUT", help="the folder to make")
    action.add_argument("--dtype", choices=_DTYPES, help="precision of the weights (default: as they are)")
    action.set_defaults(run=export_model)


def verify(arguments: argparse.Namespace) -> int:
    """Check a model and say on stdout what is wrong, a line for each file; return 0 if nothing is, else 1."""
    from mqwen.hub.verify import verify_model

    found = verify_model(find_model(arguments.model), progress=byte_lines("checked"))
    for problem in found.problems:
        print(problem)
    if found.problems:
        if found.revision:
            say(f"`mqwen models get {arguments.model} --again` downloads what is damaged once more")
        return 1
    how = f"every file is as in commit {found.revision}" if found.revision else "every tensor is there and readable"
    print(f"{found.folder}: {how}")
    return 0


def remove(arguments: argparse.Namespace) -> int:
    """Delete a model, having asked; return 0, or 1 if the answer is no."""
    if not confirmed(f"delete {arguments.model} from {models_folder()}", arguments.yes, "--yes"):
        return 1
    say(f"{size(remove_model(arguments.model))} are free again")
    return 0


def print_path(arguments: argparse.Namespace) -> int:
    """Print a model's folder, or the folder of all models, which may be chosen anew; return 0."""
    if arguments.set is not None and arguments.reset:
        raise InputError("--set and --reset contradict each other", hint="Give one of them.")
    if (arguments.set is not None or arguments.reset) and arguments.model:
        raise InputError("the folder of all models is chosen, not of one", hint="Leave the model's name out.")
    if arguments.set is not None or arguments.reset:
        before = models_folder()
        after = set_models_folder(arguments.set)
        if before != after and before.is_dir() and any(before.iterdir()):
            say(f"the models in {before} stay there: move what you want to keep")
        print(after)
        return 0
    print(find_model(arguments.model) if arguments.model else models_folder())
    return 0


def import_model(arguments: argparse.Namespace) -> int:
    """Join the parts, tell the progress on stderr, print the new folder on stdout; return 0."""
    if arguments.image_token_id is not None and arguments.image_token_id < 0:
        raise InputError(f"--image-token-id is {arguments.image_token_id}", hint="Give the id of a token.")
    parts = (arguments.language_model, arguments.vision_tower)
    if arguments.model is not None:
        return _add_adapter(arguments, parts)
    if None in parts:
        hint = "Give --language-model and --vision-tower, or --model and --adapter."
        raise InputError("a part is missing", hint=hint)
    say("checking the parts")
    from mqwen.model.importer import import_parts

    import_parts(
        arguments.language_model,
        arguments.vision_tower,
        arguments.adapter,
        arguments.out,
        image_token_id=arguments.image_token_id,
        progress=byte_lines("joined"),
    )
    if arguments.adapter is None:
        say("without an adapter the projector is untrained: train it before captions mean anything")
    print(arguments.out.absolute())
    return 0


def _add_adapter(arguments: argparse.Namespace, parts: tuple[Path | None, Path | None]) -> int:
    if any(parts) or arguments.image_token_id is not None:
        raise InputError("--model has its parts and its marker", hint="Give --model and --adapter alone.")
    if arguments.adapter is None:
        raise InputError("--adapter is missing", hint="`mqwen models export` writes a model as it is.")
    folder = find_model(arguments.model)
    say("checking model and adapter")
    from mqwen.model.importer import import_adapter

    import_adapter(folder, arguments.adapter, arguments.out, progress=byte_lines("joined"))
    print(arguments.out.absolute())
    return 0


def export_model(arguments: argparse.Namespace) -> int:
    """Write a model in the LLaVA layout, tell the progress on stderr, print the new folder on stdout; return 0."""
    folder = find_model(arguments.model)
    from mqwen.engine.device import dtype_of
    from mqwen.model.exporter import export_checkpoint

    export_checkpoint(folder, arguments.out, dtype=dtype_of(arguments.dtype), progress=byte_lines("written"))
    config = json.loads((arguments.out / "config.json").read_text(encoding="utf-8"))
    if config.get("use_dynamic_ntk") or config.get("use_logn_attn"):
        say(f"others than MQwen read it rightly up to {config['seq_length']} tokens: Qwen-1 goes another way beyond")
    print(arguments.out.absolute())
    return 0
