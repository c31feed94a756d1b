"""`mqwen bench caption`: pictures a second, end to end and by stage, beside what others do with the same model.

Engine and peers take turns in one process, several rounds, so that what else the machine does meets them alike; a
ratio is of one round. The peers are transformers' generate() with pictures decoded and processed on the same thread,
one picture at a time ("peer") and sixteen ("batch16"). Questions are measured against the engine itself.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqwen.bench.caption_lines import lines_of
from mqwen.cli.options import add_quantize_option, positive
from mqwen.errors import DeviceError, InputError

if TYPE_CHECKING:
    from mqwen.bench.caption_peers import Peer
    from mqwen.bench.caption_stages import Engine
    from mqwen.engine.captioner import Captioner
    from mqwen.engine.device import Plan

_SHAPES = ("clip-l+qwen2-0.5b", "clip-l+qwen2-7b", "clip-l+qwen-7b", "tiny")
_STAGE_HELP = (
    "measure this alone: JPEG to pixels, without a model; or caption, keywords and alt text at one look at each photo, "
    "against a run for each"
)
_PEER_BATCH = 16
_PEER_PHOTOS = 4  # the one-at-a-time loop is slow, and its pace does not depend on their number


def add_parser(commands: Any) -> None:
    """Add the benchmark to the parser of `mqwen bench`."""
    parser = commands.add_parser(
        "caption",
        help="pictures a second, with a model",
        description="Caption photos that are made for it in a temporary folder, and tell how many a second. Every "
        "caption is made as long as --tokens says.",
    )
    model = parser.add_mutually_exclusive_group()
    model.add_argument("--model", help="a model folder or the name of an installed model")
    model.add_argument(
        "--shape", choices=_SHAPES, default=_SHAPES[0], help=f"random weights of a real shape (default: {_SHAPES[0]})"
    )
    parser.add_argument("--device", default="auto", metavar="auto|cuda[:N]|cpu", help="where to run (default: auto)")
    add_quantize_option(parser)
    parser.add_argument("--baseline", action="store_true", help="measure the peers as well, in full precision")
    parser.add_argument("--stage", choices=("pixels", "questions"), help=_STAGE_HELP)
    parser.add_argument("--images", type=positive, default=32, metavar="N", help="photos a round (default: 32)")
    parser.add_argument("--megapixels", type=float, default=12.0, metavar="MP", help="their size (default: 12)")
    parser.add_argument("--tokens", type=positive, default=48, metavar="N", help="of each caption (default: 48)")
    parser.add_argument("--batch-size", type=positive, metavar="N", help="slots (default: what the memory allows)")
    parser.add_argument("--rounds", type=positive, default=3, metavar="N", help="(default: 3)")
    parser.add_argument("--card-memory", type=float, metavar="GB", help="as if the card had no more")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print the figures, return 0."""
    with tempfile.TemporaryDirectory(prefix="mqwen-bench-") as folder:
        figures = _STAGES.get(arguments.stage, measure)(Path(folder), arguments)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for line in lines_of(figures):
            print(line)
    return 0


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of engine and peers.

    Raises:
        DeviceError: the model does not run here as asked for.
        CheckpointError, InputError: there is no such model.
    """
    from mqwen.bench.caption_photos import spread_of

    engine, photos, figures = _engine(folder, arguments)
    captioner = engine.captioner
    plan = captioner.plan
    # Peers that fit beside the engine take turns with it, others come after it.
    beside = arguments.baseline and not plan.offload and not arguments.card_memory
    peers: dict[str, Peer] = {}
    if beside:
        try:
            peers = _peers(arguments, _in_full(arguments, captioner, folder))
        except DeviceError:
            beside = False
    _say("warming up")
    engine.images_per_second()
    paces: dict[str, list[float]] = {"engine": [], **{name: [] for name in peers}}
    for number in range(arguments.rounds):
        for name, peer in peers.items():
            paces[name].append(peer.images_per_second(photos[: _PEER_PHOTOS if name == "peer" else _PEER_BATCH]))
        paces["engine"].append(engine.images_per_second())
        _say(f"round {number + 1}: " + ", ".join(f"{name} {pace[-1]:.3g} images/s" for name, pace in paces.items()))
    figures["stages"] = engine.stages()
    if plan.device.type == "cuda":
        figures["card"] = engine.card()
    if plan.device.type == "cuda" or (plan.dtype.itemsize == 4 and plan.quantize == "none"):
        figures["limit"] = _limit(captioner, plan, figures["batch_size"], arguments.tokens)
    if arguments.baseline and not beside:
        paces |= _afterwards(arguments, captioner, folder, photos)
    figures["images_per_second"] = {name: spread_of(pace) for name, pace in paces.items()}
    figures["ratio"] = {
        name: spread_of([ours / theirs for ours, theirs in zip(paces["engine"], pace, strict=True)])
        for name, pace in paces.items()
        if name != "engine"
    }
    figures["interleaved"] = bool(beside)
    if "limit" in figures:
        pace = figures["images_per_second"]["engine"]["median"]
        figures["limit"]["share_reached"] = pace / figures["limit"]["images_per_second"]
    captioner.unload()
    return figures


def _engine(folder: Path, arguments: argparse.Namespace) -> tuple[Engine, list[Path], dict[str, Any]]:
    """Return what is measured, its photos, and what is known before the first round."""
    from mqwen.bench.caption_photos import make_photos
    from mqwen.bench.caption_stages import Engine
    from mqwen.engine import device as devices

    if arguments.megapixels <= 0:
        raise InputError(f"photos of {arguments.megapixels} megapixels cannot be made")
    _limit_cards(arguments)
    plan = devices.plan_for(_report(arguments), arguments.device, quantize=arguments.quantize)
    _say(f"{arguments.model or arguments.shape} on {plan.describe()}")
    (folder / "photos").mkdir()
    photos = make_photos(folder / "photos", arguments.images, arguments.megapixels)
    captioner = _captioner(arguments, plan, folder)
    batch = arguments.batch_size or devices.auto_batch_size(captioner._loaded(), plan, arguments.tokens)
    known = {
        "model": arguments.model or arguments.shape,
        "plan": plan.describe(),
        "images": len(photos),
        "megapixels": arguments.megapixels,
        "tokens": arguments.tokens,
        "batch_size": batch,
    }
    return Engine(captioner, photos, batch=batch, tokens=arguments.tokens), photos, known


def _questions(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Caption, keywords and alt text: asked at one look, and in a run for each."""
    from mqwen.bench.caption_photos import spread_of
    from mqwen.engine.request import Question

    engine, photos, figures = _engine(folder, arguments)
    asked = [Question(style=style) for style in ("brief", "keywords", "alt")]
    _say("warming up")
    engine.seconds_asking(asked)
    together, apart = [], []
    for number in range(arguments.rounds):
        apart.append(sum(engine.seconds_asking([one]) for one in asked) / len(photos))
        together.append(engine.seconds_asking(asked) / len(photos))
        _say(f"round {number + 1}: at one look {together[-1]:.3g} s an image, in three runs {apart[-1]:.3g}")
    engine.captioner.unload()
    figures["questions"] = {
        "together_s": spread_of(together),
        "apart_s": spread_of(apart),
        "ratio": spread_of([three / one for three, one in zip(apart, together, strict=True)]),
    }
    return figures


