"""`mqwen caption PATH...`: caption pictures and write the captions."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Literal, cast

from mqwen.cli.options import (
    add_model_options,
    add_quantize_option,
    add_sampling_options,
    positive,
    some_path,
    starter_notice,
)
from mqwen.cli.progress import Progress
from mqwen.engine.caption import Caption
from mqwen.engine.prompts import LANGUAGES, STYLES
from mqwen.errors import MqwenError, WriteError
from mqwen.hub import find_model
from mqwen.library.decide import HUMAN
from mqwen.library.targets import TARGETS
from mqwen.run import Outcome, StopFlag, run, survey
from mqwen.run_settings import EXISTING, SIDECAR_NAMING, RunSettings

if TYPE_CHECKING:
    from mqwen.engine.captioner import Captioner
    from mqwen.engine.pool import CaptionerPool
    from mqwen.library.catalog import Catalog


def add_parser(commands: Any) -> None:
    """Add the command to the parser of `mqwen`."""
    parser = commands.add_parser(
        "caption",
        help="caption pictures and write the captions",
        description="Caption pictures and write the captions beside them. Exit status 0: all done or skipped; 1: some "
        "failed, each named with its reason; 2: the run could not start; 130: stopped with Ctrl+C.",
    )
    parser.add_argument(
        "paths", nargs="+", type=some_path, metavar="PATH", help="a picture, or a folder that is searched for pictures"
    )
    add_model_options(parser)
    add_quantize_option(parser)
    parser.add_argument(
        "--prompt", help="your own question instead of a style's; {name} {folder} {date} {existing} are filled in"
    )
    parser.add_argument("--style", choices=STYLES, default="brief", help="what to ask for (default: brief)")
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="language of the style (default: en)")
    parser.add_argument(
        "--write",
        type=_targets,
        action="extend",
        metavar="TARGET[,TARGET]",
        help=f"where captions go, any of {', '.join(TARGETS)} (default: txt): a .txt or .caption beside the picture, "
        "an XMP sidecar, into the picture's own metadata (where that cannot be, an XMP sidecar, and it is said why), "
        "metadata.jsonl in the folder given, or nothing; may be repeated",
    )
    parser.add_argument(
        "--existing",
        choices=EXISTING,
        default="skip",
        help="what happens to pictures that have text already. skip (default): leave them; fill: the same for each "
        "language in metadata; stale: write anew what MQwen wrote, where picture, model, prompt or settings changed "
        "since; overwrite: write anew what MQwen wrote; append: add to what stands there. None of these replaces text "
        "that a person wrote or edited: such pictures are skipped, with that reason. Only overwrite-all does, as "
        "'overwrite' did up to 0.1",
    )
    parser.add_argument("--prepend-text", default="", metavar="TEXT", help="text before each caption")
    parser.add_argument("--append-text", default="", metavar="TEXT", help="text after each caption")
    parser.add_argument(
        "--trigger",
        action="append",
        metavar="WORD",
        help="a word that stands first, and a comma after it, where the caption does not hold it; may be repeated",
    )
    parser.add_argument("--keep-mtime", action="store_true", help="embedding keeps the picture's date of change")
    parser.add_argument(
        "--sidecar-naming",
        choices=SIDECAR_NAMING,
        default="name",
        help="of new XMP sidecars: name is IMG.jpg.xmp (default), stem is IMG.xmp; one that is there is used anyway",
    )
    parser.add_argument(
        "--exiftool",
        action="store_true",
        help="embed with your own ExifTool (13 or later) where MQwen does not: HEIC, AVIF, JPEG XL, GIF, PSD",
    )
    parser.add_argument("--batch-size", type=_batch_size, default="auto", metavar="auto|N", help="pictures at a time")
    add_sampling_options(parser)
    parser.add_argument("--no-recursive", action="store_true", help="leave subfolders out")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would be done and what would be in the way; load no model, write nothing",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a picture on stdout")
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="local: this machine, all its cards; ray: the Ray cluster that RAY_ADDRESS names, one worker a GPU, each "
        "of which must see the pictures by the same names (needs `pip install 'mqwen[ray]'`)",
    )
    parser.add_argument("--workers", type=positive, metavar="N", help="with --engine ray: so many workers")
    parser.set_defaults(run=command)


def command(arguments: argparse.Namespace) -> int:
    """Run `mqwen caption` and return its exit status."""
    settings = RunSettings(
        prompt=arguments.prompt,
        style=arguments.style,
        language=arguments.language,
        write=tuple(dict.fromkeys(arguments.write or ["txt"])),
        existing=arguments.existing,
        prepend=arguments.prepend_text,
        append_text=arguments.append_text,
        trigger=tuple(arguments.trigger or ()),
        keep_mtime=arguments.keep_mtime,
        sidecar_naming=arguments.sidecar_naming,
        exiftool=arguments.exiftool,
        model=arguments.model,
        recursive=not arguments.no_recursive,
        dry_run=arguments.dry_run,
        batch_size=arguments.batch_size,
        max_new_tokens=arguments.max_new_tokens,
        temperature=arguments.temperature,
        seed=arguments.seed,
    )
    find_model(arguments.model)  # a wrong name is told before a long search through folders
    stop = StopFlag()
    with _ctrl_c(stop), _catalog(settings) as catalog:
        if settings.dry_run:
            total, to_do = _precheck(arguments.paths, settings, stop)
        else:
            total, to_do = survey(arguments.paths, settings, stop, catalog=catalog)
        if total == 0 and not stop.finishing():
            print("mqwen: there are no pictures in " + ", ".join(map(str, arguments.paths)), file=sys.stderr)
        if arguments.engine == "ray" and not settings.dry_run:
            return _report(_on_cluster(arguments, settings, stop), Progress(total, to_do), stop, arguments)
        on_demand = _OnDemand(arguments.model, arguments.device, arguments.quantize, stop)
        if to_do and not settings.dry_run:
            on_demand.load()  # what is wrong with it is told before anything else is said
        captioner = None if settings.dry_run else cast("Captioner", on_demand)
        # Whatever ends it, its threads end before the catalog is closed.
        with closing(run(arguments.paths, settings, captioner=captioner, stop=stop, catalog=catalog)) as outcomes:
            return _report(outcomes, Progress(total, to_do), stop, arguments)


@contextmanager
def _catalog(settings: RunSettings) -> Iterator[Catalog | None]:
    """Open the catalog for a run that writes: without it nothing could be taken back, so there is no run."""
    if settings.dry_run or not settings.writes():
        yield None
        return
    from mqwen.library.catalog import Catalog

    with Catalog() as catalog:
        if catalog.notice:
            print(f"note: {catalog.notice}", file=sys.stderr)
        yield catalog


def _on_cluster(arguments: argparse.Namespace, settings: RunSettings, stop: StopFlag) -> Iterator[Outcome]:
    from mqwen.engine.cluster import run_on_cluster

    return run_on_cluster(
        arguments.paths,
        settings,
        model=arguments.model,
        device=arguments.device,
        quantize=arguments.quantize,
        workers=arguments.workers,
        stop=stop,
    )


def _precheck(paths: list[str], settings: RunSettings, stop: StopFlag) -> tuple[int, int]:
    """Say what would be in the way of a run; return how many photos there are, and how many need the model."""
    from mqwen.cli.precheck_report import report
    from mqwen.library.precheck import precheck

    found = precheck(paths, settings, stopped=stop.finishing)
    for line in report(found):
        print(line, file=sys.stderr)
    return found.photos, found.to_caption


class _OnDemand:
    """As much of a Captioner as run() uses, loaded when it is first needed.

    A photo may appear after the survey found nothing to do.
    """

    def __init__(self, model: str, device: str, quantize: str | None, stop: StopFlag) -> None:
        self._model = model
        self._device = device
        self._quantize = quantize
        self._stop = stop
        self._captioner: Captioner | CaptionerPool | None = None

    def load(self) -> Captioner | CaptionerPool:
        """Return the Captioner, or one a card; raises as Captioner.load()."""
        if self._captioner is None:
            from mqwen.engine.pool import load_captioner

            self._captioner = load_captioner(
                self._model, device=self._device, quantize=self._quantize, cancelled=self._stop.finishing
            )
            print(self._captioner.describe(), file=sys.stderr)
            if memory := self._captioner.describe_memory():
                print(f"memory: {memory}", file=sys.stderr)
            if notice := starter_notice(self._captioner):
                print(f"note: {notice}", file=sys.stderr)
        return self._captioner

    def caption_many(self, photos: Iterator[Path], **options: Any) -> Iterator[tuple[Path, Caption | MqwenError]]:
        for first in photos:
            captioner = cast("Captioner", self.load())
            yield from captioner.caption_many(chain([first], photos), **options)


def _report(outcomes: Iterator[Outcome], progress: Progress, stop: StopFlag, arguments: argparse.Namespace) -> int:
    """Tell what becomes of each photo and, however the run ends, what became of them all; return the exit status."""
    count = {"captioned": 0, "skipped": 0, "failed": 0}
    persons = 0
    ended_by: WriteError | None = None
    broken = False
    try:
        for outcome in outcomes:
            count[outcome.status] += 1
            persons += outcome.status == "skipped" and outcome.reason == HUMAN
            if arguments.json:
                progress.say(_json(outcome), stdout=True)
            elif outcome.status == "captioned":
                progress.say(f"{outcome.path}: {outcome.caption or outcome.reason}", stdout=True)
            if outcome.status == "captioned" and outcome.caption and outcome.reason:
                progress.say(f"note: {outcome.path}: {outcome.reason}")
            if outcome.status == "failed":
                progress.say(f"failed: {outcome.path}: {outcome.reason}")
            progress.advance(by_model=outcome.status != "skipped")
    except WriteError as error:
        ended_by = error
    except Exception:  # main() tells which
        broken = True
        raise
    finally:
        progress.close()
        if persons:
            print(f"{persons} skipped: {HUMAN}", file=sys.stderr)
        verb = "to caption" if arguments.dry_run else "captioned"
        summary = f"{count['captioned']} {verb}, {count['skipped']} skipped, {count['failed']} failed"
        if ended_by or broken or stop.finishing():
            why = f" by {ended_by}" if ended_by else ""
            summary = f"stopped{why}\n{summary}; what was written is kept, the same command goes on from here"
        print(summary, file=sys.stderr)
    if ended_by:
        return 1
    return 130 if stop.finishing() else int(count["failed"] > 0)


def _json(outcome: Outcome) -> str:
    record = {
        "path": str(outcome.path),
        "status": outcome.status,
        "caption": outcome.caption,
        "keywords": list(outcome.keywords),
        "reason": outcome.reason,
        "seconds": round(outcome.seconds, 3),
    }
    # A file name that is no UTF-8 reaches us as surrogates, which only JSON's escapes can carry.
    text = json.dumps(record, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(record)


@contextmanager
def _ctrl_c(stop: StopFlag) -> Iterator[None]:
    """The first Ctrl+C finishes the pictures in hand, the second stops at once: every file is whole at any moment."""

    def interrupted(signum: int, frame: FrameType | None) -> None:
        # os.write: print() may be what this signal interrupts.
        if not stop.finishing():
            stop.finish_batch()
            os.write(2, b"\nmqwen: finishing the pictures in hand; Ctrl+C again stops at once\n")
            return
        stop.stop_now()
        os.write(2, b"\nmqwen: stopped; what was written is kept\n")
        os._exit(130)

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        if not stop.finishing():  # else the process is about to end: a Ctrl+C now has nothing left to break off
            signal.signal(signal.SIGINT, before)


def _targets(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in TARGETS:
            raise argparse.ArgumentTypeError(f"cannot write {name!r}: take any of {', '.join(TARGETS)}")
    return names


def _batch_size(text: str) -> int | Literal["auto"]:
    return "auto" if text == "auto" else positive(text)
