"""`mqwen ask IMAGE QUESTION`: answer about a picture; `--chat` goes on in turns."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from mqwen.cli.options import add_model_options, add_quantize_option, add_sampling_options, some_path, starter_notice
from mqwen.errors import InputError

# Pixels, twice what the largest vision tower of the family looks at.
_SHORTER_SIDE = 1024


def add_parser(commands: Any) -> None:
    """Add the command to the parser of `mqwen`."""
    parser = commands.add_parser(
        "ask",
        help="answer a question about a picture",
        description="Answer a question about a picture. With --chat, further questions come from the keyboard, one a "
        "line; the picture stays in the first. An empty line or the end of the input ends the chat.",
    )
    parser.add_argument("image", type=some_path, metavar="IMAGE", help="the picture")
    parser.add_argument(
        "question", nargs="?", metavar="QUESTION", help="what you want to know (with --chat: may follow)"
    )
    parser.add_argument("--chat", action="store_true", help="go on with questions from the keyboard")
    add_model_options(parser)
    add_quantize_option(parser)
    add_sampling_options(parser)
    parser.set_defaults(run=command)


def command(arguments: argparse.Namespace) -> int:
    """Run `mqwen ask` and return its exit status."""
    if not arguments.question and not arguments.chat:
        raise InputError(
            "there is no question", hint='Write one after the picture: mqwen ask photo.jpg "What is this?"'
        )
    from mqwen.engine.captioner import Captioner
    from mqwen.library.image import read_reduced
    from mqwen.model.processor import Message

    image = read_reduced(arguments.image, at_least=_SHORTER_SIDE)
    captioner = Captioner.load(arguments.model, device=arguments.device, quantize=arguments.quantize)
    if notice := starter_notice(captioner):
        print(f"note: {notice}", file=sys.stderr)
    turns: list[Message] = []
    for question in _questions(arguments.question, arguments.chat):
        turns.append(Message("user", question, images=0 if turns else 1))
        answer = captioner.ask(
            turns,
            [image],
            max_new_tokens=arguments.max_new_tokens,
            temperature=arguments.temperature,
            seed=arguments.seed,
        )
        turns.append(Message("assistant", answer.text))
        print(answer.text, flush=True)
    return 0


def _questions(first: str | None, chat: bool) -> Iterator[str]:
    """Yield the question of the command line, then, in a chat, one a line until an empty line or the end."""
    if first:
        yield first
    while chat:
        if sys.stdin.isatty():
            print("> ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline().strip()
        if not line:
            return
        yield line
