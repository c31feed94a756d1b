"""Captioner: pictures in, captions out."""

from __future__ import annotations

import gc
import math
import threading
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, overload

import torch
from PIL import Image
from torch import Tensor
from transformers import GenerationConfig

from mqwen.engine import device as devices
from mqwen.engine.caption import Caption
from mqwen.engine.decoder import Decoder
from mqwen.engine.events import Event
from mqwen.engine.flow import Flow, Prepared
from mqwen.engine.lane import Lane
from mqwen.engine.onednn_linear import use_onednn
from mqwen.engine.prompts import prompt_for
from mqwen.engine.request import Look, Prompt, Question, requests_of
from mqwen.engine.sampling import Sampling
from mqwen.engine.scheduler import TOO_LARGE, Allowance, Scheduler
from mqwen.engine.variety import look_at, vision_vector
from mqwen.errors import Cancelled, DeviceError, ImageError, InputError, MqwenError
from mqwen.hub import find_model, is_starter
from mqwen.library.image import Reduced, read_reduced
from mqwen.model.checkpoint import inspect_checkpoint, load_checkpoint
from mqwen.model.processor import Message, MQwenProcessor

if TYPE_CHECKING:
    from mqwen.model.splice import MQwenForConditionalGeneration

Picture: TypeAlias = Path | str | Image.Image | Reduced
Asked: TypeAlias = Callable[[], bool]
Item = TypeVar("Item")
Shown = TypeVar("Shown", bound=Picture)


