"""Which known model suits this machine's memory."""

from __future__ import annotations

from dataclasses import dataclass

from mqwen.hub.known import KnownModel, is_permissive, known_models

# Of a card's or the machine's memory, what weights may take: the rest is for the cache, the system, other programs.
_CARD_SHARE = 0.8
_MEMORY_SHARE = 0.7


@dataclass(frozen=True)
class Machine:
    """Memory in bytes: of the largest card (0: none that torch can use), and main memory."""

    card: int
    memory: int


def this_machine() -> Machine:
    """Return this machine's memory. Imports torch, which alone knows whether it can use a card."""
    import psutil  # type: ignore[import-untyped]
    import torch

    cards = [torch.cuda.mem_get_info(index)[1] for index in range(torch.cuda.device_count())]
    return Machine(card=max(cards, default=0), memory=int(psutil.virtual_memory().total))


def suits(model: KnownModel, machine: Machine) -> str | None:
    """Return the best precision in which a model fits a machine's card or, without a card, its main memory."""
    if machine.card:
        room = machine.card * _CARD_SHARE
        return next((name for name in ("bf16", "int8", "nf4") if model.memory_gb[name] * 1e9 <= room), None)
    room = machine.memory * _MEMORY_SHARE
    # On most processors 16 bits are slower than 32.
    return next((name for name in ("fp32", "int8") if model.memory_gb[name] * 1e9 <= room), None)


def recommended(machine: Machine) -> KnownModel:
    """Return the model to begin with: the largest that fits and needs nothing of the user's own.

    One whose licence is known to allow everything comes before those whose licence has to be looked at; the starter is
    for machines that nothing else fits.
    """
    fitting = [model for model in known_models() if model.kind == "llava" and suits(model, machine)]
    if not fitting:
        return known_models()[0]
    return max(fitting, key=lambda model: (is_permissive(model.licence), model.parameters))
