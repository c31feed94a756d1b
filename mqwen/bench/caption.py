"""`mqwen bench caption`: pictures a second, end to end and by stage, beside what others do with the same model.

Engine and peers take turns in one process, several rounds, so that what else the machine does meets them alike; a
ratio is of one round. The peers are transformers' generate() with pictures decoded and processed on the same thread,
one picture at a time ("peer") and sixteen ("batch16").
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqwen.cli.options import add_quantize_option, positive
from mqwen.errors import InputError

if TYPE_CHECKING:
    from mqwen.bench.caption_peers import Peer
    from mqwen.engine.captioner import Captioner
    from mqwen.engine.device import Plan

_SHAPES = ("clip-l+qwen2-0.5b", "clip-l+qwen2-7b", "clip-l+qwen-7b", "tiny")
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
    parser.add_argument("--stage", choices=("pixels",), help="measure this alone: JPEG to pixels, without a model")
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
        figures = _pixels(Path(folder), arguments) if arguments.stage else measure(Path(folder), arguments)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for line in _lines(figures):
            print(line)
    return 0


def measure(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the figures of engine and peers.

    Raises:
        DeviceError: the model does not run here as asked for.
        CheckpointError, InputError: there is no such model.
    """
    from mqwen.bench.caption_photos import make_photos, spread_of
    from mqwen.bench.caption_stages import Engine
    from mqwen.engine import device as devices

    if arguments.megapixels <= 0:
        raise InputError(f"photos of {arguments.megapixels} megapixels cannot be made")
    _limit_card(arguments)
    plan = devices.plan_for(_report(arguments), arguments.device, quantize=arguments.quantize)
    _say(f"{arguments.model or arguments.shape} on {plan.describe()}")
    (folder / "photos").mkdir()
    photos = make_photos(folder / "photos", arguments.images, arguments.megapixels)
    captioner = _captioner(arguments, plan, folder)
    batch = arguments.batch_size or devices.auto_batch_size(captioner._loaded(), plan, arguments.tokens)
    engine = Engine(captioner, photos, batch=batch, tokens=arguments.tokens)
    # Peers that fit beside the engine take turns with it, others come after it.
    beside = arguments.baseline and not plan.offload and not arguments.card_memory
    peers = _peers(arguments, captioner, folder) if beside else {}
    _say("warming up")
    engine.images_per_second()
    paces: dict[str, list[float]] = {"engine": [], **{name: [] for name in peers}}
    for number in range(arguments.rounds):
        for name, peer in peers.items():
            paces[name].append(peer.images_per_second(photos[: _PEER_PHOTOS if name == "peer" else _PEER_BATCH]))
        paces["engine"].append(engine.images_per_second())
        _say(f"round {number + 1}: " + ", ".join(f"{name} {pace[-1]:.3g} images/s" for name, pace in paces.items()))
    figures: dict[str, Any] = {
        "model": arguments.model or arguments.shape,
        "plan": plan.describe(),
        "images": len(photos),
        "megapixels": arguments.megapixels,
        "tokens": arguments.tokens,
        "batch_size": batch,
        "stages": engine.stages(),
    }
    if plan.device.type == "cuda":
        figures["card"] = engine.card()
        figures["limit"] = _limit(captioner, plan, batch, arguments.tokens)
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


def _pixels(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    from mqwen.bench.caption_photos import pixel_rows

    sizes = (12.0, 24.0) if arguments.megapixels == 12 else (arguments.megapixels,)
    return {"pixels": pixel_rows(folder, arguments.rounds, sizes)}


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


def _peers(arguments: argparse.Namespace, captioner: Captioner, folder: Path) -> dict[str, Peer]:
    """The peers, on the engine's own weights where those are in full precision."""
    from mqwen.bench.caption_peers import Peer

    plan, full = captioner.plan, captioner
    if plan.quantize != "none" or plan.offload:
        full = _captioner(arguments, _full_plan(arguments, plan), folder)
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
    peers = _peers(arguments, full, folder)
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


def _limit_card(arguments: argparse.Namespace) -> None:
    if arguments.card_memory is None:
        return
    import torch

    if not torch.cuda.is_available():
        raise InputError("--card-memory is for CUDA cards", hint="Leave it out.")
    total = torch.cuda.mem_get_info()[1]
    torch.cuda.set_per_process_memory_fraction(min(1.0, arguments.card_memory * 1e9 / total))


def _lines(figures: dict[str, Any]) -> list[str]:
    """The figures as people read them."""
    if "pixels" in figures:
        return [
            f"{row['megapixels']:g} MP: {row['ours_ms']['median']:.1f} ms, whole decode {row['peer_ms']['median']:.1f} "
            f"ms, ratio {_spread(row['ratio'])}, mean difference {row['mean_difference_of_255']:.2f} of 255"
            for row in figures["pixels"]
        ]
    lines = [f"{figures['model']} on {figures['plan']}"]
    lines.append(
        f"{figures['images']} photos of {figures['megapixels']:g} MP, {figures['tokens']} tokens, "
        f"{figures['batch_size']} slots"
    )
    lines += [f"{name}: {_spread(pace)} images/s" for name, pace in figures["images_per_second"].items()]
    turns = "" if figures["interleaved"] else " (measured one after the other)"
    lines += [f"engine / {name}: {_spread(ratio)}{turns}" for name, ratio in figures["ratio"].items()]
    lines += [f"  {name.removesuffix('_ms').replace('_', ' ')}: {ms:.2f} ms" for name, ms in figures["stages"].items()]
    if "card" in figures:
        lines.append(f"the card is idle {100 * figures['card']['idle_share']:.0f} % of a run")
        lines += [f"  {100 * kernel['share']:.1f} % {kernel['name'][:90]}" for kernel in figures["card"]["kernels"]]
    if "limit" in figures:
        limit = figures["limit"]
        lines.append(
            f"the limit at {limit['operations_per_second'] / 1e12:.0f} TFLOP/s and "
            f"{limit['bytes_per_second'] / 1e12:.2f} TB/s: {limit['images_per_second']:.4g} images/s, "
            f"{100 * limit['share_reached']:.0f} % reached"
        )
    return lines


def _spread(values: dict[str, float]) -> str:
    return f"{values['median']:.3g} ({values['min']:.3g} to {values['max']:.3g})"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
