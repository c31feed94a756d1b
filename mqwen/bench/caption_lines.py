"""The figures of `mqwen bench caption` in words."""

from __future__ import annotations

from typing import Any


def lines_of(figures: dict[str, Any]) -> list[str]:
    """Return the figures as people read them."""
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
    if "questions" in figures:
        asked = figures["questions"]
        lines.append(f"caption, keywords and alt text at one look: {_spread(asked['together_s'])} s an image")
        lines.append(f"in three runs: {_spread(asked['apart_s'])} s an image, ratio {_spread(asked['ratio'])}")
        return lines
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
            f"the limit at {limit['operations_per_second'] / 1e12:.3g} TFLOP/s and "
            f"{limit['bytes_per_second'] / 1e12:.3g} TB/s: {limit['images_per_second']:.4g} images/s, "
            f"{100 * limit['share_reached']:.0f} % reached"
        )
    return lines


def _spread(values: dict[str, float]) -> str:
    return f"{values['median']:.3g} ({values['min']:.3g} to {values['max']:.3g})"
