"""`mqwen runs list|show`: what was captioned when, how, and what it changed."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mqwen.library.catalog import Catalog
    from mqwen.library.records import Change, Run


def add_parser(commands: Any) -> None:
    """Add the command to the parser of `mqwen`."""
    parser = commands.add_parser(
        "runs",
        help="list what runs have changed",
        description="Every run that wrote something, with its settings and each file that it changed.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION", title="actions")
    listing = actions.add_parser("list", help="all runs, the newest first")
    listing.set_defaults(run=list_runs)
    show = actions.add_parser("show", help="one run's settings and the files that it changed")
    show.add_argument("number", nargs="?", type=int, metavar="RUN", help="its number in the list (default: the newest)")
    show.set_defaults(run=show_run)
    for action in (listing, show):
        action.add_argument("--json", action="store_true", help="one JSON object a line on stdout")


def list_runs(arguments: argparse.Namespace) -> int:
    """Print all runs; return the exit status."""
    from mqwen.library.catalog import Catalog

    with Catalog() as catalog:
        runs = catalog.runs()
    for run in runs:
        print(json.dumps(_record(run)) if arguments.json else _line(run))
    if not runs:
        print("there are no runs yet", file=sys.stderr)
    return 0


def show_run(arguments: argparse.Namespace) -> int:
    """Print one run, and a line for each change; return the exit status."""
    from mqwen.library.catalog import Catalog

    with Catalog() as catalog:
        run = catalog.run(arguments.number if arguments.number is not None else newest(catalog))
        if arguments.json:
            print(json.dumps(_record(run)))
        else:
            print(_line(run))
            for name, value in run.settings.items():
                if value not in (None, "", [], False) and name not in ("key", "fingerprint"):
                    print(f"  {name}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
        for change in catalog.changes(run.id):
            print(
                json.dumps(_change(change)) if arguments.json else f"  {change.state}  {change.target}  {change.file}"
            )
    return 0


def newest(catalog: Catalog) -> int:
    """Return the number of the newest run. Raises InputError where there is none."""
    from mqwen.errors import InputError

    for run in catalog.runs():
        return run.id
    raise InputError("there are no runs yet", hint="`mqwen caption` makes one when it writes something.")


def _line(run: Run) -> str:
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started))
    counts = ", ".join(f"{number} {what}" for what, number in run.counts.items())
    reverted = f", {run.reverted} put back" if run.reverted else ""
    pruned = ", can no longer be reverted" if run.pruned else ""
    where = _roots(run.roots)
    return f"{run.id}  {started}  {run.status}  {counts or '-'}  {run.changes} files changed{reverted}{pruned}  {where}"


def _roots(roots: tuple[Path, ...]) -> str:
    more = f" and {len(roots) - 3} more" if len(roots) > 3 else ""
    return ", ".join(map(str, roots[:3])) + more


def _record(run: Run) -> dict[str, Any]:
    return {
        "run": run.id,
        "started": run.started,
        "ended": run.ended,
        "status": run.status,
        "counts": dict(run.counts),
        "changes": run.changes,
        "reverted": run.reverted,
        "pruned": run.pruned,
        "roots": [str(root) for root in run.roots],
        "settings": dict(run.settings),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "change": change.id,
        "target": change.target,
        "file": str(change.file),
        "state": change.state,
        "before_sha256": change.before.sha256,
        "after_sha256": change.after_sha256,
    }
