"""One run's part of the catalog: what it knows of photos, and every change before it is made."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

from mqwen.engine.caption import Caption
from mqwen.errors import DiskFullError, ImageError, InputError, MqwenError, WriteError
from mqwen.library.catalog import Catalog, catalog_path
from mqwen.library.compose import Words
from mqwen.library.decide import NOTHING_KNOWN, Known
from mqwen.library.fingerprint import fingerprint, model_fingerprint
from mqwen.library.heal import heal, take_back
from mqwen.library.photo_update import photo_update
from mqwen.library.records import Photo, PhotoUpdate
from mqwen.library.targets import field_of
from mqwen.library.writing import Writing
from mqwen.run_settings import RunSettings

# Modes in which what stands beside a photo does not tell whether this run has dealt with it.
_NEED_MEMORY = ("overwrite", "append", "overwrite-all")
# Of the settings, what makes no difference to what a run leaves behind.
_INDIFFERENT = ("batch_size", "dry_run")
_NAMELESS = "MQwen"  # a caller's own captioner, of which nothing is known
_MOST_ROOTS = 100  # the window gives photos one by one: a run's entry names their folders instead


class Record:
    """A run's entry in the catalog, made when it first has something to say. Thread-safe; use it in a `with`.

    Attributes:
        run: its number, None as long as it has written nothing.
        model: what the model is called.
    """

    run: int | None = None

    def __init__(
        self,
        catalog: Catalog | None,
        settings: RunSettings,
        paths: Sequence[Path | str],
        model: str,
        *,
        writes: bool,
    ) -> None:
        self._catalog = catalog
        self._settings = settings
        self._writes = writes
        self.model = Path(model).name or _NAMELESS
        self._fingerprint = fingerprint(settings, model_fingerprint(model) if model else "")
        roots = [os.path.abspath(path) for path in paths]
        if len(roots) > _MOST_ROOTS:
            self._roots = sorted({os.path.dirname(root) for root in roots})
        else:
            self._roots = roots
        deciding = {name: value for name, value in asdict(settings).items() if name not in _INDIFFERENT}
        key = json.dumps([deciding, self._fingerprint, sorted(roots)], sort_keys=True)
        self._key = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        self._earlier = self._interrupted()
        self._begun: dict[Path, tuple[int, ...]] = {}
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    # What is known.

    def known(self, photo: Path) -> Known:
        """Return what the catalog knows of a photo; the file is read if it was changed or moved."""
        found = self._observed(photo)
        if found is None:
            return NOTHING_KNOWN
        fresh = found.fingerprint == self._fingerprint and not found.pixels_changed
        return Known(found.written, fresh)

    def holds_persons_words(self, photo: Path, *, look: bool) -> bool:
        """Say whether the catalog has words of a person where this run would put a model's.

        Args:
            look: also where the file was renamed since it was seen, for which it must be read.
        """
        found = self._observed(photo) if look else self._catalog.photo(photo) if self._catalog else None
        if self._catalog is None or found is None:
            return False
        languages = {"", "" if self._settings.prompt else self._settings.language}
        return self._catalog.is_persons(found, field_of(self._settings.style), languages)

    def did(self, photo: Path) -> bool:
        """Say whether this very run had captioned a photo before it was interrupted, and the photo is the same."""
        if self._catalog is None or not self._earlier:
            return False
        found = self._catalog.photo(photo)
        if found is None or found.run not in self._earlier or found.state != "captioned":
            return False
        return _signature(photo) == (found.size, found.mtime_ns, found.inode)

    def wrote(self, photo: Path, target: str) -> bool:
        """Say whether a target was written for a photo whose file is as it was then; nothing is read."""
        found = self._catalog.photo(photo) if self._catalog else None
        if found is None or target not in found.written:
            return False
        return _signature(photo) == (found.size, found.mtime_ns, found.inode)

    def begin(self, photo: Path) -> None:
        """Remember what a photo's file is while the model looks at it."""
        with self._lock:
            self._begun[photo] = _signature(photo)

    def is_same(self, photo: Path) -> Callable[[], bool]:
        """Return what says whether the file is still the picture that begin() saw; metadata may have changed."""
        with self._lock:
            before = self._begun.pop(photo, None)
        return lambda: before is None or before == _signature(photo) or self._has_same_pixels(photo, before)

    def _has_same_pixels(self, photo: Path, before: tuple[int, ...]) -> bool:
        known = self._catalog.photo(photo) if self._catalog else None
        if known is None or before != (known.size, known.mtime_ns, known.inode):
            return False
        now = self._observed(photo)
        return now is not None and now.identity == known.identity

    # What is written.

    def update_of(self, photo: Path, words: Words, caption: Caption, written: Mapping[str, str]) -> PhotoUpdate:
        """Return what there is to note of a photo that gets these words.

        Args:
            written: by target, the digest of the text that is then all ours.
        """
        return photo_update(
            photo,
            self._settings.style,
            "" if self._settings.prompt else self._settings.language,
            words.text,
            words.keywords,
            model=self.model,
            fingerprint=self._fingerprint,
            logprob=caption.logprob,
            finish_reason=caption.finish_reason,
            written=written,
        )

    def write(
        self, writings: Sequence[Writing], update: PhotoUpdate, lost: Callable[[], ImageError | None] | None = None
    ) -> list[MqwenError]:
        """Make the changes of one photo, each noted first; return what went wrong with some of them.

        Args:
            lost: says, once all is written, whether the photo went away meanwhile; then nothing stays.

        Raises:
            ImageError: what `lost` said.
            DiskFullError: no space for one of them; those before it are taken back, so that the photo is as it was.
            CatalogError: they cannot be noted; the same.
        """
        catalog, run = self._writable()
        changes = catalog.intend_all(
            run, update.path, [(one.target, one.file, one.before, one.after_sha256) for one in writings]
        )
        made: dict[int, Writing] = {}
        errors: list[MqwenError] = []
        for change, writing in zip(changes, writings, strict=True):
            try:
                writing.make()
                made[change] = writing
            except DiskFullError:
                _take_back(catalog, changes, made.values())
                raise
            except (WriteError, InputError) as error:
                catalog.forget(change)
                errors.append(error)
        if lost is not None and (gone := lost()) is not None:
            _take_back(catalog, list(made), made.values())
            raise gone
        if errors:
            update = replace(update, state="failed", reason=errors[0].what)
            if not made:  # words that stand nowhere would be found, and shown, as the photo's
                update = PhotoUpdate(update.path, state="failed", reason=update.reason)
        catalog.confirm(*made, photo=replace(update, run=run))
        self._count("failed" if errors else "captioned")
        return errors

    def failed(self, photo: Path, reason: str) -> None:
        """Note that a photo has no caption, and why."""
        if self._catalog is None or not self._writes:
            return
        catalog, run = self._writable()
        self._count("failed")
        with suppress(ImageError):  # a file that cannot even be looked at has no entry
            catalog.update(PhotoUpdate(photo, state="failed", run=run, reason=reason))

    def end(self, status: str) -> None:
        """Note how the run ended: "done", "stopped" or "failed"."""
        if self._catalog is not None and self.run is not None:
            self._catalog.end_run(self.run, status, dict(self._counts))

    def seconds_per_photo(self) -> float | None:
        """Return what a photo took in the last run with this model that captioned some; None without one."""
        for run in self._catalog.runs() if self._catalog else []:
            captioned = run.counts.get("captioned", 0)
            if captioned and run.ended and run.settings.get("model") == self.model:
                return (run.ended - run.started) / captioned
        return None

    def _writable(self) -> tuple[Catalog, int]:
        if self._catalog is None or not self._writes:
            raise ValueError("this run writes nothing")
        with self._lock:
            if self.run is None:
                about = {
                    **asdict(self._settings),
                    "model": self.model,
                    "fingerprint": self._fingerprint,
                    "key": self._key,
                    "continues": sorted(self._earlier),
                }
                self.run = self._catalog.begin_run(about, self._roots)
            return self._catalog, self.run

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1

    def _observed(self, photo: Path) -> Photo | None:
        if self._catalog is None:
            return None
        try:
            return self._catalog.observe(photo)
        except ImageError:
            return None

    def _interrupted(self) -> frozenset[int]:
        """Return the last run of these settings over these paths, and those that it continued, if it did not end."""
        if self._catalog is None or self._settings.existing not in _NEED_MEMORY:
            return frozenset()
        for run in self._catalog.runs():
            if run.settings.get("key") == self._key:
                if run.status in ("done", "running"):
                    return frozenset()
                continued = run.settings.get("continues")
                return frozenset({run.id, *(continued if isinstance(continued, list) else ())})
        return frozenset()