def _pixels(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    from mqwen.bench.caption_photos import pixel_rows

    sizes = (12.0, 24.0) if arguments.megapixels == 12 else (arguments.megapixels,)
    return {"pixels": pixel_rows(folder, arguments.rounds, sizes)}


_STAGES = {"pixels": _pixels, "questions": _questions}


def _report(arguments: argparse.Namespace) -> Any:
    from mqwen.bench.caption_shapes import shape_report
    from mqwen.hub import find_model
    from mqwen.model.checkpoint import inspect_checkpoint

    return inspect_checkpoint(find_model(arguments.model)) if arguments.model else shape_report(arguments.shape)


def _captioner(arguments: argparse.Namespace, plan: Plan, folder: Path) -> Captioner:
    """Return a loaded model that ends no caption by itself: all are of one length."""
    from mqwen.bench.caption_shapes import shaped_captioner
    from mqwen.engine.captioner import Captioner

    if arguments.model:
        captioner = Captioner.load(arguments.model, plan=plan)
    else:
        (folder / "model").mkdir(exist_ok=True)
        captioner = shaped_captioner(arguments.shape, plan, folder / "model")
    captioner.processor.stop_ids = ()
    return captioner


def _in_full(arguments: argparse.Namespace, captioner: Captioner, folder: Path) -> Captioner:
    """The model as peers have it: the engine's own where it leaves its weights as they are, on a card; else another."""
    plan = captioner.plan
    if plan.quantize == "none" and plan.device.type == "cuda":
        return captioner
    return _captioner(arguments, _full_plan(arguments, plan), folder)


def _peers(arguments: argparse.Namespace, full: Captioner) -> dict[str, Peer]:
    from mqwen.bench.caption_peers import Peer

    return {
        name: Peer(full._loaded(), full.processor, full.folder, full.plan.device, batch=batch, tokens=arguments.tokens)
        for name, batch in (("peer", 1), ("batch16", _PEER_BATCH))
    }


def _full_plan(arguments: argparse.Namespace, plan: Plan) -> Plan:
    """Return how others would run the model here: in full precision, by accelerate where it does not fit."""
    from dataclasses import replace

    from mqwen.engine import device as devices

    full = devices.plan_for(_report(arguments), str(plan.device), plan.dtype, "none")
    return replace(full, streamed=False)


def _afterwards(
    arguments: argparse.Namespace, captioner: Captioner, folder: Path, photos: list[Path]
) -> dict[str, list[float]]:
    """Measure the peers in the memory that the engine gives back."""
    plan = captioner.plan
    captioner.unload()
    full = _captioner(arguments, _full_plan(arguments, plan), folder)
    _say(f"peers on {full.plan.describe()}")
    peers = _peers(arguments, full)
    paces: dict[str, list[float]] = {name: [] for name in peers}
    for _ in range(arguments.rounds):
        for name, peer in peers.items():
            paces[name].append(peer.images_per_second(photos[: 1 if name == "peer" else _PEER_BATCH]))
    full.unload()
    return paces


def _limit(captioner: Captioner, plan: Plan, batch: int, tokens: int) -> dict[str, float]:
    from mqwen.bench.caption_shapes import weights_of
    from mqwen.bench.roofline import images_per_second, measured_limits
    from mqwen.engine.prompts import prompt_for
    from mqwen.model.processor import Message

    config: Any = captioner._loaded().config
    ids = captioner.processor.encode([Message("user", prompt_for("brief", "en"), images=1)])
    operations, bandwidth = measured_limits(plan.device, plan.dtype)
    pace = images_per_second(
        config,
        weights_of(config),
        prompt=len(ids) - 1 + config.image_tokens,
        tokens=tokens,
        batch=batch,
        operations=operations,
        bandwidth=bandwidth,
        weight_bytes={"none": plan.dtype.itemsize, "int8": 1, "nf4": 0.5625}[plan.quantize],
        kv_bytes=plan.dtype.itemsize,
    )
    return {"images_per_second": pace, "operations_per_second": operations, "bytes_per_second": bandwidth}


def _limit_cards(arguments: argparse.Namespace) -> None:
    if arguments.card_memory is None:
        return
    import torch

    if not torch.cuda.is_available():
        raise InputError("--card-memory is for CUDA cards", hint="Leave it out.")
    for card in range(torch.cuda.device_count()):  # --device, or what is free, decides later which one it will be
        total = torch.cuda.mem_get_info(card)[1]
        torch.cuda.set_per_process_memory_fraction(min(1.0, arguments.card_memory * 1e9 / total), card)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
