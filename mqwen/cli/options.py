"""Options that several commands share."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from mqwen.run import SEEDS

if TYPE_CHECKING:
    from mqwen.engine.captioner import Captioner
    from mqwen.engine.pool import CaptionerPool


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """--model and --device."""
    parser.add_argument(
        "--model",
        default="starter",
        help="a model folder or the name of an installed model (default: starter, a small model of drawings)",
    )
    parser.add_argument("--device", default="auto", metavar="auto|cuda[:N]|cpu", help="where to run (default: auto)")


def add_quantize_option(parser: argparse.ArgumentParser) -> None:
    """--quantize."""
    parser.add_argument(
        "--quantize",
        choices=("none", "int8", "nf4"),
        help="weights in 8 bits (faster on processors with VNNI), in 4 (CUDA only), or as they are; by default they "
        "are as they are wherever the memory suffices",
    )


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """--max-new-tokens, --temperature and --seed."""
    parser.add_argument(
        "--max-new-tokens", type=positive, default=256, metavar="N", help="the longest answer (default: 256)"
    )
    parser.add_argument(
        "--temperature",
        type=temperature,
        default=0.0,
        metavar="T",
        help="0 is the likeliest answer, 1 a varied one (default: 0)",
    )
    parser.add_argument("--seed", type=seed, metavar="N", help="with a temperature: the same seed, the same answer")


def some_path(text: str) -> Path:
    """argparse type: a path; "" is none, though it stands for the current folder: an unset variable left it."""
    if not text.strip():
        raise argparse.ArgumentTypeError("a path is empty")
    return Path(text)


def positive(text: str) -> int:
    """argparse type: a whole number from 1."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def temperature(text: str) -> float:
    """argparse type: a finite number from 0."""
    number = float(text)
    if not 0 <= number < math.inf:
        raise ValueError(text)
    return number


def seed(text: str) -> int:
    """argparse type: a whole number from 0 that fits into 64 bits."""
    number = int(text)
    if number not in SEEDS:
        raise argparse.ArgumentTypeError(f"it must be a whole number from 0 to {SEEDS[-1]}, not {text}")
    return number


def starter_notice(captioner: Captioner | CaptionerPool) -> str:
    """Return the line that says what the starter model cannot do, empty for other models.

    It is said whatever the picture is: a test that tells drawings from photographs would itself be wrong at times.
    """
    if not captioner.is_starter:
        return ""
    return (
        "the starter model knows drawings only, its captions of photographs are guesses; for photographs give a real "
        "model: --model FOLDER, see `mqwen models --help`"
    )
