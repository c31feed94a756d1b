"""`mqwen library`: what the catalog knows, and the state of its file."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mqwen.cli.options import positive

if TYPE_CHECKING:
    from mqwen.library.catalog import Catalog
    from mqwen.library.records import Hit, Photo, PrunedRun

_OK, _PROBLEMS = 0, 1
_DAY_S = 86400


def add_parser(commands: Any) -> None:
    """Add the command to the parser of `mqwen`."""
    parser = commands.add_parser(
        "library",
        help="search the captioned photos; check the catalog",
        description="The catalog of all photos that MQwen has seen: a file in the data folder, never with the photos.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION", title="actions")

    action = actions.add_parser("stats", help="count photos, captions, runs")
    action.set_defaults(run=stats)

    action = actions.add_parser(
        "search",
        help="find photos by words of their captions and keywords",
        description='Find photos by all of these words. "A phrase" in quotation marks is found as it stands, `begin*` '
        "finds every word that begins so. Chinese is found by any part of it.",
    )
    action.add_argument("query", nargs="+", metavar="QUERY", help="words")
    action.add_argument("--limit", type=positive, default=50, metavar="N", help="the best so many (default: 50)")
    action.set_defaults(run=search)

    action = actions.add_parser("verify", help="check the whole catalog; exit status 1 if something is wrong")
    action.add_argument(
        "--repair",
        action="store_true",
        help="mend what is wrong: the search index is made anew, a damaged file is moved aside and what can be read of "
        "it is kept",
    )
    action.set_defaults(run=verify)

    action = actions.add_parser(
        "vacuum",
        help="give unused space back to the disk",
        description="Give unused space back to the disk. Nothing that is known is dropped, unless you ask for it: what "
        "is kept for reverting runs grows with each of them, and can be given up for old ones.",
    )
    action.add_argument(
        "--undo-older-than",
        type=positive,
        metavar="DAYS",
        help="give up what is kept for reverting runs that ended so long ago: they can never be reverted again",
    )
    action.add_argument(
        "--undo-larger-than",
        type=positive,
        metavar="MB",
        help="the same for the oldest runs, until what is kept for the others takes at most so much",
    )
    action.add_argument(
        "--dry-run", action="store_true", help="only name the runs that could not be reverted any more, change nothing"
    )
    action.set_defaults(run=vacuum)
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", help="JSON on stdout, for `search` one object a photo")


def stats(arguments: argparse.Namespace) -> int:
    """Print figures of the catalog; return 0."""
    with _catalog() as catalog:
        found = catalog.stats()
        if arguments.json:
            print(json.dumps({"path": os.fspath(catalog.path), **asdict(found)}))
            return _OK
        states = ", ".join(f"{count} {state}" for state, count in found.states.items() if count)
        languages = ", ".join(f"{count} {language or 'unnamed'}" for language, count in found.languages.items())
        _table(
            ("catalog", f"{catalog.path} ({found.file_bytes / 1e6:.1f} MB, version {found.schema_version})"),
            ("photos", f"{found.photos}{f' ({states})' if states else ''}"),
            ("captions", languages or "none"),
            ("keywords", f"{found.keywords} different ones"),
            ("changed pictures", f"{found.pixels_changed} since they were captioned"),
            ("runs", f"{found.runs}, {found.changes} files changed, {found.undo_bytes / 1e6:.1f} MB to revert them"),
            ("edits", f"{found.edits} steps that can be undone"),
        )
    return _OK


def search(arguments: argparse.Namespace) -> int:
    """Print the photos that a query finds, the best first; return 0."""
    with _catalog() as catalog:
        hits = catalog.search(" ".join(arguments.query), arguments.limit)
    for hit in hits:
        print(json.dumps(_record(hit)) if arguments.json else _line(hit.photo))
    if not hits:
        _say("no photo has these words")
    return _OK


def verify(arguments: argparse.Namespace) -> int:
    """Print what is wrong with the catalog; return 1 if something is."""
    with _catalog() as catalog:
        said = catalog.notice
        problems = catalog.verify(repair=arguments.repair)
        if catalog.notice != said:
            _say(str(catalog.notice))
        if arguments.json:
            print(json.dumps({"path": os.fspath(catalog.path), "problems": [asdict(problem) for problem in problems]}))
        else:
            for problem in problems:
                print(f"{problem.what}. {problem.hint}")
            if not problems:
                print(f"{catalog.path}: nothing is wrong")
    return _PROBLEMS if problems else _OK


def vacuum(arguments: argparse.Namespace) -> int:
    """Make the catalog's file as small as it can be, say how much that gave and what is given up for it; return 0."""
    days, megabytes, dry_run = arguments.undo_older_than, arguments.undo_larger_than, arguments.dry_run
    with _catalog() as catalog:
        pruned: list[PrunedRun] = []
        if days is not None or megabytes is not None:
            pruned = catalog.prune(
                older_than_s=None if days is None else days * _DAY_S,
                keep_bytes=None if megabytes is None else megabytes * 10**6,
                dry_run=dry_run,
            )
        freed = 0 if dry_run else catalog.vacuum()
        if arguments.json:
            told = [{"run": run.id, "ended": run.ended, "bytes": run.size} for run in pruned]
            print(json.dumps({"path": os.fspath(catalog.path), "freed": freed, "pruned": told}))
            return _OK
    for run in pruned:
        ended = time.strftime("%Y-%m-%d", time.localtime(run.ended))
        verb = "could then no longer" if dry_run else "can no longer"
        print(f"run {run.id}, which ended on {ended}, {verb} be reverted ({run.size} bytes)")
    print("nothing was changed" if dry_run else f"{freed} bytes freed")
    return _OK


def _catalog() -> Catalog:
    from mqwen.library.catalog import Catalog

    catalog = Catalog()
    if catalog.notice:
        _say(catalog.notice)
    return catalog


def _record(hit: Hit) -> dict[str, object]:
    photo = hit.photo
    return {
        "path": os.fspath(photo.path),
        "state": photo.state,
        "captions": dict(photo.captions),
        "keywords": list(photo.keywords),
        "alt_text": photo.alt_text,
        "model": photo.model,
        "logprob": photo.logprob,
        "score": hit.score,
    }


def _line(photo: Photo) -> str:
    words = " | ".join(filter(None, (*photo.captions.values(), ", ".join(photo.keywords), photo.alt_text)))
    return f"{photo.path}: {words}"


def _table(*rows: tuple[str, str]) -> None:
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        print(f"{name:<{width}}  {value}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
