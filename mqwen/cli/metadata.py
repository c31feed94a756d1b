"""`mqwen metadata show|write|strip FILE...`: captions and keywords inside photos and in XMP sidecars."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqwen.cli.options import some_path
from mqwen.errors import DiskFullError, InputError, MqwenError

if TYPE_CHECKING:
    from mqwen.library.editing_run import EditingRun
    from mqwen.library.metadata.exiftool import ExifTool
    from mqwen.library.metadata.fields import Metadata
    from mqwen.library.metadata.plan import Planned


def add_parser(commands: Any) -> None:
    """Add the command to the parser of `mqwen`."""
    parser = commands.add_parser(
        "metadata",
        help="show, write or strip captions inside photos",
        description="Captions, keywords and alt texts inside JPEG, PNG, WebP and TIFF, and in XMP sidecars beside any "
        "photo. No other byte of a photo changes; what cannot be written so goes into a sidecar, with the reason said. "
        "What is written or stripped is in `mqwen runs list`, and can be reverted.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION", title="actions")

    action = actions.add_parser("show", help="show what photos and their sidecars say")
    _add_common(action)
    action.set_defaults(run=show)

    action = actions.add_parser("write", help="write into photos")
    _add_common(action)
    action.add_argument("--caption", metavar="TEXT", help='the caption; "" takes it away')
    action.add_argument("--keyword", action="append", metavar="WORD", help='a keyword (repeatable); "" takes all away')
    action.add_argument("--alt-text", metavar="TEXT", help="what a screen reader says, up to 250 characters")
    action.add_argument("--language", metavar="TAG", help="of caption and alt text: en, zh, pt-BR, ...")
    action.add_argument("--caption-writer", metavar="NAME", help="who wrote the caption")
    action.add_argument(
        "--mode",
        choices=("replace", "append", "fill"),
        default="replace",
        help="replace what is there (default), add to it, or fill only what is empty",
    )
    where = action.add_mutually_exclusive_group()
    where.add_argument("--embed", action="store_true", help="into the photo where that is possible (default)")
    where.add_argument("--sidecar", action="store_true", help="into an XMP sidecar; the photo is not touched")
    action.add_argument(
        "--naming",
        choices=("name", "stem"),
        default="name",
        help="of a new sidecar: IMG.jpg.xmp (name, default) or IMG.xmp (stem, Adobe); one that is there is used",
    )
    _add_writing(action)
    action.set_defaults(run=write)

    action = actions.add_parser("strip", help="take out what MQwen wrote")
    _add_common(action)
    action.add_argument("--ours", action="store_true", required=True, help="only what MQwen wrote and nobody edited")
    _add_writing(action)
    action.set_defaults(run=strip)


def _add_common(action: argparse.ArgumentParser) -> None:
    action.add_argument("files", nargs="+", type=some_path, metavar="FILE", help="a photo")
    action.add_argument("--json", action="store_true", help="one object a line on stdout")
    action.add_argument(
        "--exiftool",
        action="store_true",
        help="use your ExifTool, 13 or newer, for HEIC, AVIF, JPEG XL, GIF, PSD and JPEG 2000 (MQWEN_EXIFTOOL may say "
        "where it is)",
    )


def _add_writing(action: argparse.ArgumentParser) -> None:
    action.add_argument("--keep-mtime", action="store_true", help="keep the file's times")
    action.add_argument(
        "--allow-signed", action="store_true", help="write into C2PA-signed photos: breaks the signature"
    )


def show(arguments: argparse.Namespace) -> int:
    """Print what the files say; return 1 if one of them could not be read."""
    from mqwen.library.metadata.plan import read_photo

    def one(path: Path, exiftool: ExifTool | None) -> None:
        refused: dict[Path, str] = {}
        found = read_photo(path, exiftool=exiftool, on_refusal=refused.__setitem__)
        if arguments.json:
            print(json.dumps(_as_json(path, found, refused), ensure_ascii=False), flush=True)
            return
        for file, metadata in found.items():
            print(file)
            for label, text in _rows(metadata) or [("", "nothing")]:
                print(f"  {label:<20}" + text.replace("\n", f"\n{'':22}"))
        for file, reason in refused.items():
            print(f"{file}\n  cannot be read: {reason}")

    return _each(arguments, one)


def write(arguments: argparse.Namespace) -> int:
    """Write into the files or their sidecars; return 1 if one of them failed."""
    from mqwen.library.editing_run import editing_run
    from mqwen.library.metadata.fields import Edit
    from mqwen.library.metadata.plan import plan_embed

    given = (arguments.caption, arguments.keyword, arguments.alt_text, arguments.caption_writer)
    if all(value is None for value in given):
        raise InputError("there is nothing to write", hint="Give --caption, --keyword, --alt-text or --caption-writer.")
    edit = Edit(
        caption=arguments.caption,
        language=arguments.language,
        keywords=None if arguments.keyword is None else tuple(arguments.keyword),
        alt_text=arguments.alt_text,
        caption_writer=arguments.caption_writer,
        mode=arguments.mode,
    )

    def one(path: Path, exiftool: ExifTool | None) -> None:
        planned = plan_embed(
            path,
            edit,
            embed=not arguments.sidecar,
            naming=arguments.naming,
            allow_signed=arguments.allow_signed,
            exiftool=exiftool,
        )
        _commit(path, planned, arguments, "written", run)

    asked = ("caption", "keyword", "alt_text", "language", "caption_writer", "mode")
    settings = {"command": "metadata write", **{name: getattr(arguments, name) for name in asked}}
    with editing_run(settings, arguments.files) as run:
        return _each(arguments, one)


def strip(arguments: argparse.Namespace) -> int:
    """Take out what MQwen wrote; return 1 if one of the files failed."""
    from mqwen.library.editing_run import editing_run
    from mqwen.library.metadata.plan import plan_strip

    def one(path: Path, exiftool: ExifTool | None) -> None:
        planned = plan_strip(path, allow_signed=arguments.allow_signed, exiftool=exiftool)
        _commit(path, planned, arguments, "stripped", run)

    with editing_run({"command": "metadata strip"}, arguments.files) as run:
        return _each(arguments, one)


def _each(arguments: argparse.Namespace, one: Callable[[Path, ExifTool | None], None]) -> int:
    from mqwen.library.metadata.blocks import Refusal

    failed = 0
    with _exiftool(arguments.exiftool) as exiftool:
        for path in arguments.files:
            try:
                one(path, exiftool)
            except DiskFullError:
                raise
            except (Refusal, MqwenError) as error:
                failed += 1
                reason = error.reason if isinstance(error, Refusal) else str(error).removeprefix(f"{path}: ")
                print(f"{path}: {reason}", file=sys.stderr)
                if arguments.json:
                    _tell(path, "failed", None, reason)
    return 1 if failed else 0


@contextmanager
def _exiftool(wanted: bool) -> Iterator[ExifTool | None]:
    if not wanted:
        yield None
        return
    from mqwen.library.metadata.exiftool import ExifTool

    exiftool = ExifTool()
    try:
        yield exiftool
    finally:
        exiftool.close()


def _commit(path: Path, planned: list[Planned], arguments: argparse.Namespace, done: str, run: EditingRun) -> None:
    run.write(path, planned, keep_mtime=arguments.keep_mtime)
    for change in planned:
        status = done if change.after is not None else "removed"
        if arguments.json:
            _tell(path, status, change.path, change.reason)
        else:
            print(f"{change.path}: {status}" + (f", a sidecar because {change.reason}" if change.reason else ""))
    if not planned:
        _tell(path, "unchanged", None, None) if arguments.json else print(f"{path}: unchanged")
    sys.stdout.flush()


def _tell(path: Path, status: str, file: Path | None, reason: str | None) -> None:
    told = {"path": str(path), "status": status, "file": str(file) if file else None, "reason": reason}
    print(json.dumps(told, ensure_ascii=False), flush=True)


def _rows(metadata: Metadata) -> list[tuple[str, str]]:
    from mqwen.library.metadata.words import clean

    rows = [("caption", metadata.caption or "")]
    rows += [(f"caption [{language}]", text) for language, text in _others(metadata.captions)]
    rows += [("keywords", ", ".join(metadata.keywords)), ("alt text", metadata.alt_text or "")]
    rows += [(f"alt text [{language}]", text) for language, text in _others(metadata.alt_texts)]
    rows.append(("caption writer", metadata.caption_writer or ""))
    if written := metadata.provenance:
        prompt = f"prompt {written.prompt_hash}" if written.prompt_hash else ""
        parts = (written.model, written.date, prompt, f"MQwen {written.version}")
        rows.append(("written by", ", ".join(part for part in parts if part)))
        unedited = [name.replace("_", " ") for name in sorted(metadata.machine)]
        rows.append(("a model's, unedited", ", ".join(unedited)))
    return [(label, clean(text)) for label, text in rows if text]


def _others(texts: Any) -> list[tuple[str, str]]:
    return [(language, text) for language, text in texts.items() if language != "x-default"]


def _as_json(path: Path, found: dict[Path, Metadata], refused: dict[Path, str]) -> dict[str, Any]:
    own = _metadata_json(found[path]) if path in found else {"reason": refused.get(path)}
    sidecars = [{"path": str(file), **_metadata_json(metadata)} for file, metadata in found.items() if file != path]
    sidecars += [{"path": str(file), "reason": reason} for file, reason in refused.items() if file != path]
    return {"path": str(path), **own, "sidecars": sidecars}


def _metadata_json(metadata: Metadata) -> dict[str, Any]:
    written = metadata.provenance
    return {
        "caption": metadata.caption,
        "captions": dict(metadata.captions),
        "keywords": list(metadata.keywords),
        "alt_text": metadata.alt_text,
        "alt_texts": dict(metadata.alt_texts),
        "caption_writer": metadata.caption_writer,
        "provenance": written
        and {
            "model": written.model,
            "prompt_hash": written.prompt_hash,
            "date": written.date,
            "version": written.version,
        },
        "machine": sorted(metadata.machine),
    }
