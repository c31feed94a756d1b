"""Runs a regular expression in a process of its own; see mqwen.library.timed_regex. Imports nothing of MQwen."""

from __future__ import annotations

import json
import re
import sys


def main() -> None:
    """Read the expression, then texts, one JSON value a line; write each text with its hits replaced."""
    source, flags, by = json.loads(sys.stdin.readline())
    pattern = re.compile(source, flags)
    for line in sys.stdin:
        print(json.dumps(pattern.sub(by, json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
