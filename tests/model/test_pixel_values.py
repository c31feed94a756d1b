"""pixel_values equal those of the original's CLIPProcessor and of transformers' own image processors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from transformers.models.chinese_clip.image_processing_pil_chinese_clip import ChineseCLIPImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from mqwen.errors import CheckpointError
from mqwen.library.image import read_image
from mqwen.model.pixel_values import PixelTransform, load_transform

PROCESSORS = {
    "clip_vision_model": CLIPImageProcessorPil,
    "siglip_vision_model": SiglipImageProcessorPil,
    "chinese_clip_vision_model": ChineseCLIPImageProcessorPil,
}


def noise(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(width * 1000 + height)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def transform_of(folder: Path, content: dict[str, Any] | None, vision_type: str, size: int) -> PixelTransform:
    if content is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(content))
    return load_transform(folder, vision_type, (size, size))[0]


@pytest.mark.parametrize("name", ["wide", "tall", "gray", "rgba"])
def test_the_goldens(data_folder: Path, name: str) -> None:
    """The original's crops, made by CLIPProcessor of transformers 4.39."""
    golden = data_folder / "golden_seed"
    with np.load(golden / "preprocess.npz") as arrays:
        crop = arrays[f"train_clip_u8.{name}"]
    size = crop.shape[0] if crop.shape[-1] == 3 else crop.shape[1]
    config = json.loads((golden / "clip" / "preprocessor_config.json").read_text())
    transform = PixelTransform(
        size, crop=(size, size), mean=tuple(config["image_mean"]), std=tuple(config["image_std"])
    )
    result = transform(read_image(golden / f"img_{name}.png")).numpy()
    levels = crop.transpose(2, 0, 1) if crop.shape[-1] == 3 else crop
    mean, std = (np.array(config[key])[:, None, None] for key in ("image_mean", "image_std"))
    assert np.abs(result - (levels / 255 - mean) / std).max() < 1e-6
    sums = json.loads((golden / "preprocess.json").read_text())[name]
    assert result.astype(np.float64).sum() == pytest.approx(sums["pixel_sum"], rel=1e-5)


@pytest.mark.parametrize("vision_type", PROCESSORS)
@pytest.mark.parametrize("size", [56, 112])
def test_equal_to_transformers_bit_for_bit(tmp_path: Path, vision_type: str, size: int) -> None:
    if vision_type.startswith("siglip"):
        processor = SiglipImageProcessorPil(size={"height": size, "width": size})
    else:
        square = {"height": size, "width": size}
        processor = PROCESSORS[vision_type](size={"shortest_edge": size}, crop_size=square)
    transform = transform_of(tmp_path, processor.to_dict(), vision_type, size)
    for shape in ((331, 190), (120, 257), (230, 230), (57, 900), (1, 3), (20, 31), (56, 57), (223, 112)):
        expected = processor(noise(*shape), return_tensors="pt")["pixel_values"][0]
        assert np.array_equal(transform(noise(*shape)).numpy(), expected.numpy()), shape


@pytest.mark.parametrize("vision_type", PROCESSORS)
def test_without_a_file_the_towers_standard(tmp_path: Path, vision_type: str) -> None:
    standard = PROCESSORS[vision_type]()
    expected = standard(noise(331, 190), return_tensors="pt")["pixel_values"][0]
    assert np.array_equal(transform_of(tmp_path, None, vision_type, 224)(noise(331, 190)).numpy(), expected.numpy())


CLIP_4_X = {"crop_size": 56, "size": 56, "do_center_crop": True, "do_resize": True, "resample": 3, "do_normalize": True}


