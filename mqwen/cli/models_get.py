"""`mqwen models get NAME`: download a model, or join the original recipe's parts with one's own adapter."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from mqwen.cli.options import some_path
from mqwen.cli.transfer import Line, byte_lines, describe, say, size
from mqwen.errors import InputError
from mqwen.hub import KnownModel, find_model, known_model, models_folder, partial_bytes
from mqwen.hub.folders import model_folder

if TYPE_CHECKING:
    from mqwen.hub.meter import DownloadState
    from mqwen.hub.remote import Offer


def add_get(actions: Any) -> None:
    """Add the action to the parser of `mqwen models`."""
    action = actions.add_parser(
        "get",
        help="download a model",
        description="Download a model from the Hugging Face hub. An interrupted download goes on where it broke when "
        "the same command is given again. HF_ENDPOINT (a mirror), HTTPS_PROXY, HF_HOME and HF_TOKEN are honoured; for "
        "a gated model, log in with `hf auth login` first. Exit status 0: the model is here and verified; 1: not "
        "agreed to; 2: it could not be had; 130: stopped with Ctrl+C, what has come is kept.",
    )
    action.add_argument("model", help="a name that `mqwen models list` shows, or a hub id, OWNER/NAME")
    action.add_argument("--revision", metavar="REV", help="a branch, tag or commit (default: the newest)")
    action.add_argument("--yes", action="store_true", help="accept the licence without being asked")
    action.add_argument("--allow-pickle", action="store_true", help="take pickles where there are no safetensors")
    action.add_argument("--again", action="store_true", help="ask even if the model is here: update or repair it")
    action.add_argument("--adapter", type=some_path, metavar="DIR", help="for `original`: the LoRA and the projector")
    action.set_defaults(run=get)


def get(arguments: argparse.Namespace) -> int:
    """Download a model and print its folder on stdout; return 0, or 1 if the user does not agree to something."""
    known = known_model(arguments.model)
    if known is not None and known.kind == "embedded":
        say(f"the model {known.name!r} comes with MQwen")
        print(find_model(known.name))
        return 0
    target = model_folder((known.hub_id if known else None) or arguments.model)
    if arguments.revision and known is not None and known.kind == "parts":
        raise InputError(f"--revision is not for {known.name!r}, which is made of two models", hint="Leave it out.")
    asked = arguments.again or arguments.revision
    if target is not None and (target / "config.json").is_file() and not asked:
        say("it is here already; --again looks for a newer one, or repairs it")
        print(target)
        return 0
    if known is not None and known.kind == "parts":
        return _get_parts(known, arguments)
    if arguments.adapter is not None:
        raise InputError("--adapter is for `original`", hint="Join other parts with `mqwen models import`.")
    from mqwen.hub.download import download
    from mqwen.hub.remote import look_up

    say(f"asking the hub about {arguments.model}")
    offer = look_up(arguments.model, revision=arguments.revision, waiting=say)
    if not _agreed([offer], arguments):
        return 1
    with _Shown() as shown:
        folder = download(
            offer,
            accept_licence=True,
            allow_pickles=True,
            progress=shown.tell,
        )
    say(f"{size(offer.download_bytes)} are here and verified")
    print(folder)
    return 0


def confirmed(question: str, already: bool, option: str) -> bool:
    """Return the answer to a question of yes or no.

    Raises:
        InputError: nobody is there to answer (no terminal), and the option was not given.
    """
    if already:
        return True
    if not sys.stdin.isatty():
        raise InputError(f"{question}? Nobody is there to answer", hint=f"Say yes with {option}.")
    print(f"{question}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _agreed(offers: list[Offer], arguments: argparse.Namespace) -> bool:
    """Show what would come, and ask for what has to be agreed to."""
    for offer in offers:
        say(f"{offer.hub_id}, commit {offer.revision[:12]}")
        spoken = f"    languages: {', '.join(offer.languages)}" if offer.languages else ""
        say(f"  licence: {offer.licence or 'its page names none'}{spoken}    {offer.page}")
        before = partial_bytes(offer.hub_id)
        say(f"  {size(offer.download_bytes)} into {offer.folder}" + (f", {size(before)} have come" if before else ""))
    for offer in offers:
        question = f"the licence of {offer.hub_id} is not a permissive one; have you read and accepted it"
        if not offer.permissive and not confirmed(question, arguments.yes, "--yes"):
            return False
        question = f"{offer.hub_id} has pickles only, MQwen runs no code in them; do you trust their owner"
        if offer.pickles and not confirmed(question, arguments.allow_pickle, "--allow-pickle"):
            return False
    return True


def _get_parts(known: KnownModel, arguments: argparse.Namespace) -> int:
    if arguments.adapter is None:
        say(f"{known.name}: {known.made_of}. The first two are on the hub, the third is what your training left:")
        say("  adapter_config.json, adapter_model.bin (LoRA) and other_params.bin (projector), in one folder")
        say(f"  mqwen models get {known.name} --adapter FOLDER    downloads the two and joins the three")
        say(f"It takes about {known.memory_gb['bf16'] * 2:.0f} GB in {models_folder()}, half of it while it is joined.")
        raise InputError("the adapter is missing", hint="Give its folder with --adapter.")
    from mqwen.hub.original import check_adapter, join_parts, look_up_parts

    check_adapter(arguments.adapter)
    say("asking the hub about the parts")
    offers = look_up_parts(known, waiting=say, cancelled=lambda: False)
    if not _agreed(offers, arguments):
        return 1
    with _Shown() as shown:
        folder = join_parts(
            known,
            offers,
            arguments.adapter,
            accept_licence=True,
            allow_pickles=True,
            progress=shown.tell,
            joining=byte_lines("joined"),
        )
    print(folder)
    return 0


class _Shown:
    """The line of a download; at an interruption it says what becomes of what has come."""

    def __init__(self) -> None:
        self._line = Line()
        self._phase = ""

    def __enter__(self) -> _Shown:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._line.close()
        if kind is KeyboardInterrupt:
            say("stopped; what has come is kept, the same command goes on from there")

    def tell(self, state: DownloadState) -> None:
        # A pause is told at once; the check of a small file is over before anybody could read of it.
        self._line.show(describe(state), state.done / max(1, state.total), at_once=state.phase == "waiting")
