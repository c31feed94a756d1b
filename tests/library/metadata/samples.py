"""Pictures of every container with metadata in every place, made by Pillow and by hand; and what a write must keep."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

from mqwen.library.metadata import jpeg, png, tiff, webp
from mqwen.library.metadata.blocks import REMOVE, Blocks, Change
from mqwen.library.metadata.iptc import edit_iptc

CAPTION = "Ein Hündchen 狗 sits"
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:description><rdf:Alt><rdf:li xml:lang="x-default">{}</rdf:li>'
    '</rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>{}<?xpacket end="w"?>'
)


def packet(text: str = CAPTION, padding: int = 0) -> bytes:
    return _PACKET.format(text, "\n" * padding).encode()


def container(data: bytes) -> ModuleType:
    if data.startswith(b"\x89PNG"):
        return png
    if data.startswith(b"RIFF"):
        return webp
    return jpeg if data.startswith(b"\xff\xd8") else tiff


def picture(mode: str = "RGB", seed: int = 0, size: tuple[int, int] = (24, 16)) -> Image.Image:
    bands = len(Image.new(mode, (1, 1)).getbands())
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], bands), np.uint8)
    return Image.frombytes(mode, size, noise.tobytes())


def saved(format: str, image: Image.Image | None = None, **options: Any) -> bytes:
    file = io.BytesIO()
    (image or picture()).save(file, format, **options)
    return file.getvalue()


def camera_exif(description: str | None = None, order: str = "<") -> bytes:
    """Return an Exif block as cameras write it: Exif and GPS directories, a MakerNote, a thumbnail in IFD1."""
    exif = Image.Exif()
    exif.endian = order
    exif[0x010F], exif[0x0110], exif[0x0112], exif[0x0132] = "Maker", "Model X", 1, "2024:01:02 03:04:05"
    if description is not None:
        exif[0x010E] = description
    exif.get_ifd(0x8769).update({0x9003: "2024:01:02 03:04:05", 0x927C: b"NOTE\x00\x01" + bytes(range(64))})
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 30.0, 1.5)})
    return exif.tobytes()


def segment(marker: int, payload: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload


def resource(number: int, data: bytes, name: bytes = b"\0\0") -> bytes:
    return b"8BIM" + struct.pack(">H", number) + name + struct.pack(">I", len(data)) + data + b"\0" * (len(data) % 2)


def dataset(record: int, number: int, value: bytes) -> bytes:
    return struct.pack(">BBBH", 0x1C, record, number, len(value)) + value


def photoshop(*resources: bytes) -> bytes:
    return segment(0xED, b"Photoshop 3.0\0" + b"".join(resources))


def xmp_segment(xmp: bytes) -> bytes:
    return segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp)


def jpeg_with(*segments: bytes, image: Image.Image | None = None, trailer: bytes = b"", **options: Any) -> bytes:
    """Return a JPEG with segments behind its JFIF segment."""
    plain = saved("JPEG", image, **options)
    return plain[:20] + b"".join(segments) + plain[20:] + trailer


def chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


def png_with(*chunks: bytes, trailer: bytes = b"", **options: Any) -> bytes:
    """Return a PNG with chunks behind IHDR."""
    plain = saved("PNG", **options)
    return plain[:33] + b"".join(chunks) + plain[33:] + trailer


def riff(*chunks: tuple[bytes, bytes], trailer: bytes = b"") -> bytes:
    packed = (kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2) for kind, data in chunks)
    body = b"WEBP" + b"".join(packed)
    return b"RIFF" + struct.pack("<I", len(body)) + body + trailer


LATIN_IIM = (
    dataset(2, 0, b"\0\2")
    + dataset(2, 90, "Zürich".encode("cp1252"))
    + dataset(2, 120, "Ein früherer Satz".encode("cp1252"))
    + dataset(2, 25, b"old")
    + dataset(2, 202, b"\xff\xfe\0\x80")
)
_FRAMES: dict[str, Any] = {"save_all": True, "append_images": [picture("RGBA", 1), picture("RGBA", 2)], "duration": 40}
_THUMBNAILS = resource(0x040C, bytes(301)) + resource(0x03ED, b"\0\x48\0\0\0\1\0\1" * 2)

SAMPLES: dict[str, Callable[[], bytes]] = {
    "plain.jpg": lambda: saved("JPEG"),
    "progressive.jpg": lambda: saved("JPEG", progressive=True),
    "cmyk.jpg": lambda: saved("JPEG", picture("CMYK")),
    "camera.jpg": lambda: saved("JPEG", exif=camera_exif("OLYMPUS DIGITAL CAMERA")),
    "camera-big-endian.jpg": lambda: saved("JPEG", exif=camera_exif(order=">")),
    "all.jpg": lambda: jpeg_with(
        segment(0xE1, camera_exif("before")),
        xmp_segment(packet("before", 2000)),
        segment(0xE1, b""),
        photoshop(resource(0x0404, LATIN_IIM), _THUMBNAILS, resource(0x0425, hashlib.md5(LATIN_IIM).digest())),
        segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(500)),
        segment(0xFE, b"a comment"),
        trailer=b"\0\0\0\x18ftypmp42 a motion video" * 9,
    ),
    "fill-bytes.jpg": lambda: jpeg_with(b"\xff\xff\xff" + segment(0xFE, b"filled")),
    "pictures.mpo": lambda: saved("MPO", save_all=True, append_images=[picture(seed=4), picture(seed=5)]),
    "plain.png": lambda: saved("PNG"),
    "palette.png": lambda: saved("PNG", picture("L").convert("P"), transparency=3),
    "all.png": lambda: png_with(
        chunk(b"tEXt", b"Comment\0of somebody"),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet("before"))),
        chunk(b"eXIf", camera_exif("before")[6:]),
        trailer=b"behind the end",
    ),
    "late.png": lambda: saved("PNG")[:-12] + chunk(b"eXIf", camera_exif()[6:]) + saved("PNG")[-12:],
    "animated.png": lambda: saved("PNG", picture("RGBA"), **_FRAMES),
    "lossy.webp": lambda: saved("WEBP"),
    "lossless.webp": lambda: saved("WEBP", lossless=True),
    "alpha.webp": lambda: saved("WEBP", picture("RGBA"), lossless=True, exact=True),
    "lossy-alpha.webp": lambda: saved("WEBP", picture("RGBA")),
    "all.webp": lambda: saved("WEBP", exif=camera_exif("before"), xmp=packet("before"), icc_profile=bytes(131)),
    "animated.webp": lambda: saved("WEBP", picture("RGBA"), **_FRAMES) + b"trailing",
    "plain.tif": lambda: saved("TIFF"),
    "deflate.tif": lambda: saved("TIFF", compression="tiff_deflate"),
    "big-endian.tif": lambda: saved("TIFF", Image.frombytes("I;16B", (8, 8), bytes(range(128)))),
    "pages.tif": lambda: saved("TIFF", save_all=True, append_images=[picture(seed=7), picture("L", 8)]),
    "all.tif": lambda: saved(
        "TIFF",
        tiffinfo={
            270: "before",
            315: "an artist",
            700: packet("before"),
            33723: LATIN_IIM,
            34377: _THUMBNAILS + resource(0x0425, hashlib.md5(LATIN_IIM).digest()),
        },
        exif=camera_exif("before")[6:],
    ),
}


def write(data: bytes, text: str = CAPTION) -> bytes:
    """Write `text` wherever the container takes it; raises Refusal."""
    module = container(data)
    blocks: Blocks = module.read(data)
    iptc = edit_iptc(blocks.iptc, caption=text, keywords=["dog", "Hund ä"]) if blocks.supports_iptc else None
    description = text.encode() if blocks.description_room >= len(text.encode()) else None
    new: bytes = module.replace(data, Change(packet(text), iptc, description))
    return new


def unwrite(data: bytes, original: bytes) -> bytes:
    """Bring the blocks of `original` back."""
    module = container(data)
    before: Blocks = module.read(original)
    old: bytes = module.replace(
        data,
        Change(
            xmp=REMOVE if before.xmp is None else before.xmp,
            iptc=(REMOVE if before.iptc is None else before.iptc) if before.supports_iptc else None,
            description=(REMOVE if before.description is None else before.description)
            if before.description_writable
            else None,
        ),
    )
    return old


def pixels(data: bytes, most: int = 4_000_000) -> list[bytes] | None:
    """Return what Pillow decodes, a hash for each frame; None where it cannot."""
    frames = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = Image.open(io.BytesIO(data))
            if image.width * image.height > most:
                return None
            for frame in range(min(getattr(image, "n_frames", 1), 20)):
                image.seek(frame)
                frames.append(hashlib.sha256(f"{image.mode}{image.size}".encode() + image.tobytes()).digest())
        except Exception:  # whatever a damaged file makes Pillow stumble over
            return None
    return frames
