"""What the window says of a model: what it is good for, whether it fits this machine, how far its download is."""

from __future__ import annotations

from PySide6.QtCore import QLocale, QObject

from desktop.listed import listed
from desktop.model_work import Row
from desktop.reasons import shown
from mqwen.hub import STARTER
from mqwen.hub.machine import Machine
from mqwen.hub.meter import DownloadState
from mqwen.hub.remote import Offer

# Of main memory, what a model may take whose layers visit the card one after the other.
_STREAMED_SHARE = 0.6


class ModelWords(QObject):
    """Plain words in the window's language."""

    def about(self, row: Row) -> str:
        """Say what a model is good for."""
        texts = {
            "starter": self.tr("Comes with MQwen. It knows drawings only: for a first try, not for photographs."),
            "llava-qwen1.5-4b": self.tr("For photographs; captions and answers in Chinese and English."),
            "vqwen3-4b": self.tr("For photographs; the newest language model of this list."),
            "llava-qwen2-7b-chinese-clip": self.tr("For photographs; its vision tower was trained on Chinese texts."),
            "long-llava-qwen2-7b": self.tr("For photographs; large batches, because its cache is small."),
            "llava-interleave-0.5b": self.tr("For photographs on a small machine. Its licence allows research only."),
            "original": self.tr(
                "The original recipe: two public parts, and the adapter folder that your own training left."
            ),
        }
        if row.known is None:
            return self.tr("A model in your folder of models.")
        return texts.get(row.known.name, row.known.about)

    def fit(self, row: Row, machine: Machine | None) -> str:
        """Say whether a model fits this machine, and what it costs if it does not quite."""
        if row.name == STARTER:
            return self.tr("Runs on every machine")
        if machine is None:
            return "…"
        if row.known is None or row.fits == "":
            return self.tr("Not known before it is loaded")
        need, memory = row.known.memory_gb, machine.memory
        if machine.card:
            words = {
                "bf16": self.tr("Fits your graphics card"),
                "int8": self.tr("Fits your graphics card with weights in 8 bits"),
                "nf4": self.tr("Fits your graphics card with weights in 4 bits"),
            }
            if row.fits in words:
                return words[row.fits]
            if need["bf16"] * 1e9 <= memory * _STREAMED_SHARE:
                return self.tr("Larger than your graphics card: runs, but slowly")
            return self.tr("Too large: needs a card with {gigabytes}").format(
                gigabytes=self.size(need["nf4"] * 1e9 / 0.8)
            )
        if row.fits == "fp32":
            return self.tr("Fits; slow, without a graphics card")
        if row.fits == "int8":
            return self.tr("Fits with weights in 8 bits; slow, without a graphics card")
        return self.tr("Too large: needs {needed} of memory").format(needed=self.size(need["int8"] * 1e9 / 0.7))

    def machine(self, machine: Machine) -> str:
        """Say what this machine has."""
        memory = self.size(machine.memory)
        if machine.card:
            text = self.tr("This machine: a graphics card with {card}, and {memory} of main memory.")
            return text.format(card=self.size(machine.card), memory=memory)
        text = self.tr("This machine: {memory} of main memory, no graphics card that can be used.")
        return text.format(memory=memory)

    def state(self, row: Row) -> str:
        """Say whether a model is here."""
        if row.folder is not None:
            return self.tr("here")
        if row.partial:
            return self.tr("{size} have come").format(size=self.size(row.partial))
        return ""

    def to_get(self, row: Row) -> str:
        """Say how large a model is, or its download would be."""
        if row.size:
            return self.size(row.size)
        gigabytes = row.known.download_gb if row.known else None
        return self.size(gigabytes * 1e9) if gigabytes else ""

    def details(self, row: Row) -> list[tuple[str, str]]:
        """Return what is known of a model, as fields and values."""
        known, number = row.known, QLocale()
        fields: list[tuple[str, str]] = []
        if known is not None:
            languages = {"en": self.tr("English"), "zh": self.tr("Chinese")}
            spoken = listed(languages.get(name, name) for name in known.languages)
            fields += [
                (self.tr("Made of"), known.made_of),
                (self.tr("Licence"), known.licence or self.tr("asked before the download")),
                (self.tr("Languages"), spoken or self.tr("not known")),
                (
                    self.tr("Memory"),
                    self.tr("{full} in 16 bits, {eight} in 8, {four} in 4").format(
                        full=self.size(known.memory_gb["bf16"] * 1e9),
                        eight=self.size(known.memory_gb["int8"] * 1e9),
                        four=self.size(known.memory_gb["nf4"] * 1e9),
                    ),
                ),
                (self.tr("Weights"), number.toString(known.parameters)),
            ]
        if row.folder is not None:
            fields.append((self.tr("Folder"), str(row.folder)))
        return fields

    def progress(self, told: object) -> tuple[str, float | None]:
        """Say how far a task is, and as a share of 1, None where that is not known."""
        if isinstance(told, DownloadState):
            share = told.done / max(1, told.total)
            if told.phase == "waiting":
                return self.tr("Waiting: {reason}").format(reason=shown(told.note)), share
            if told.phase == "checking":
                return self.tr("Checking {file}").format(file=told.file), share
            text = self.tr("{done} of {total}").format(done=self.size(told.done), total=self.size(told.total))
            if told.seconds_left is not None:
                speed = self.tr("{size}/s").format(size=self.size(told.speed))
                text = f"{text}, {speed}, {self.time_left(told.seconds_left)}"
            return text, share
        if isinstance(told, tuple):
            done, total = told
            text = self.tr("{done} of {total}").format(done=self.size(done), total=self.size(total))
            return text, done / max(1, total)
        return shown(str(told)), None

    def offer(self, offers: list[Offer]) -> str:
        """Say what a download would bring."""
        lines = []
        for offer in offers:
            text = self.tr("{name}: {size}, licence: {licence}")
            licence = offer.licence or self.tr("its page names none")
            lines.append(text.format(name=offer.hub_id, size=self.size(offer.download_bytes), licence=licence))
        return "\n".join(lines)

    def time_left(self, seconds: float) -> str:
        """Say how long something takes yet."""
        if seconds < 60:
            return self.tr("less than a minute left")
        minutes = round(seconds / 60)
        if minutes < 60:
            return self.tr("%n minute(s) left", "", minutes)
        return self.tr("%n hour(s) left", "", round(minutes / 60))

    def size(self, count: float) -> str:
        """Return a number of bytes as people read it."""
        return QLocale().formattedDataSize(int(count), 1, QLocale.DataSizeFormat.DataSizeSIFormat)
