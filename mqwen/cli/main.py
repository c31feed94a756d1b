"""The command `mqwen`: reads the command line and calls one module of mqwen.cli for each command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from mqwen import __version__
from mqwen.cli import ask, bench, caption, doctor, library, metadata, models, revert, runs, train
from mqwen.environment import prepare_process
from mqwen.errors import Cancelled, MqwenError

OK, SOME_FAILED, COULD_NOT_START, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status.

    0: done; 1: some images failed, each named with its reason; 2: it could not start (usage, model, device); 130:
    stopped by the user.
    """
    prepare_process()
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
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError):
            from mqwen.engine.memory import out_of_memory  # torch's, where there is a RuntimeError of torch

            if not out_of_memory(error):
                raise
        print("mqwen: there is not enough memory. Close other programs, or take a smaller model.", file=sys.stderr)
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
    for command in (caption, ask, runs, revert, metadata, models, doctor, library, train, bench):
        command.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
