"""`mqwen revert RUN`: put back what a run changed."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the command to the parser of `mqwen`."""
    parser = commands.add_parser(
        "revert",
        help="put back what a run changed",
        description="Put back every file that a run changed and nobody touched since, byte for byte and with its date; "
        "files that the run made are deleted. Those that were touched are listed and kept. It may be repeated. Exit "
        "status 0: all is back; 1: some files are not, each named with its reason.",
    )
    parser.add_argument("number", type=int, metavar="RUN", help="a number from `mqwen runs list`")
    parser.add_argument("paths", nargs="*", metavar="PATH", help="only these pictures, or those in these folders")
    parser.add_argument(
        "--force",
        action="store_true",
        help="put back files that were touched since, too: sidecars as they were, in photos the metadata that stood "
        "there. What was written since is lost",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, change nothing")
    parser.add_argument("--json", action="store_true", help="one JSON object a file on stdout")
    parser.set_defaults(run=command)


def command(arguments: argparse.Namespace) -> int:
    """Revert a run and return the exit status."""
    from mqwen.library.catalog import Catalog
    from mqwen.library.revert import revert

    count: Counter[str] = Counter()
    with Catalog() as catalog:
        for result in revert(
            catalog, arguments.number, arguments.paths, force=arguments.force, dry_run=arguments.dry_run
        ):
            count[result.status] += 1
            if arguments.json:
                print(json.dumps({"path": str(result.file), "status": result.status, "reason": result.reason}))
            elif result.status != "restored":
                print(f"{result.status}: {result.file}: {result.reason}")
    verb = "to put back" if arguments.dry_run else "put back"
    print(f"{count['restored']} files {verb}, {count['kept']} kept, {count['failed']} failed", file=sys.stderr)
    return int(count["kept"] + count["failed"] > 0)
