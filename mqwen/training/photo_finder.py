"""Where the photos are that a data file names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from mqwen.errors import ImageError
from mqwen.library.scan import scan

# LLaVA's files name COCO's photos as COCO 2017 does; the folder of 2014 has the same photos under longer names.
_PREFIXES = ("", "COCO_train2014_", "COCO_val2014_")


class PhotoFinder:
    """Finds photos by the names in data files: as a path from one of the folders, else anywhere below them by name.

    Args:
        folders: where to look, in this order.
        photos: those below `folders` that are known already; otherwise the folders are read when they must be.
    """

    def __init__(self, folders: Sequence[Path], photos: Iterable[Path] = ()) -> None:
        self._folders = [Path(folder) for folder in folders]
        self._known = list(photos)
        self._by_name: dict[str, list[Path]] | None = None

    def find(self, name: str, *, beside: Path) -> Path:
        """Return the photo that a data file in the folder `beside` calls `name`.

        Raises:
            ImageError: there is none, or several files below the folders have this name.
        """
        for folder in dict.fromkeys((beside, *self._folders)):
            try:
                if (path := folder / name).is_file():
                    return Path(os.path.abspath(path))  # as scan() spells it: one photo has one name
            except (OSError, ValueError):  # a name that no file can have
                continue
        if self._by_name is None:
            self._by_name = {}
            for photo in dict.fromkeys((*self._known, *scan(self._folders))):
                self._by_name.setdefault(photo.name, []).append(photo)
        last = name.replace("\\", "/").rpartition("/")[2]
        for prefix in _PREFIXES:
            paths = self._by_name.get(prefix + last, [])
            if len(paths) == 1:
                return paths[0]
            if paths:
                raise ImageError(
                    f"{len(paths)} photos are called {last}", hint="Name it with its folder in the data file."
                )
        looked = ", ".join(str(folder) for folder in self._folders)
        raise ImageError(
            f"the photo {name} is missing", hint=f"Copy it below {looked}, or name its folder with --images."
        )
