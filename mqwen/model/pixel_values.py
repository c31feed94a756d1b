"""A picture -> pixel_values, as the checkpoint's own image processor (CLIP, SigLIP, Chinese-CLIP) makes them.

Equal to transformers' CLIPImageProcessorPil, SiglipImageProcessorPil and ChineseCLIPImageProcessorPil bit for bit,
but on Pillow's pixels directly, which is faster: resize (shortest edge, or both sides), centre crop, rescale,
normalise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from mqwen.errors import CheckpointError
from mqwen.library.pixels import Box
from mqwen.model.tokenizer import read_json

_CLIP_MEAN, _CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
# A strip longer than this many times its width is cut to its crop before it is enlarged, or it would fill the memory.
_LONG = 16


@dataclass(frozen=True)
class PixelTransform:
    """The steps of an image processor.

    Attributes:
        size: pixels of the shortest edge, or (height, width); None leaves the size alone.
        resample: Pillow's number of the filter.
        crop: (height, width) of the centre crop, None without.
        scale: what a pixel 0 to 255 is multiplied by.
        mean, std: of each channel, after scaling.
    """

    size: int | tuple[int, int] | None
    resample: int = Image.Resampling.BICUBIC.value
    crop: tuple[int, int] | None = None
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __call__(self, image: Image.Image, size: tuple[int, int] | None = None, box: Box | None = None) -> torch.Tensor:
        """Return an RGB picture as float32 [3, height, width].

        Args:
            size: (width, height) of the picture that `image` is a smaller copy of; None: it is no copy.
            box: where in `image` that picture lies; None: it is all of it.
        """
        whole = (0.0, 0.0, float(image.width), float(image.height))
        pixels = np.asarray(self._cropped(self._resized(image, size or image.size, box or whole)))
        channels = np.arange(3)[:, None, None]
        return torch.from_numpy(self._values[channels, pixels.transpose(2, 0, 1)])

    @cached_property
    def _values(self) -> np.ndarray:
        """[3, 256]: what each channel makes of each of the 256 levels, rounded as transformers rounds."""
        scaled = (np.arange(256, dtype=np.float64) * self.scale).astype(np.float32)
        mean, std = np.array(self.mean, np.float32)[:, None], np.array(self.std, np.float32)[:, None]
        return (scaled - mean) / std

    def _resized(self, image: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:
        if self.size is None:
            return image
        width, height = size
        if isinstance(self.size, tuple):
            target = (self.size[1], self.size[0])
        else:
            short, long = min(width, height), max(width, height)
            length = int(self.size * long / short)
            if self.crop and long > _LONG * short:
                # Only what the centre crop will keep, with a margin that the filter does not reach beyond.
                shown = min(length, 2 * max(self.crop))
                shown += (length - shown) % 2  # so that the crop falls on the same pixels
                left, top, right, bottom = box
                margin = (1 - shown / length) / 2  # a share of the box
                if width > height:
                    box = (left + margin * (right - left), top, right - margin * (right - left), bottom)
                else:
                    box = (left, top + margin * (bottom - top), right, bottom - margin * (bottom - top))
                length = shown
            target = (self.size, length) if width <= height else (length, self.size)
        return image.resize(target, Image.Resampling(self.resample), box=box)

    def _cropped(self, image: Image.Image) -> Image.Image:
        """Cut the centre out; a side that is too short is filled up with black, as transformers does it."""
        if self.crop is None:
            return image
        height, width = self.crop
        left, top = (image.width - width) // 2, (image.height - height) // 2
        return image.crop((left, top, left + width, top + height))

    def output_size(self) -> tuple[int, int] | None:
        """(height, width) of what comes out, None if it depends on the picture."""
        return self.crop or (self.size if isinstance(self.size, tuple) else None)

    def to_dict(self, kind: str) -> dict[str, Any]:
        """Return the content of a preprocessor_config.json."""
        square = isinstance(self.size, tuple)
        content: dict[str, Any] = {
            "image_processor_type": kind,
            "do_convert_rgb": True,
            "do_resize": self.size is not None,
            "size": {"height": self.size[0], "width": self.size[1]} if isinstance(self.size, tuple) else None,
            "resample": self.resample,
            "do_center_crop": self.crop is not None,
            "crop_size": {"height": self.crop[0], "width": self.crop[1]} if self.crop else None,
            "do_rescale": True,
            "rescale_factor": self.scale,
            "do_normalize": True,
            "image_mean": list(self.mean),
            "image_std": list(self.std),
        }
        if not square and self.size is not None:
            content["size"] = {"shortest_edge": self.size}
        return {name: value for name, value in content.items() if value is not None}


def load_transform(folder: Path, vision_type: str, image_size: tuple[int, int]) -> tuple[PixelTransform, str]:
    """Return a vision folder's image processing and the name of its image processor.

    Args:
        folder: holds preprocessor_config.json or processor_config.json; without either, the tower's standard is taken.
        vision_type: the vision config's model_type.
        image_size: (height, width) that the vision tower takes.

    Raises:
        CheckpointError: the file is damaged, asks for steps that MQwen does not know, or for another size than the
        tower's.
    """
    standard = _standard(vision_type, image_size)
    content, path = read_image_settings(folder)
    if content is None:
        return standard
    kind = str(content.get("image_processor_type") or content.get("feature_extractor_type") or standard[1])
    kind = kind.replace("FeatureExtractor", "ImageProcessor").removesuffix("Pil").removesuffix("Fast")
    for step in ("do_pad", "do_image_splitting", "image_grid_pinpoints", "do_flip_channel_order"):
        if content.get(step):
            raise CheckpointError(f"it asks for {step}, which MQwen does not do", path=path)
    try:
        transform = _parse(content, standard[0])
    except (TypeError, ValueError, KeyError) as error:
        raise CheckpointError(f"its image processing is damaged ({error})", path=path) from error
    if transform.output_size() != image_size:
        raise CheckpointError(
            f"it makes pictures of {transform.output_size() or 'any size'}, the vision tower takes {image_size}",
            path=path,
            hint="The file belongs to another vision tower: copy the right one.",
        )
    return transform, kind


def _standard(vision_type: str, image_size: tuple[int, int]) -> tuple[PixelTransform, str]:
    if vision_type.startswith("siglip"):
        half = (0.5, 0.5, 0.5)
        return PixelTransform(image_size, mean=half, std=half), "SiglipImageProcessor"
    kind = "ChineseCLIPImageProcessor" if vision_type.startswith("chinese_clip") else "CLIPImageProcessor"
    return PixelTransform(min(image_size), crop=image_size, mean=_CLIP_MEAN, std=_CLIP_STD), kind


def read_image_settings(folder: Path) -> tuple[dict[str, Any] | None, Path]:
    """Return what a vision folder says of its image processing, None if nothing, and the file that says it.

    Raises:
        CheckpointError: the file is damaged.
    """
    if (path := folder / "preprocessor_config.json").is_file():
        return read_json(path), path
    if (path := folder / "processor_config.json").is_file():  # transformers 5 may keep it in here
        inner = read_json(path).get("image_processor")
        if isinstance(inner, dict):
            return inner, path
    return None, folder


def _parse(content: dict[str, Any], standard: PixelTransform) -> PixelTransform:
    def flag(name: str, default: bool) -> bool:
        value = content.get(name)
        return default if value is None else bool(value)

    size = _size(content["size"]) if content.get("size") is not None else standard.size
    crop = _size(content["crop_size"]) if content.get("crop_size") is not None else standard.crop
    crop = (crop, crop) if isinstance(crop, int) else crop
    resample = content.get("resample")
    resample = Image.Resampling(int(resample) if resample is not None else standard.resample).value
    normalize = flag("do_normalize", True)
    return PixelTransform(
        size=size if flag("do_resize", True) else None,
        resample=resample,
        crop=crop if flag("do_center_crop", standard.crop is not None) else None,
        scale=float(content.get("rescale_factor") or 1 / 255) if flag("do_rescale", True) else 1.0,
        mean=_channels(content.get("image_mean"), standard.mean) if normalize else (0.0,) * 3,
        std=_channels(content.get("image_std"), standard.std) if normalize else (1.0,) * 3,
    )


def _size(value: Any) -> int | tuple[int, int]:
    if isinstance(value, dict):
        if "shortest_edge" in value and not value.get("longest_edge"):
            value = value["shortest_edge"]
        else:
            height, width = value["height"], value["width"]
            value = [height, width]
    numbers = list(value) if isinstance(value, Sequence) else [value]
    if not numbers or len(numbers) > 2 or not all(isinstance(n, int) and 0 < n <= 8192 for n in numbers):
        raise ValueError(f"size {value!r}")
    return (numbers[0], numbers[1]) if len(numbers) == 2 else int(numbers[0])


def _channels(value: Any, standard: tuple[float, ...]) -> tuple[float, ...]:
    if value is None:
        return standard
    numbers = tuple(float(n) for n in (value if isinstance(value, Sequence) else [value] * 3))
    if len(numbers) != 3:
        raise ValueError(f"{len(numbers)} channels")
    return numbers
