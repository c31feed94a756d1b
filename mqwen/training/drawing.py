"""Scenes drawn: emoji and shapes on a background, under the light and through the camera of the moment."""

from __future__ import annotations

import io
import random
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from mqwen.errors import MqwenError
from mqwen.training.concepts import concepts
from mqwen.training.scenes import BACKGROUNDS, PATCH, SIZE, Scene

_FONTS = (
    Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"),
    Path("/usr/share/fonts/google-noto-emoji/NotoColorEmoji.ttf"),
    Path("/usr/share/fonts/google-noto-color-emoji-fonts/NotoColorEmoji.ttf"),
)
_STRIKE = 109  # the font holds bitmaps of this one size

_PLAIN = (
    (246, 246, 244),
    (250, 214, 70),
    (70, 160, 80),
    (70, 120, 215),
    (130, 75, 175),
    (250, 170, 195),
    (205, 50, 50),
)


def font_path() -> Path | None:
    """Where Noto Color Emoji is on this machine, None if it is not installed."""
    return next((path for path in _FONTS if path.is_file()), None)


@lru_cache(maxsize=1)
def _font() -> ImageFont.FreeTypeFont:
    path = font_path()
    if path is None:
        raise MqwenError(
            "the font Noto Color Emoji is missing",
            hint="Install it: apt install fonts-noto-color-emoji (training only).",
        )
    return ImageFont.truetype(str(path), _STRIKE)


@lru_cache(maxsize=512)
def _sprite(concept: int) -> Image.Image:
    """The concept on a transparent square, cropped to what can be seen, premultiplied by its alpha."""
    entry = concepts()[concept]
    canvas = Image.new("RGBA", (160, 160), (0, 0, 0, 0))
    ImageDraw.Draw(canvas).text((12, 12), entry.glyph, font=_font(), embedded_color=True)
    return _squared(canvas)


