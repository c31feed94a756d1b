"""The command `mqwen`: reads the command line and calls one module of mqwen.cli for each command."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence

from mqwen import __version__
from mqwen.cli import ask, caption, doctor, models, train
from mqwen.errors import Cancelled, MqwenError

OK, SOME_FAILED, COULD_NOT_START, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    0: done; 1: some images failed, each named with its reason; 2: it could not start (usage, model, device); 130:
    stopped by the user.
    """
    # Before transformers or huggingface_hub can be imported: nothing here may ask the network for anything.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    # Threads that spin while they wait cost up to three times the time on a processor that others use, too (measured:
    # 100 captions of a small model beside one busy process, 2.5 s instead of 1.0 s).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # Pillow warns of pictures that it reads all the same
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A caption may be in any script, a file name may be no text at all.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    arguments = _parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except Cancelled as stop:
        print(f"mqwen: {stop}", file=sys.stderr)
        return INTERRUPTED
    except MqwenError as error:
        print(f"mqwen: {error}", file=sys.stderr)
        return COULD_NOT_START
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`| head`). Python would complain once more when it closes stdout at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOME_FAILED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mqwen", description="Caption folders of photos on this machine. Nothing leaves it."
    )
    parser.add_argument("--version", action="version", version=f"mqwen {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for command in (caption, ask, models, doctor, train):
        command.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