@contextmanager
def recording(
    catalog: Catalog | None,
    settings: RunSettings,
    paths: Sequence[Path | str],
    model: str,
    *,
    writes: bool,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Record]:
    """Open a run's Record, after healing what killed runs left; it ends with the block.

    Args:
        catalog: None opens the user's own.
        model: name or folder.
        writes: files will be written: then there must be a catalog. Else the record only knows things, and knows
            nothing where there is no catalog.
        stopped: asked at the end.

    Raises:
        CatalogError, DiskFullError: it cannot be opened.
    """
    with ExitStack() as stack:
        if catalog is None and settings.writes() and (writes or os.path.exists(catalog_path())):
            try:
                catalog = stack.enter_context(Catalog())
            except MqwenError:
                if writes:
                    raise
        if catalog is not None and writes:
            heal(catalog)
        record = Record(catalog, settings, paths, model, writes=writes)
        try:
            yield record
        except BaseException as error:
            with suppress(MqwenError):
                record.end("stopped" if isinstance(error, GeneratorExit) else "failed")
            raise
        record.end("stopped" if stopped() else "done")


def _take_back(catalog: Catalog, changes: Sequence[int], made: Iterable[Writing]) -> None:
    for writing in made:
        if writing.unmake is not None:
            with suppress(MqwenError):  # what it could not put back, heal() does
                writing.unmake()
    take_back(catalog, changes)


def _signature(photo: Path) -> tuple[int, ...]:
    try:
        found = os.stat(photo)
    except (OSError, ValueError):
        return ()
    return found.st_size, found.st_mtime_ns, found.st_ino
