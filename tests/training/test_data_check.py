"""The look through the data before the first step, and the split by photo."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from mqwen.errors import Cancelled
from mqwen.training.data_check import Checked, check, fingerprint, split
from mqwen.training.dataset import Example, Found, Question, Turn, read_examples


def captioned(folder: Path, count: int, caption: str = "a thing, number {}") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.new("RGB", (24, 24), (i * 7 % 256, i * 31 % 256, i // 256)).save(folder / f"p{i:03}.png")
        (folder / f"p{i:03}.txt").write_text(caption.format(i), encoding="utf-8")
    return folder


def checked(folder: Path) -> Checked:
    return check(read_examples(folder, Question()))


def names(examples: list[Example]) -> set[str]:
    return {photo.name for example in examples for photo in example.photos}


def test_unreadable_photos_are_left_out_and_named(tmp_path: Path) -> None:
    folder = captioned(tmp_path, 4)
    whole = (folder / "p001.png").read_bytes()
    (folder / "p001.png").write_bytes(whole[: len(whole) // 2])
    (folder / "p002.png").write_bytes(b"")
    result = checked(folder)
    assert names(result.examples) == {"p000.png", "p003.png"}
    assert {error.path.name for error in result.problems if error.path} == {"p001.png", "p002.png"}
    assert all(error.hint for error in result.problems)


def test_a_copy_with_the_same_caption_counts_once_and_with_another_twice(tmp_path: Path) -> None:
    folder = captioned(tmp_path, 3)
    for name, text in (("copy", "a thing, number 0"), ("other", "something else")):
        shutil.copy(folder / "p000.png", folder / f"{name}.png")
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    result = checked(folder)
    assert len(result.examples) == 4
    (remark,) = result.remarks
    assert remark.startswith("1 photo(s) are copies of others") and "p000.png" in remark and "copy.png" in remark


def test_many_equal_captions_are_told(tmp_path: Path) -> None:
    (remark,) = checked(captioned(tmp_path, 12, "photo")).remarks
    assert "12 photos have the same caption, 'photo'" in remark


def test_the_split_is_by_content_and_stays_when_files_are_renamed_and_added(tmp_path: Path) -> None:
    folder = captioned(tmp_path / "a", 40)
    training, validation = split(checked(folder), 0.1)
    assert len(validation) == 4 and not names(training) & names(validation)
    held = {photo.read_bytes() for example in validation for photo in example.photos}

    moved = tmp_path / "b"
    moved.mkdir()
    for i, path in enumerate(sorted(folder.glob("*.png"), reverse=True)):
        shutil.copy(path, moved / f"renamed{i}.png")
        shutil.copy(path.with_suffix(".txt"), moved / f"renamed{i}.txt")
    _, again = split(checked(moved), 0.1)
    assert {photo.read_bytes() for example in again for photo in example.photos} == held
    captioned(folder, 44)
    _, grown = split(checked(folder), 0.1)
    assert len({photo.read_bytes() for example in grown for photo in example.photos} & held) >= 3


def test_no_photo_is_on_both_sides_whatever_it_shares(tmp_path: Path) -> None:
    """Copies, several captions of one photo, and photos that share a conversation stay together."""
    folder = captioned(tmp_path, 20)
    for i in range(20):
        shutil.copy(folder / f"p{i:03}.png", folder / f"copy{i}.png")
        (folder / f"copy{i}.txt").write_text("other words", encoding="utf-8")
    found = read_examples(folder, Question())
    pair = (folder / "p000.png", folder / "p001.png")
    found.examples.append(Example(pair, (Turn("Which?", "Both.", 2),), "x"))
    for share in (0.05, 0.3, 0.5):
        sides = split(check(found), share)
        content = [{photo.read_bytes() for example in side for photo in example.photos} for side in sides]
        assert content[1] and not content[0] & content[1]


@pytest.mark.parametrize(("count", "share", "held"), [(1, 0.5, 0), (2, 0.1, 1), (30, 0.0, 0), (30, 0.5, 15)])
def test_how_many_are_held_back(tmp_path: Path, count: int, share: float, held: int) -> None:
    training, validation = split(checked(captioned(tmp_path, count)), share)
    assert (len(training), len(validation)) == (count - held, held)


def test_what_was_seen_is_not_decoded_again_unless_it_changed(tmp_path: Path) -> None:
    found = read_examples(captioned(tmp_path, 3), Question())
    known: dict[str, list[object]] = {}
    keys = check(found, known=known).keys
    photo = tmp_path / "p001.png"
    known[str(photo)][2] = "noted"
    assert check(found, known=known).keys == {**keys, photo: "noted"}
    Image.new("RGB", (50, 50)).save(photo)
    assert check(found, known=known).keys[photo] not in ("noted", keys[photo])


def test_the_fingerprint_follows_photos_and_words(tmp_path: Path) -> None:
    folder = captioned(tmp_path, 3)

    def taken(prompt: str | None = None) -> str:
        examples = read_examples(folder, Question(prompt)).examples
        return fingerprint((example.photos, example.turns) for example in examples)

    first = taken()
    assert first == taken() and first != taken("Else?")
    (folder / "p001.txt").write_text("other words", encoding="utf-8")
    assert (second := taken()) != first
    Image.new("RGB", (9, 9)).save(folder / "p002.png")
    assert taken() != second


def test_it_can_be_stopped(tmp_path: Path) -> None:
    found = read_examples(captioned(tmp_path, 3), Question())
    with pytest.raises(Cancelled):
        check(Found(found.examples * 200), cancelled=lambda: True)
