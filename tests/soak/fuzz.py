"""Coverage-guided fuzzing of a container by atheris, where that is installed.

    python -m tests.soak.fuzz jpeg|png|webp|tiff|sidecar CORPUS [libFuzzer's options, -max_total_time=120 say]

For each input: a Refusal, or a file that is proved, with every foreign byte and every pixel as before; and `strip`
takes back what was written. CORPUS is a folder, filled with our samples if it is empty. An input that fails is left in
the current folder.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

atheris: Any = importlib.import_module("atheris")
with atheris.instrument_imports(include=["mqwen.library.metadata"]):
    from mqwen.library.metadata import jpeg, png, tiff, webp, xmp_sidecar
    from mqwen.library.metadata.blocks import Refusal
    from mqwen.library.metadata.fields import Edit, Provenance
    from mqwen.library.metadata.splice import container_of, prove, prove_strip, splice, strip
    from tests.library.metadata.samples import SAMPLES, container, packet, pixels

CONTAINERS = {"jpeg": jpeg, "png": png, "webp": webp, "tiff": tiff}
EDIT = Edit(
    caption="Ein Hündchen 狗 sits",
    language="en",
    keywords=("dog", "狗"),
    alt_text="A dog",
    provenance=Provenance("fuzz", "0" * 16),
    modes={"keywords": "append"},
)


def photo(data: bytes, module: Any) -> None:
    """Write into a photo and compare."""
    try:
        if container_of(data) is not module:
            return
        new = splice(data, EDIT)
        prove(data, new, EDIT)
    except Refusal:
        return
    if module.foreign(new) != module.foreign(data):
        raise AssertionError("a foreign byte is lost")
    stripped = strip(new)  # a Refusal here is a failure, too: what was written must come out again
    prove_strip(new, stripped)
    if module.foreign(stripped) != module.foreign(data):
        raise AssertionError("a foreign byte is lost by strip")
    before = pixels(data, most=100_000)
    if before is not None and pixels(new, most=100_000) != before:
        raise AssertionError("pixels are changed")


def sidecar(data: bytes) -> None:
    """Merge into an XMP sidecar, twice."""
    try:
        new = xmp_sidecar.edit_sidecar(data, EDIT)
        xmp_sidecar.prove_sidecar(data, new, EDIT)
    except Refusal:
        return
    if new is None or xmp_sidecar.edit_sidecar(new, EDIT) != new:
        raise AssertionError("written twice, it differs")
    xmp_sidecar.strip_sidecar(new)


def seeds(name: str) -> list[bytes]:
    """Return samples of one container."""
    if name == "sidecar":
        return [packet(), packet(padding=2000)]
    made = (make() for make in SAMPLES.values())
    return [data for data in made if container(data) is CONTAINERS[name]]


def main() -> None:
    """Fuzz until the options say to stop."""
    name, folder, *options = sys.argv[1:]
    corpus = Path(folder)
    corpus.mkdir(parents=True, exist_ok=True)
    if not any(corpus.iterdir()):
        for number, data in enumerate(seeds(name)):
            (corpus / f"sample-{number}").write_bytes(data)
    one: Callable[[bytes], None] = sidecar if name == "sidecar" else lambda data: photo(data, CONTAINERS[name])
    atheris.Setup([sys.argv[0], folder, *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