def _squared(canvas: Image.Image) -> Image.Image:
    canvas = canvas.crop(canvas.getbbox())
    side = max(canvas.size)
    square = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    square.paste(canvas, ((side - canvas.width) // 2, (side - canvas.height) // 2))
    return square.convert("RGBa").resize((96, 96), Image.Resampling.BILINEAR)


def _shape(name: str, rng: random.Random) -> Image.Image:
    """A plain shape in a colour of its own, which the caption does not tell."""
    canvas = Image.new("RGBA", (120, 120), (0, 0, 0, 0))
    draw = ImageDraw.Draw(canvas)
    colour = (*(rng.randrange(256) for _ in range(3)), 255)
    edge = (20, 20, 20, 255) if sum(colour[:3]) > 380 else (245, 245, 245, 255)
    outlines = {
        "triangle": [(60, 12), (112, 104), (8, 104)],
        "cross": [(44, 8), (76, 8), (76, 44), (112, 44), (112, 76), (76, 76)]
        + [(76, 112), (44, 112), (44, 76), (8, 76), (8, 44), (44, 44)],
        "arrow": [(8, 46), (62, 46), (62, 16), (114, 60), (62, 104), (62, 74), (8, 74)],
        "square": [(12, 12), (108, 12), (108, 108), (12, 108)],
    }  # fmt: skip
    if name in outlines:
        draw.polygon(outlines[name], fill=colour, outline=edge, width=4)
    elif name == "circle":
        draw.ellipse((8, 8, 112, 112), fill=colour, outline=edge, width=4)
    elif name == "ring":
        draw.ellipse((8, 8, 112, 112), outline=edge, width=30)
        draw.ellipse((12, 12, 108, 108), outline=colour, width=22)
    else:  # semicircle
        draw.pieslice((8, 30, 112, 134), 180, 360, fill=colour, outline=edge, width=4)
    return _squared(canvas)


def _backdrop(kind: int, noise: np.random.Generator) -> np.ndarray:
    """Background [SIZE, SIZE, 3] as float32 of 0 to 255, with a slow drift of its colour."""
    rows = np.linspace(0, 1, SIZE, dtype=np.float32)[:, None, None]
    columns = np.linspace(0, 1, SIZE, dtype=np.float32)[None, :, None]
    shift = noise.normal(0, 6, 3).astype(np.float32)
    grid = np.zeros((SIZE, SIZE, 3), np.float32)
    if kind < len(_PLAIN):
        slope = noise.normal(0, 9, (2, 1)).astype(np.float32)
        return grid + np.array(_PLAIN[kind], np.float32) + shift + slope[0] * (rows - 0.5) + slope[1] * (columns - 0.5)
    horizon = float(noise.uniform(0.35, 0.6))
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    name = BACKGROUNDS[kind][0]
    if name in ("meadow", "beach"):
        sky = np.array((150, 200, 240), np.float32) - 40 * rows
        ground = np.array((110, 170, 70) if name == "meadow" else (232, 205, 150), np.float32)
        grain = noise.normal(0, 12 if name == "meadow" else 5, (SIZE, SIZE, 1)).astype(np.float32)
        sea = np.array((60, 140, 180), np.float32)
        wave = horizon * SIZE + 3 * np.sin(x / float(noise.uniform(8, 16)))
        grid = np.where((y < wave)[..., None], sky, ground + grain)
        if name == "beach":
            grid = np.where(((y > wave - 14) & (y < wave))[..., None], sea, grid)
    elif name == "night sky":
        grid = np.array((16, 18, 52), np.float32) + 30 * rows
        grid = np.broadcast_to(grid, (SIZE, SIZE, 3)).copy()
        for sx, sy in noise.integers(1, SIZE - 2, (40, 2)):
            grid[sy : sy + 1 + int(noise.integers(2)), sx : sx + 1 + int(noise.integers(2))] = noise.uniform(150, 255)
    elif name == "checkered floor":
        cell = float(noise.uniform(11, 18))
        dark = ((x + noise.uniform(0, 30)) // cell + (y + noise.uniform(0, 30)) // cell) % 2 > 0
        grid = np.where(dark[..., None], np.array((95, 95, 100), np.float32), np.array((215, 212, 205), np.float32))
    else:  # brick wall
        height, width = float(noise.uniform(8, 12)), float(noise.uniform(20, 28))
        row = y // height
        mortar = (y % height < 1.6) | ((x + (row % 2) * width / 2) % width < 1.6)
        tint = np.sin(row * 12.9 + ((x + (row % 2) * width / 2) // width) * 78.2) * 14
        brick = np.array((165, 84, 62), np.float32) + tint[..., None]
        grid = np.where(mortar[..., None], np.array((200, 190, 180), np.float32), brick)
    return np.asarray(grid + shift, np.float32)


def draw(scene: Scene, rng: random.Random, *, augment: bool = True, scale: int = 1) -> tuple[Image.Image, np.ndarray]:
    """Draw a scene.

    Returns:
        The picture, RGB, SIZE * scale on both sides, and what covers each patch, int64 [SIZE / PATCH, SIZE / PATCH]: a
        concept's index, len(concepts()) + background where nothing stands, -1 on edges.
    """
    noise = np.random.default_rng(rng.getrandbits(64))
    picture = Image.fromarray(np.clip(_backdrop(scene.background, noise), 0, 255).astype(np.uint8))
    if scale > 1:
        picture = picture.resize((SIZE * scale, SIZE * scale), Image.Resampling.BICUBIC)
    cells = SIZE // PATCH
    cover = np.zeros((len(scene.things), cells, cells), np.float32)
    for number, thing in enumerate(scene.things):
        entry = concepts()[thing.concept]
        sprite = _shape(entry.glyph, rng) if entry.is_shape else _sprite(thing.concept)
        side = round(thing.side * scale)
        wide = max(8, round(side * rng.uniform(0.88, 1.0))) if augment else side
        turned = sprite.resize((wide, side), Image.Resampling.BILINEAR).rotate(
            thing.turn, Image.Resampling.BICUBIC, expand=True
        )
        if augment and not entry.is_shape:
            turned = _recoloured(turned, noise)
        left, top = round(thing.x * scale - turned.width / 2), round(thing.y * scale - turned.height / 2)
        alpha = turned.getchannel("a")
        mask = Image.new("L", picture.size)
        mask.paste(alpha, (left, top))
        layer = Image.new("RGBa", picture.size)
        layer.paste(turned, (left, top))
        picture = Image.composite(layer.convert("RGBA").convert("RGB"), picture, mask)
        part = np.asarray(mask.resize((cells, cells), Image.Resampling.BOX), np.float32) / 255
        cover[:number] *= 1 - part
        cover[number] = part
    total = cover.sum(0)
    labels = np.full((cells, cells), -1, np.int64)
    labels[total < 0.06] = len(concepts()) + scene.background
    for number, thing in enumerate(scene.things):
        labels[(cover[number] > 0.3) & (cover[number] == cover.max(0))] = thing.concept
    return _photographed(picture, scene.light, rng, noise, augment), labels


def _recoloured(sprite: Image.Image, noise: np.random.Generator) -> Image.Image:
    pixels = np.asarray(sprite, np.float32)
    gain = noise.normal(1, 0.07, 3).astype(np.float32) * np.float32(noise.uniform(0.85, 1.1))
    pixels = np.concatenate((np.minimum(pixels[..., :3] * gain, pixels[..., 3:]), pixels[..., 3:]), -1)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGBa")


def _photographed(
    picture: Image.Image, light: str, rng: random.Random, noise: np.random.Generator, augment: bool
) -> Image.Image:
    """Light, then what a camera does: tint, contrast, blur, noise, JPEG."""
    pixels = np.asarray(picture, np.float32)
    if light == "dim":
        pixels = pixels * np.float32(noise.uniform(0.4, 0.55))
    elif light == "bright":
        side = picture.width
        y, x = np.mgrid[0:side, 0:side].astype(np.float32)
        cx = 0 if noise.random() < 0.5 else side
        glow = np.clip(1 - ((x - cx) ** 2 + y**2) ** 0.5 / side, 0, 1)[..., None]
        pixels = 255 - (255 - pixels) * (0.85 - 0.55 * glow)
    if not augment:
        return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    pixels = pixels * noise.normal(1, 0.03, 3).astype(np.float32)
    pixels = (pixels - pixels.mean()) * np.float32(noise.uniform(0.85, 1.12)) + pixels.mean()
    if noise.random() < 0.5:
        pixels = pixels + noise.standard_normal(pixels.shape, np.float32) * np.float32(noise.uniform(0, 9))
    picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if rng.random() < 0.35:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.2, 0.9)))
    if rng.random() < 0.5:
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=rng.randint(40, 92))
        picture = Image.open(buffer).convert("RGB")
    return picture


def pixels(picture: Image.Image) -> torch.Tensor:
    """Picture of SIZE x SIZE -> pixel_values [3, SIZE, SIZE], CLIP's normalisation."""
    values = torch.from_numpy(np.array(picture, np.float32)).permute(2, 0, 1) / 255
    return (values - torch.tensor(OPENAI_CLIP_MEAN)[:, None, None]) / torch.tensor(OPENAI_CLIP_STD)[:, None, None]
