"""Captioner: pictures in, captions out."""

from __future__ import annotations

import gc
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

import torch
from PIL import Image
from torch import Tensor
from transformers import GenerationConfig

from mqwen.engine import device as devices
from mqwen.engine.caption import Caption
from mqwen.engine.decoder import Row, Sampling, answer
from mqwen.engine.prompts import prompt_for
from mqwen.engine.read_ahead import read_ahead
from mqwen.errors import Cancelled, DeviceError, ImageError, InputError, MqwenError
from mqwen.hub import find_model, is_starter
from mqwen.library.image import read_image, to_rgb
from mqwen.model.checkpoint import inspect_checkpoint, load_checkpoint
from mqwen.model.processor import Message, MQwenProcessor

if TYPE_CHECKING:
    from mqwen.model.splice import MQwenForConditionalGeneration

_TOO_LARGE = DeviceError("not enough memory for this picture", hint="Close other programs, or take a smaller model.")

Picture: TypeAlias = Path | str | Image.Image
Asked: TypeAlias = Callable[[], bool]
Item = TypeVar("Item")


class Captioner:
    """A loaded model with its processor. One thread at a time uses the model; others wait for it.

    Options of caption(), caption_many() and ask() beside those named there: max_new_tokens (256), temperature (0:
    greedy), top_p (1), repetition_penalty (1; the prompt's tokens count too), seed (None: another one each time).

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
        self._lane = threading.Lock()
        self._most_rows: int | None = None  # learned when memory ran out

    @classmethod
    def load(
        cls,
        model: str | Path = "starter",
        *,
        device: str = "auto",
        dtype: torch.dtype | str | None = None,
        cancelled: Asked | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Captioner:
        """Load a model where it runs best.

        Args:
            model: see mqwen.hub.find_model().
            device: "auto", "cpu", "cuda" or "cuda:N"; see mqwen.engine.device.plan().
            dtype: precision, a torch dtype or its name; None chooses.
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
        plan = devices.plan(device, inspect_checkpoint(folder).memory, devices.dtype_of(dtype))
        try:
            network = load_checkpoint(
                folder, dtype=plan.dtype, device="cpu" if plan.offload else plan.device, progress=loaded
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

    def unload(self) -> None:
        """Give the model's memory back; the captioner is of no use afterwards."""
        with self._lane:
            self._model = None
            gc.collect()
            if self.plan.device.type == "cuda":
                torch.cuda.empty_cache()

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

    def caption_many(
        self,
        items: Iterable[Item],
        *,
        prompt: str | Callable[[Item], str] | None = None,
        style: str = "brief",
        language: str = "en",
        batch_size: int | Literal["auto"] = "auto",
        ordered: bool = False,
        cancelled: Asked | None = None,
        finishing: Asked | None = None,
        **options: Any,
    ) -> Iterator[tuple[Item, Caption | MqwenError]]:
        """Caption pictures in batches; `items` is read lazily, a few batches ahead.

        A picture that cannot be read, or for which the memory does not suffice even alone, comes out with its error;
        the others go on. When memory runs out the batch is halved and tried again.

        Args:
            items: files or PIL images, any number.
            prompt: the question, or a function that gives it for an item (called in a reading thread); None takes the
                style's.
            style, language: see mqwen.engine.prompts. In the keywords style the answer is split into Caption.keywords.
            batch_size: pictures at a time; "auto" takes what the device's memory allows.
            ordered: results in the order of `items`; otherwise as they get done.
            cancelled: asked at every decode step and at every layer of a prefill.
            finishing: asked before every batch; once true, no further batch is begun and the iteration ends.

        Yields:
            (item, Caption) or (item, the error that met it).

        Raises:
            Cancelled: cancelled() was true; captions complete by then have been yielded.
        """
        sampling = Sampling(**options)
        question = prompt if prompt is not None else prompt_for(style, language)
        size = (
            devices.auto_batch_size(self._loaded(), self.plan, sampling.max_new_tokens)
            if batch_size == "auto"
            else batch_size
        )
        if size < 1:
            raise InputError("batch_size must be at least 1")

        def prepare(item: Item) -> tuple[Tensor, str] | MqwenError:
            return self._read(item, question)

        batch: list[tuple[Item, Row | MqwenError]] = []
        with closing(read_ahead(items, prepare, depth=3 * size, ordered=ordered, cancelled=cancelled)) as ready:
            for item, prepared in ready:
                if isinstance(prepared, MqwenError):
                    if not (ordered and batch):
                        yield item, prepared
                        continue
                    batch.append((item, prepared))
                else:
                    pixel_values, text = prepared
                    input_ids = self.processor.encode([Message("user", text, images=1)])
                    batch.append((item, Row([pixel_values], input_ids, keywords=style == "keywords")))
                if len(batch) < size:
                    continue
                if finishing is not None and finishing():
                    return
                yield from self._answers(batch, sampling, cancelled)
                batch = []
        if finishing is None or not finishing():
            yield from self._answers(batch, sampling, cancelled)

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
            InputError: the turns speak of more or fewer images than there are.
            Cancelled: cancelled() was true.
        """
        spoken = sum(message.images for message in messages)
        if spoken != len(images):
            raise InputError(f"the conversation has {spoken} images in its turns, and {len(images)} were given")
        row = Row([self._pixels(image) for image in images], self.processor.encode(list(messages)))
        for _, result in self._answers([(None, row)], Sampling(**options), cancelled):
            if isinstance(result, MqwenError):
                raise result
            return result
        raise Cancelled("stopped")

    def _loaded(self) -> MQwenForConditionalGeneration:
        if self._model is None:
            raise MqwenError("this model has been unloaded", path=self.folder, hint="Load it again.")
        return self._model

    def _pixels(self, image: Picture) -> Tensor:
        """Return [3, H, W] of a file or a PIL image."""
        if isinstance(image, Image.Image):
            return self.processor.pixel_values(to_rgb(image))
        # At twice the size the model sees, JPEG's own reduction differs by 0.2 to 0.5 of 255 after the resize.
        return self.processor.pixel_values(read_image(Path(image), at_least=2 * max(self.processor.image_size)))

    def _read(self, item: Any, question: str | Callable[[Any], str]) -> tuple[Tensor, str] | MqwenError:
        """Prepare one picture in a reading thread: whatever is wrong with it is its own trouble, not the run's."""
        try:
            return self._pixels(item), question if isinstance(question, str) else question(item)
        except MqwenError as error:
            return error
        except Exception as error:
            return ImageError(f"cannot be read ({error!r})", path=item if isinstance(item, str | Path) else None)

    def _answers(
        self, batch: list[tuple[Item, Row | MqwenError]], sampling: Sampling, cancelled: Asked | None
    ) -> Iterator[tuple[Item, Caption | MqwenError]]:
        """Yield each item with its answer, in order; when memory runs out, halve what goes through at once."""
        waiting = deque(batch)
        while waiting:
            item, row = waiting[0]
            if isinstance(row, MqwenError):
                waiting.popleft()
                yield item, row
                continue
            rows: list[Row] = []
            for _, row in islice(waiting, self._most_rows):
                if isinstance(row, MqwenError):
                    break
                rows.append(row)
            captions = self._within_memory(rows, sampling, cancelled)
            if captions is None and len(rows) > 1:
                self._most_rows = len(rows) // 2
                continue
            for caption in captions or [_TOO_LARGE]:
                item, _ = waiting.popleft()
                if caption is not None:
                    yield item, caption
            if cancelled is not None and cancelled():
                raise Cancelled("stopped")

    def _within_memory(
        self, rows: list[Row], sampling: Sampling, cancelled: Asked | None
    ) -> Sequence[Caption | MqwenError | None] | None:
        """Return answer()'s captions, or None when the memory does not suffice for so many rows."""
        with self._lane:
            try:
                return answer(self._loaded(), self.processor, self.plan, rows, sampling, cancelled)
            except (RuntimeError, MemoryError) as error:
                if not devices.out_of_memory(error):
                    raise
            # Only here, outside the handler, is the failed batch's memory free: the traceback held it.
            if self.plan.device.type == "cuda":
                torch.cuda.empty_cache()
            return None