class Captioner:
    """A loaded model with its processor. Any threads may use it at the same time: they take turns, step by step.

    Options of caption(), caption_many(), events() and ask() beside those named there are the attributes of
    mqwen.engine.sampling.Sampling: max_new_tokens, temperature, top_k, top_p, min_p, repetition_penalty,
    no_repeat_ngram_size, forbidden, begin_with, required, seed.

    Attributes:
        processor: its MQwenProcessor.
        plan: where it runs.
        folder: the model's folder.
        is_starter: it is the starter, a model of drawings.
    """

    def __init__(
        self, model: MQwenForConditionalGeneration, processor: MQwenProcessor, plan: devices.Plan, folder: Path
    ) -> None:
        self._model: MQwenForConditionalGeneration | None = model
        self.processor = processor
        self.plan = plan
        self.folder = folder
        self.is_starter = is_starter(folder)
        self._turn = threading.Lock()
        self._alone = threading.Lock()
        self._pausing = threading.Event()
        self._allowance = Allowance()
        self._decoder: Decoder | None = None
        self._lanes: weakref.WeakSet[Lane] = weakref.WeakSet()
        self._entrance = threading.Lock()  # for a run that begins, from its first look at the model until it is a lane

    @classmethod
    def load(
        cls,
        model: str | Path = "starter",
        *,
        device: str = "auto",
        dtype: torch.dtype | str | None = None,
        quantize: str | None = None,
        plan: devices.Plan | None = None,
        cancelled: Asked | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Captioner:
        """Load a model where it runs best.

        Args:
            model: see mqwen.hub.find_model().
            device: "auto", "cpu", "cuda" or "cuda:N"; see mqwen.engine.device.plan().
            dtype: precision, a torch dtype or its name; None chooses.
            quantize: "none", "int8" or "nf4"; None: as far as the memory demands it.
            plan: all of this at once.
            cancelled: asked after every tensor.
            progress: told the bytes that are loaded and the bytes in all, after every tensor.

        Raises:
            CheckpointError: the folder is missing, incomplete or of an unknown kind.
            DeviceError: the device is not there, or the model does not fit.
            Cancelled: cancelled() was true.
        """

        def loaded(done: int, total: int) -> None:
            if cancelled is not None and cancelled():
                raise Cancelled("stopped while the model was being loaded")
            if progress is not None:
                progress(done, total)

        folder = find_model(model)
        plan = plan or devices.plan_for(inspect_checkpoint(folder), device, devices.dtype_of(dtype), quantize)
        try:
            network = load_checkpoint(
                folder,
                dtype=plan.dtype,
                device="cpu" if plan.offload else plan.device,
                progress=loaded,
                quantize=plan.quantize,
            )
            if plan.offload:
                devices.spread(network, plan)
        except (RuntimeError, MemoryError) as error:
            if not devices.out_of_memory(error):
                raise
            raise DeviceError(
                f"not enough memory for this model on {plan.device}",
                path=folder,
                hint="Close other programs, or take a smaller model.",
            ) from error
        processor = MQwenProcessor.from_folder(folder, network.config)
        # A model's own generation_config may sample or penalise: a caption depends on what the caller asks for.
        network.generation_config = GenerationConfig(
            eos_token_id=list(processor.stop_ids), pad_token_id=processor.pad_id, do_sample=False
        )
        return cls(network, processor, plan, folder)

    def describe(self) -> str:
        """Say which model runs where, in plain words."""
        return f"{self.folder.name} on {self.plan.describe()}"

    def describe_memory(self) -> str:
        """Say what memory weights and captions take, in plain words; empty where nobody knows."""
        return self.plan.describe_memory()

    def unload(self) -> None:
        """Give the model's memory back: the captioner is of no use then. Runs under way end as if cancelled."""
        with self._entrance:
            self._model = self._decoder = None
            lanes = list(self._lanes)
        for lane in lanes:  # all of them before any is waited for: they may wait for each other
            lane.stop()
        for lane in lanes:
            lane.close()
        with self._turn:
            gc.collect()
            if self.plan.device.type == "cuda":
                torch.cuda.empty_cache()

    def pause(self) -> None:
        """Compute nothing more, from the next layer or step on, until resume(); what is in flight keeps its memory."""
        self._pausing.set()

    def resume(self) -> None:
        """Go on after pause()."""
        self._pausing.clear()

    def caption(
        self, image: Picture, prompt: str | None = None, *, style: str = "brief", language: str = "en", **options: Any
    ) -> Caption:
        """Caption one picture, a file or a PIL image; see caption_many(). Raises ImageError if it cannot be read."""
        for _, result in self.caption_many(
            [image], prompt=prompt, style=style, language=language, batch_size=1, **options
        ):
            if isinstance(result, MqwenError):
                raise result
            return result
        raise Cancelled("stopped")

    @overload
    def caption_many(
        self, items: Iterable[Item], *, questions: None = None, **options: Any
    ) -> Iterator[tuple[Item, Caption | MqwenError]]: ...

    @overload
    def caption_many(
        self, items: Iterable[Item], *, questions: Sequence[Question], **options: Any
    ) -> Iterator[tuple[Item, tuple[Caption, ...] | MqwenError]]: ...

    def caption_many(
        self, items: Iterable[Item], *, questions: Sequence[Question] | None = None, **options: Any
    ) -> Iterator[tuple[Item, Caption | tuple[Caption, ...] | MqwenError]]:
        """Caption pictures, as many at a time as there are slots; `items` is read lazily, a few ahead.

        Captions come as soon as they are complete, also while `items` lets wait for its next one. Ending early waits
        until it has given that.

        A picture that cannot be read, or for which the memory does not suffice even alone, comes out with its error;
        the others go on. When memory runs out the slots are halved, and what was in them is captioned again.

        Args:
            items: files or PIL images, any number; iterated in another thread than the caller's.
            questions: several about each picture, which is looked at once; a tuple of Captions comes out for each.
            options: those of events(), and ordered: results in the order of `items`; otherwise as they get done.

        Yields:
            (item, Caption) or (item, the error that met it).

        Raises:
            Cancelled: cancelled() was true; captions complete by then have been yielded.
        """
        with closing(self._events(items, questions=questions, telling=False, **options)) as events:
            for event in events:
                if event.error is not None:
                    yield event.item, event.error
                else:
                    yield event.item, event.captions if questions is not None else event.captions[0]

    def events(
        self, items: Iterable[Any], *, questions: Sequence[Question] | None = None, **options: Any
    ) -> Iterator[Event]:
        """Caption pictures and tell every token; see caption_many().

        Args:
            prompt: the question, or a function that gives it for an item (called in a reading thread); None takes the
                style's.
            style, language: see mqwen.engine.prompts. In the keywords style the answer is split into Caption.keywords.
            questions: several instead of that one.
            batch_size: slots, so many pictures at a time (times the questions); "auto" takes what the device's memory
                allows.
            cancelled: asked at every decode step, and at every layer while pictures and prompts are read.
            finishing: asked before a picture gets its slot; once true, none is begun any more and the iteration ends
                with those in hand.
            paused: while it is true nothing is computed; asked as often as `cancelled`.
        """
        return self._events(items, questions=questions, telling=True, **options)

    def _events(
        self,
        items: Iterable[Any],
        *,
        questions: Sequence[Question] | None,
        telling: bool,
        prompt: Prompt | None = None,
        style: str = "brief",
        language: str = "en",
        batch_size: int | Literal["auto"] = "auto",
        ordered: bool = False,
        cancelled: Asked | None = None,
        finishing: Asked | None = None,
        paused: Asked | None = None,
        **options: Any,
    ) -> Generator[Event, None, None]:
        asked = [Question(prompt, style, language)] if questions is None else list(questions)
        if not asked:
            raise InputError("there is no question")
        sampling = Sampling(**options)
        slots = batch_size
        if slots == "auto":
            slots = devices.auto_batch_size(self._loaded(), self.plan, sampling.max_new_tokens)
        if slots < 1:
            raise InputError("batch_size must be at least 1")
        yield from self._run(
            items, lambda item: self._read(item, asked), sampling, slots, telling, ordered, cancelled, finishing, paused
        )

    def ask(
        self,
        messages: Sequence[Message],
        images: Sequence[Picture] = (),
        *,
        cancelled: Asked | None = None,
        **options: Any,
    ) -> Caption:
        """Answer the last turn of a conversation.

        Args:
            messages: the turns so far; each says how many images stand in it, and there they stay.
            images: the conversation's images in reading order.

        Raises:
            ImageError: an image cannot be read.
            DeviceError: memory does not suffice for an image.
            InputError: the turns speak of more or fewer images than there are.
            Cancelled: cancelled() was true.
        """
        spoken = sum(message.images for message in messages)
        if spoken != len(images):
            raise InputError(f"the conversation has {spoken} images in its turns, and {len(images)} were given")
        requests = requests_of(
            Look([self._readable_pixels(image) for image in images]), [self.processor.encode(list(messages))], [False]
        )
        for event in self._run([None], lambda _: requests, Sampling(**options), 1, cancelled=cancelled):
            if event.error is not None:
                raise event.error
            return event.captions[0]
        raise Cancelled("stopped")

    def vision_vectors(
        self, items: Iterable[Shown], *, seconds: float = math.inf, cancelled: Asked | None = None
    ) -> Iterator[tuple[Shown, Tensor | MqwenError]]:
        """Tell pictures apart without a word: see mqwen.engine.variety.vision_vector().

        Args:
            items: files or PIL images.
            seconds: after so long it ends, whatever is left.
            cancelled: asked at every layer.

        Yields:
            (item, its vector [width], of length 1) or (item, the error that met it), as they get done.

        Raises:
            Cancelled: cancelled() was true.
        """

        def look(pixels: Tensor, between: Callable[[], None]) -> Tensor:
            with self._turn:
                return vision_vector(self._loaded(), pixels, between)

        return look_at(
            items, self._readable_pixels, look, seconds=seconds, cancelled=cancelled, paused=self._pausing.is_set
        )

    def _run(
        self,
        items: Iterable[Any],
        prepare: Callable[[Any], Prepared],
        sampling: Sampling,
        slots: int,
        telling: bool = False,
        ordered: bool = False,
        cancelled: Asked | None = None,
        finishing: Asked | None = None,
        paused: Asked | None = None,
    ) -> Iterator[Event]:
        ends = finishing or (lambda: False)

        def make(between: Callable[[], None]) -> Scheduler:
            return Scheduler(
                self._ready(),
                self.processor,
                self.plan,
                sampling,
                slots,
                allowance=self._allowance,
                between=between,
                admitting=lambda: not ends(),
                telling=telling,
            )

        def waits() -> bool:
            return self._pausing.is_set() or (paused is not None and paused())

        with self._entrance:
            lane = Lane(make, self._turn, cancelled=cancelled, paused=waits)
            self._lanes.add(lane)
        flow = Flow(lane, prepare, self.processor.decode, depth=max(2, slots), ordered=ordered, finishing=ends)
        yield from flow.run(items)

    def _loaded(self) -> MQwenForConditionalGeneration:
        if self._model is None:
            raise MqwenError("this model has been unloaded", path=self.folder, hint="Load it again.")
        return self._model

    def _ready(self) -> Decoder:
        """Return the model as a Decoder, made when it is first needed: quantisation and offloading come before.

        Called at the entrance, which makes it once.
        """
        model = self._loaded()
        if self._decoder is None:
            with self._turn:
                if not self.plan.offload:
                    use_onednn(model)
                self._decoder = Decoder(model)
        return self._decoder

    def _pixels(self, image: Picture) -> Tensor:
        """Return [3, H, W] of a file or a PIL image."""
        if not isinstance(image, Image.Image | Reduced):
            image = read_reduced(Path(image), at_least=self.processor.least_side)
        pixels = self.processor.pixel_values(image)
        if self.plan.device.type != "cuda":
            return pixels
        try:
            return pixels.pin_memory()
        except RuntimeError:  # of pinned memory there is less than of the rest; without it the copy is only slower
            return pixels

    def _readable_pixels(self, image: Picture) -> Tensor:
        """Return [3, H, W] although memory is short: as many at a time as there are threads can be too much.

        Raises:
            ImageError: it cannot be read.
            DeviceError: memory does not even suffice for it alone.
        """
        try:
            return self._pixels(image)
        except Exception as error:
            if not _is_short_of_memory(error):
                raise
        # Only here, outside the handler, is the failed attempt's memory free: the traceback held it.
        with self._alone:
            try:
                return self._pixels(image)
            except (RuntimeError, MemoryError) as error:
                if not devices.out_of_memory(error):
                    raise
                raise DeviceError(TOO_LARGE.what, path=_path_of(image), hint=TOO_LARGE.hint) from None

    def _read(self, item: Any, asked: Sequence[Question]) -> Prepared:
        """Prepare one picture in a reading thread: whatever is wrong with it is its own trouble, not the run's."""
        try:
            pixels = self._readable_pixels(item)
            texts = [
                prompt_for(question.style, question.language)
                if question.prompt is None
                else question.prompt
                if isinstance(question.prompt, str)
                else question.prompt(item)
                for question in asked
            ]
            prompts = [self.processor.encode([Message("user", text, images=1)]) for text in texts]
            return requests_of(Look([pixels]), prompts, [question.style == "keywords" for question in asked])
        except MqwenError as error:
            return error
        except Exception as error:
            return ImageError(f"cannot be read ({error!r})", path=_path_of(item))


def _is_short_of_memory(error: BaseException) -> bool:
    """A decoder's own lack of memory is told as an ImageError that comes from it."""
    return devices.out_of_memory(error) or (error.__cause__ is not None and devices.out_of_memory(error.__cause__))


def _path_of(item: Any) -> Path | str | None:
    return item if isinstance(item, str | Path) else None
