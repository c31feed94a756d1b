"""Bring resources/translations up to date with the texts of desktop/: lupdate, then lrelease.

    python packaging/translations.py [--check]

mqwen_zh_CN.ts holds every text and is edited by hand (or with Qt Linguist); mqwen_en.ts holds the plurals alone. The
app loads the .qm files. --check changes nothing and fails where a text has no translation.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "resources" / "translations"
TOOLS = Path(sys.executable).parent


def main() -> int:
    parser = argparse.ArgumentParser(description="Bring the translations up to date with the texts of desktop/.")
    parser.add_argument("--check", action="store_true", help="change nothing, say what is not translated")
    if parser.parse_args().check:
        with tempfile.TemporaryDirectory() as scratch:
            missing = untranslated(Path(scratch))
        print("\n".join(missing) or "every text is translated")
        return 1 if missing else 0
    for ts, plurals in ((FOLDER / "mqwen_zh_CN.ts", False), (FOLDER / "mqwen_en.ts", True)):
        update(ts, plurals=plurals)
        fresh = ts.with_suffix(".fresh")
        _tool("lrelease", "-silent", str(ts), "-qm", str(fresh))
        fresh.replace(ts.with_suffix(".qm"))  # in its place at once: a window that has the old one mapped would crash
    return 0


def update(ts: Path, *, plurals: bool = False) -> None:
    """Write the texts of desktop/ into a .ts file, which keeps its translations; texts that are gone go."""
    sources = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "desktop").glob("*.py"))
    options = ["-no-obsolete", "-locations", "none", *(["-pluralonly"] if plurals else [])]
    language = "en" if plurals else "zh_CN"
    _tool("lupdate", "-silent", *sources, *options, "-target-language", language, "-ts", str(ts))


def untranslated(scratch: Path) -> list[str]:
    """Return the texts of desktop/ that have no finished translation, as "context: text"."""
    missing = []
    for name, plurals in (("mqwen_zh_CN.ts", False), ("mqwen_en.ts", True)):
        fresh = scratch / name
        fresh.write_bytes((FOLDER / name).read_bytes())
        update(fresh, plurals=plurals)
        for context in ElementTree.parse(fresh).iter("context"):
            for message in context.iter("message"):
                translation = message.find("translation")
                forms = [] if translation is None else (translation.findall("numerusform") or [translation])
                whole = bool(forms) and all(form.text for form in forms)
                if translation is None or translation.get("type") or not whole:
                    missing.append(f"{name}: {context.findtext('name')}: {message.findtext('source')}")
    return missing


def _tool(name: str, *arguments: str) -> None:
    subprocess.run([str(TOOLS / f"pyside6-{name}"), *arguments], cwd=ROOT, check=True, timeout=120)


if __name__ == "__main__":
    raise SystemExit(main())