@pytest.mark.parametrize(
    "content",
    [
        CLIP_4_X | {"feature_extractor_type": "CLIPFeatureExtractor"},
        {"image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 56}, "crop_size": [56, 56]},
        {"image_processor_type": "CLIPImageProcessorFast", "size": {"shortest_edge": 56}, "crop_size": 56},
    ],
)
def test_the_spellings_of_one_processing(tmp_path: Path, content: dict[str, Any]) -> None:
    square = {"height": 56, "width": 56}
    processor = CLIPImageProcessorPil(size={"shortest_edge": 56}, crop_size=square)
    expected = processor(noise(120, 90), return_tensors="pt")["pixel_values"][0]
    result = transform_of(tmp_path, content, "clip_vision_model", 56)(noise(120, 90))
    assert np.array_equal(result.numpy(), expected.numpy())


def test_inside_processor_config(tmp_path: Path) -> None:
    inner = CLIP_4_X | {"image_mean": [0.1, 0.2, 0.3]}
    (tmp_path / "processor_config.json").write_text(json.dumps({"image_processor": inner}))
    transform, kind = load_transform(tmp_path, "clip_vision_model", (56, 56))
    assert transform.mean == (0.1, 0.2, 0.3)
    assert kind == "CLIPImageProcessor"


def test_steps_can_be_off(tmp_path: Path) -> None:
    content = {"do_resize": False, "do_center_crop": True, "crop_size": 56, "do_rescale": False, "do_normalize": False}
    result = transform_of(tmp_path, content, "clip_vision_model", 56)(noise(60, 80))
    assert np.array_equal(result.numpy(), np.asarray(noise(60, 80))[12:68, 2:58].transpose(2, 0, 1))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    for vision_type in PROCESSORS:
        transform, kind = load_transform(tmp_path / "none", vision_type, (56, 56))
        (tmp_path / "preprocessor_config.json").write_text(json.dumps(transform.to_dict(kind)))
        assert load_transform(tmp_path, vision_type, (56, 56)) == (transform, kind)


@pytest.mark.parametrize(
    "content",
    [
        {"size": "large"},
        {"size": {"width": 3}},
        {"size": [1, 2, 3]},
        {"size": -5},
        {"crop_size": {"height": 56}},
        {"resample": 99},
        {"image_mean": [1, 2]},
        {"image_std": ["a", "b", "c"]},
        {"do_pad": True},
        {"image_grid_pinpoints": [[1, 2]]},
        {"size": 224, "crop_size": 224},
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, content: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json"):
        transform_of(tmp_path, CLIP_4_X | content, "clip_vision_model", 56)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "\x00"])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "preprocessor_config.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"preprocessor_config\.json"):
        load_transform(tmp_path, "clip_vision_model", (56, 56))


@pytest.mark.parametrize("shape", [(1001, 50), (1002, 50), (50, 1001), (2500, 77), (77, 2501)])
def test_a_long_strip_is_cut_before_it_is_enlarged_to_the_same_pixels(shape: tuple[int, int]) -> None:
    transform = PixelTransform(56, crop=(56, 56))
    short, long = min(shape), max(shape)
    length = int(56 * long / short)
    assert long > 16 * short
    whole = noise(*shape).resize((56, length) if shape[0] < shape[1] else (length, 56), Image.Resampling.BICUBIC)
    left, top = (whole.width - 56) // 2, (whole.height - 56) // 2
    expected = np.asarray(whole.crop((left, top, left + 56, top + 56)), np.float32) / 255
    difference = np.abs(transform(noise(*shape)).numpy() - expected.transpose(2, 0, 1))
    # Pillow may take the two directions in the other order, and clips in between: it shows on noise only. A shift by
    # one
    # pixel, or a wrong scale, makes a mean of 60 levels and more.
    assert difference.mean() < 1 / 255


def test_the_longest_strip_takes_no_memory() -> None:
    """Enlarged whole, this one would be 336 x 33 million pixels."""
    strip = Image.new("RGB", (100_000, 1), (10, 20, 30))
    result = PixelTransform(336, crop=(336, 336), scale=1.0)(strip)
    assert result.shape == (3, 336, 336)
    assert result[:, 5, 5].tolist() == [10, 20, 30]
